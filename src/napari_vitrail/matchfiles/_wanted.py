"""What is wanted of every image that is matched with the reference, and where it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from napari_vitrail.batch import check_spared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_vitrail.alignment import AlignmentKind
    from napari_vitrail.pairs import SavedPoints

PairsFormat: TypeAlias = Literal["table", "napari", "bigwarp"]


@dataclass(frozen=True, eq=False)
class MatchWanted:
    """What is wanted of every image.

    Attributes
    ----------
    n_pairs : int, optional
        How many pairs are found at most; None for all.
    points : SavedPoints, optional
        Points of the reference that are to be found in each image, instead of proposed pairs.
    format : {"table", "napari", "bigwarp"}
        Of the pairs: see `napari_vitrail.save_pairs`, `save_napari_points` and `save_bigwarp`.
    pixel_size : (float, float)
        Side of a pixel of the reference and of the images, in the unit that BigWarp knows them by.
    kind : str, optional
        Of the transform that is fitted to the pairs and moves the image onto the reference. Without `points`
        the pairs are then found by `napari_vitrail.align_images`.
    threshold : float, pixels of the reference
        Pairs that are farther off are left out of the fit.
    warp : bool
        Whether the image is to be written as it lies on the reference.
    picture : bool
        Whether both images and their pairs are to be drawn.
    """

    n_pairs: int | None = 10
    points: SavedPoints | None = None
    format: PairsFormat = "table"
    pixel_size: tuple[float, float] = (1.0, 1.0)
    kind: AlignmentKind | None = None
    threshold: float = 5.0
    warp: bool = False
    picture: bool = False

    def __post_init__(self) -> None:
        if self.n_pairs is not None and self.n_pairs < 1:
            raise ValueError(f"pairs must be at least 1, or all, got {self.n_pairs}")
        if self.points is not None and not len(self.points.ids):
            raise ValueError("points must hold a point at least, got none")
        if self.warp and self.kind is None:
            raise ValueError("warp needs a transform: say which with fit, for instance fit affine")
        if not self.threshold > 0:
            raise ValueError(f"threshold must be more than 0 pixels, got {self.threshold}")
        if self.pixel_size != (1, 1) and self.format != "bigwarp":
            raise ValueError("pixel-size is for format bigwarp: the other formats count in pixels")
        if not all(size > 0 for size in self.pixel_size):
            raise ValueError(f"pixel-size must be two sizes of more than 0, got {self.pixel_size}")

    @property
    def is_aligned(self) -> bool:
        """Whether pairs are found for the sake of a transform, and verified by it."""
        return self.kind is not None and self.points is None

    def paths(self, pairs: Path, stem: str) -> dict[str, Path]:
        """Return the files that are written of an image: the `pairs`, and what is called by `stem`."""
        wanted = {
            "pairs": (True, pairs),
            "reference": (self.format == "napari", pairs.with_name(f"{pairs.stem}_reference.csv")),
            "alignment": (self.kind is not None, pairs.with_name(f"{stem}_alignment.json")),
            "warped": (self.warp, pairs.with_name(f"{stem}_warped.tif")),
            "picture": (self.picture, pairs.with_suffix(".png")),
        }
        return {what: path for what, (is_wanted, path) in wanted.items() if is_wanted}


def check_outputs(
    images: Sequence[Path], outputs: Sequence[dict[str, Path]], inputs: Sequence[Path] = ()
) -> None:
    """Raise ValueError where two images would be written to one file, or an input be replaced."""
    taken: dict[Path, Path] = {}
    for image, own in zip(images, outputs, strict=True):
        for path in own.values():
            other = taken.setdefault(path.resolve(), image)
            if other != image:
                raise ValueError(f"{other} and {image} would both be written to {path}")
        if len({path.resolve() for path in own.values()}) < len(own):
            listed = ", ".join(map(str, own.values()))
            raise ValueError(f"pairs, plot and the others must be files of their own, got {listed}")
    check_spared([path for own in outputs for path in own.values()], [*images, *inputs])
