"""What is made of the class probabilities of an image, and written beside each other as files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_vitrail.imagefile import tiff_axes, write_tiff
from napari_vitrail.measurements import write_csv
from napari_vitrail.progress import Steps, part_of
from napari_vitrail.refinement import Refinement, refine_steps
from napari_vitrail.segmentation import probabilities_steps, segment_steps
from napari_vitrail.stack_objects import ObjectSearch, stack_objects_steps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.image import Picture


@dataclass(frozen=True)
class Wanted:
    """What is wanted of every image, besides its segmentation.

    Attributes
    ----------
    probabilities : bool
        Those of each class, before the clean-up.
    refinement : Smoothing, DenseCRF or None
        The clean-up of the segmentation; None for none.
    instances : tuple of str
        Classes whose objects are wanted, by id or name.
    min_size, split
        See `napari_vitrail.find_instances`.
    table : bool
        Whether the objects are to be measured.
    pixel_size : float, micrometres, optional
        Side of a pixel, for the measurements.
    volumes : bool
        Whether the objects of a stack go through its planes, along the last axis that counts them; else
        every plane has objects of its own.
    plane_distance : float, micrometres, optional
        Between the planes of a volume, for the measurements.
    """

    probabilities: bool = False
    refinement: Refinement | None = None
    instances: tuple[str, ...] = ()
    min_size: int = 0
    split: bool = False
    table: bool = False
    pixel_size: float | None = None
    volumes: bool = False
    plane_distance: float | None = None

    def __post_init__(self) -> None:
        if not self.instances and (self.table or self.split or self.min_size or self.volumes):
            raise ValueError(
                "table, split, min-size and volumes are about objects: name their classes with instances"
            )
        if self.min_size < 0:
            raise ValueError(f"min-size must be 0 or more, got {self.min_size}")
        if self.pixel_size is not None and not self.pixel_size > 0:
            raise ValueError(f"pixel-size must be more than 0, got {self.pixel_size}")
        if self.plane_distance is not None and not self.plane_distance > 0:
            raise ValueError(f"plane-distance must be more than 0, got {self.plane_distance}")
        measured = self.volumes and self.pixel_size is not None
        if measured != (self.plane_distance is not None):
            raise ValueError("plane-distance goes with volumes and pixel-size: volumes have three sizes")

    def search(self, classifier: PixelClassifier) -> ObjectSearch:
        """Return what objects are looked for, of a classifier's classes."""
        return ObjectSearch(
            tuple(self.class_ids(classifier)), classifier.class_names, self.min_size, self.split,
            self.volumes, self._spacing,
        )  # fmt: skip

    @property
    def _spacing(self) -> tuple[float, ...] | None:
        if self.pixel_size is None:
            return None
        deep = () if self.plane_distance is None else (self.plane_distance,)
        return (*deep, self.pixel_size, self.pixel_size)

    def paths(self, image: Path, folder: Path) -> dict[str, Path]:
        """Return the files that are written of an image: ``IMAGE_segmentation.tif`` first."""
        wanted = {
            "segmentation.tif": True,
            "probabilities.tif": self.probabilities,
            "instances.tif": bool(self.instances),
            "objects.csv": self.table,
        }
        return {end: folder / f"{image.stem}_{end}" for end, is_wanted in wanted.items() if is_wanted}

    def class_ids(self, classifier: PixelClassifier) -> list[int]:
        """Return the ids of the classes whose objects are wanted, or raise ValueError."""
        known = {name: id_ for id_, name in classifier.class_names.items()}
        known |= {str(id_): int(id_) for id_ in classifier.classes_}
        if unknown := [name for name in self.instances if name not in known]:
            raise ValueError(
                f"instances must be classes of the classifier ({', '.join(known)}), got {', '.join(unknown)}"
            )
        return [known[name] for name in self.instances]


def results_steps(
    image: Picture, classifier: PixelClassifier, wanted: Wanted, **settings: Any
) -> Steps[tuple[NDArray[Any], NDArray[Any] | None]]:
    """Yield Progress; return the segmentation of an image, and its probabilities where they were needed.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) array, or LayeredImage
    classifier : PixelClassifier
    wanted : Wanted
    **settings
        Backbone, device and store, see `napari_vitrail.segment`.
    """
    if not wanted.probabilities and wanted.refinement is None:
        return (yield from segment_steps(image, classifier, **settings)), None
    steps = probabilities_steps(image, classifier, **settings)
    probabilities = yield from part_of(steps, 0, 2)
    if wanted.refinement is None:
        found = classifier.classes_[probabilities.argmax(axis=0)]
    else:
        cleaning = refine_steps(probabilities, wanted.refinement, image=image, classes=classifier.classes_)
        found = yield from part_of(cleaning, 1, 2)
    return found.astype(classifier.dtype), probabilities


def write_results_steps(
    paths: dict[str, Path],
    planes: Sequence[Picture],
    classifier: PixelClassifier,
    wanted: Wanted,
    segmentation: NDArray[Any],
    probabilities: NDArray[Any] | None,
) -> Steps[None]:
    """Yield Progress; write what is wanted of an image's planes to the files that `Wanted.paths` names."""
    if wanted.probabilities and probabilities is not None:
        write_tiff(paths["probabilities.tif"], probabilities, tiff_axes(segmentation.ndim, "C"))
    if wanted.instances:
        search = wanted.search(classifier)
        instances, table = yield from stack_objects_steps(segmentation, planes, search)
        write_tiff(paths["instances.tif"], instances, tiff_axes(segmentation.ndim))
        if wanted.table:
            write_csv(paths["objects.csv"], table)
    write_tiff(paths["segmentation.tif"], segmentation, tiff_axes(segmentation.ndim))
