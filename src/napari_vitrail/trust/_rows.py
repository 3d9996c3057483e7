"""The features of painted pixels: read once, however many classifiers are then trained on them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.backbones import load_backbone
from napari_vitrail.blend import thinned
from napari_vitrail.classify import training_set
from napari_vitrail.estimators import fit_estimator_steps
from napari_vitrail.features import CLASSICAL_CHANNELS, pixel_features_steps
from napari_vitrail.image import IntensityRange
from napari_vitrail.imports import importing_steps
from napari_vitrail.progress import Progress, part_of
from napari_vitrail.spec import SEGMENTATION, Features, FeatureSpec
from napari_vitrail.strokes import MOST_STROKES, Painted, held_out_folds, joined
from napari_vitrail.trust._groups import VIT, group_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.blend import Ids, Rows
    from napari_vitrail.estimators import Fitted
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage
    from napari_vitrail.progress import Steps


@dataclass(frozen=True)
class PaintedRows:
    """Features of the painted pixels of all images, one row each.

    Attributes
    ----------
    spec : FeatureSpec
        What they are features of.
    painted : tuple of Painted
        The pixels of each image, those of very many thinned; rows follow their order.
    vit : (n, D) float32 or None
    classical : (n, d) float32 or None
    channels : tuple of str
        Names of the classical columns.
    class_names : dict of id to name
    """

    spec: FeatureSpec
    painted: tuple[Painted, ...]
    vit: Rows | None
    classical: Rows | None
    channels: tuple[str, ...]
    class_names: dict[int, str]

    @cached_property
    def ids(self) -> Ids:
        """Class (n,) of each row."""
        return np.concatenate([own.ids for own in self.painted])

    @cached_property
    def strokes(self) -> Ids:
        """Stroke (n,) of each row, numbered from 0 through all images."""
        parts = [own.strokes + index * MOST_STROKES for index, own in enumerate(self.painted)]
        return np.unique(np.concatenate(parts), return_inverse=True)[1].astype(np.intp)

    @cached_property
    def classes(self) -> Ids:
        """Class ids (k,) in their order."""
        return np.unique(self.ids)

    @cached_property
    def stroke_ids(self) -> Ids:
        """Class (S,) of each stroke."""
        classes = np.empty(self.strokes.max() + 1, np.intp)
        classes[self.strokes] = self.ids
        return classes

    @property
    def groups(self) -> dict[str, NDArray[np.intp]]:
        """Name of each group of features -> its columns, those of the ViT counted before the classical."""
        width = 0 if self.vit is None else self.vit.shape[1]
        found: dict[str, list[int]] = {VIT: list(range(width))} if width else {}
        for column, name in enumerate(self.channels, start=width):
            found.setdefault(group_of(name), []).append(column)
        return {name: np.array(columns) for name, columns in found.items()}

    def restricted(self, features: Features) -> PaintedRows:
        """Return what a spec with another feature set, of these features or fewer, would give."""
        spec = replace(self.spec, features=features)
        if features == "vit":
            return replace(self, spec=spec, classical=None, channels=())
        return replace(self, spec=spec, vit=self.vit if spec.uses_vit else None)

    def without(self, group: str) -> PaintedRows:
        """Return all features but those of a group.

        Raises
        ------
        ValueError
            If there is no such group, or no other.
        """
        groups = self.groups
        if group not in groups:
            raise ValueError(f"group must be one of {', '.join(map(repr, groups))}, got {group!r}")
        if len(groups) == 1:
            raise ValueError(f"{group!r} is the only group of features; nothing is left without it")
        if group == VIT:
            return replace(self, vit=None)
        kept = [column for column, name in enumerate(self.channels) if group_of(name) != group]
        names = tuple(self.channels[column] for column in kept)
        known = self.classical[:, kept] if self.classical is not None and kept else None
        return replace(self, classical=known, channels=names)

    def fit_steps(self, chosen: NDArray[np.bool_], estimator: Any, random_state: int) -> Steps[Fitted]:
        """Train as thoroughly as Segment does on the chosen rows (n,), and on nothing else."""
        starts = np.cumsum([len(own.ids) for own in self.painted])[:-1]
        parts = zip(self.painted, np.split(chosen, starts), strict=True)
        folds = held_out_folds([own.only(np.flatnonzero(here)) for own, here in parts if here.any()])
        return (
            yield from fit_estimator_steps(
                estimator, self.spec, *self.at(chosen), self.ids[chosen], folds, random_state
            )
        )

    def at(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> tuple[Rows | None, Rows | None]:
        """Return the ViT and the classical features of some rows."""
        vit = None if self.vit is None else self.vit[chosen]
        return vit, None if self.classical is None else self.classical[chosen]


def painted_rows_steps(
    images: Sequence[ArrayLike | LayeredImage],
    labels: Sequence[ArrayLike],
    spec: FeatureSpec = SEGMENTATION,
    *,
    class_names: Mapping[int, str] | None = None,
    backbone: Backbone | None = None,
    weights: str | os.PathLike[str] = "auto",
    device: str = "auto",
    store: TokenStore | None = None,
    random_state: int = 0,
) -> Steps[PaintedRows]:
    """Yield Progress; return the features of the painted pixels. See `napari_vitrail.fit_classifier`."""
    planes, whole = training_set(images, labels, class_names or {}, random_state, sys.maxsize)
    painted = _few(whole, random_state)
    intensity = IntensityRange.of(planes, spec.intensity)
    parts = len(planes) + 1
    if spec.uses_vit and backbone is None:
        yield from importing_steps("timm")
        yield Progress(0, parts, "loading weights")
        backbone = load_backbone(spec.backbone, weights=weights, device=device)
    vit, classical = [], []
    for index, (plane, own) in enumerate(zip(planes, painted, strict=True), start=1):
        steps = pixel_features_steps(plane, spec, intensity, backbone, positions=own.positions, store=store)
        features = yield from part_of(steps, index, parts)
        vit.append(features.vit_at(own.positions))
        yield Progress(index + 1, parts, "features of painted pixels")
        classical.append(features.classical_at(own.positions))
    names = {int(id_): f"class {id_}" for id_ in np.unique(np.concatenate([own.ids for own in painted]))}
    names.update({id_: name for id_, name in (class_names or {}).items() if id_ in names})
    channels = () if spec.features == "vit" else _channels(intensity)
    return PaintedRows(spec, tuple(painted), _stacked(vit), _stacked(classical), channels, names)


def _channels(intensity: IntensityRange) -> tuple[str, ...]:
    """Return the names of the classical features: of the image, then of each further channel."""
    further = [f"{name}: {own}" for name in intensity.extra_names for own in CLASSICAL_CHANNELS]
    return (*CLASSICAL_CHANNELS, *further)


def _few(whole: list[Painted], random_state: int) -> list[Painted]:
    """Return some thousand pixels of each class, with their share of every stroke of it."""
    strokes = [joined(own) for own in whole]
    ids = np.concatenate([own.ids for own in strokes])
    numbers = np.concatenate([own.strokes + index * MOST_STROKES for index, own in enumerate(strokes)])
    starts = np.cumsum([len(own.ids) for own in strokes])[:-1]
    kept = np.split(thinned(ids, numbers, random_state), starts)
    return [own.only(np.flatnonzero(here)) for own, here in zip(strokes, kept, strict=True)]


def _stacked(rows: list[Rows | None]) -> Rows | None:
    known = [own for own in rows if own is not None]
    return np.concatenate(known) if known else None
