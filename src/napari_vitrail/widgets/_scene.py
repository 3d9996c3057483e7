"""One image in which objects were found: what the user has decided of it, at any cut of its merge tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._planes import axes_of

if TYPE_CHECKING:
    from napari_vitrail.objects import FoundObjects, ObjectProposals

Judgement = Literal["proposed", "accepted", "rejected"]
Corners = tuple[int, int, int, int]
"""Half-open rows and columns of a box: ``(y0, x0, y1, x1)``."""
_SAME = 0.8
"""Boxes that overlap by more are one box to the one who judges them."""


class JudgedBox(NamedTuple):
    """A box, the label of what is in it (0: all objects together), its score, and what is thought of it."""

    corners: Corners
    label: int
    score: float
    status: Judgement = "proposed"


@dataclass(frozen=True, eq=False)
class SceneCut:
    """One cut of the merge tree of an image.

    Attributes
    ----------
    proposals : ObjectProposals
        With what the user counts as objects.
    labels : tuple of int
        Of the classes 1, 2, ...: one more than the first of their pieces, so that a class keeps its label,
        and its colour, while others are merged.
    of_pieces : (k,) int array
        The class of each piece, from 0.
    """

    proposals: ObjectProposals
    labels: tuple[int, ...]
    of_pieces: NDArray[np.intp]

    @property
    def objects(self) -> list[int]:
        """The labels of the objects."""
        return [own for own, yes in zip(self.labels, self.proposals.salient, strict=True) if yes]

    def areas(self, sizes: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the share (K,) of the image that each class covers, by the sizes (k,) of the pieces."""
        return np.asarray(np.bincount(self.of_pieces, sizes) / sizes.sum())

    def label_of(self, piece: int) -> int:
        """Return the label of the class that a piece is of."""
        return self.labels[self.of_pieces[piece]]

    def table(self, *, with_ground: bool) -> NDArray[np.uint8]:
        """Return the label (k,) of each piece; 0 for the ground, unless that is wanted too."""
        labels = np.array(self.labels)
        if not with_ground:
            labels = np.where(self.proposals.salient, labels, 0)
        return labels[self.of_pieces].astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Scene:
    """An image, what was found in it, and what the user has decided; decided otherwise by making another.

    Attributes
    ----------
    image : LayerImage
    found : FoundObjects
    run : object
        What was found at the press of one button belongs together.
    decided : mapping of int to bool
        Pieces that the user counts as of an object, or as ground.
    judged : tuple of JudgedBox
        Boxes that were accepted or rejected.
    """

    image: LayerImage
    found: FoundObjects
    run: object
    decided: Mapping[int, bool] = field(default_factory=dict)
    judged: tuple[JudgedBox, ...] = ()

    def is_of(self, other: Scene) -> bool:
        """Whether both are of the same plane of the same layer."""
        return self.image.layer is other.image.layer and self.image.plane.index == other.image.plane.index

    def cut(self, scale: float) -> SceneCut:
        """Return the classes when no two are closer than a multiple of the semantic distance."""
        tree = self.found.tree
        of_pieces = tree.cut(tree.n_classes(scale))
        _, first = np.unique(of_pieces, return_index=True)
        proposals = self.found.cut(scale)
        if self.decided:
            salient = proposals.salient.copy()
            touched = np.unique(of_pieces[list(self.decided)])
            salient[touched] = self._shares(of_pieces)[touched] > 0.5
            proposals = proposals.with_objects(np.flatnonzero(salient) + 1)
        return SceneCut(proposals, tuple((first + 1).tolist()), of_pieces)

    def _shares(self, of_pieces: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the share (K,) of each class that counts as object, piece by piece."""
        is_object = self._salient.copy()
        is_object[list(self.decided)] = list(self.decided.values())
        sizes = self.found.pieces.sizes
        return np.asarray(np.bincount(of_pieces, sizes * is_object) / np.bincount(of_pieces, sizes))

    @cached_property
    def _salient(self) -> NDArray[np.bool_]:
        """Whether each piece is of an object before anybody has decided anything."""
        own = self.found.pieces.salient
        return self.found.cut(n_classes=self.found.tree.n_pieces).salient if own is None else own

    def piece_at(self, position: Sequence[float]) -> int | None:
        """Return the piece at a position in the world; None outside the image."""
        axes = list(axes_of(self.image.plane.index))
        pixel = np.rint(np.asarray(self.image.layer.world_to_data(position))[axes]).astype(int)
        labels = self.found.pieces.labels
        if ((pixel < 0) | (pixel >= labels.shape)).any():
            return None
        return int(labels[tuple(pixel)])

    def toggled(self, label: int, scale: float) -> Scene:
        """Return the scene with an object as ground, or the other way round."""
        cut = self.cut(scale)
        own = cut.of_pieces[label - 1]
        becomes = not cut.proposals.salient[own]
        pieces = np.flatnonzero(cut.of_pieces == own).tolist()
        return replace(self, decided={**self.decided, **dict.fromkeys(pieces, becomes)})

    def with_judged(self, boxes: Iterable[JudgedBox]) -> Scene:
        """Return the scene with boxes judged, those that were before perhaps otherwise."""
        fresh = list(boxes)
        kept = [own for own in self.judged if own.corners not in {box.corners for box in fresh}]
        return replace(self, judged=(*kept, *(box for box in fresh if box.status != "proposed")))

    def found_anew(self, scene: Scene) -> Scene:
        """Return another scene of the same image with what was decided in this one."""
        own, other = self.found.pieces, scene.found.pieces
        signs = np.zeros(len(own.sizes))
        for piece, yes in self.decided.items():
            signs[piece] = 1 if yes else -1
        means = np.bincount(other.labels.ravel(), signs[own.labels].ravel()) / other.sizes
        pieces = np.flatnonzero(np.abs(means) > 0.5).tolist()
        return replace(scene, decided={piece: means[piece] > 0 for piece in pieces}, judged=self.judged)

    def boxes(self, cut: SceneCut) -> list[JudgedBox]:
        """Return the boxes at a cut: those that were accepted at any, and what else is proposed at this one.

        What was rejected stays so while it is proposed.
        """
        from napari_vitrail.objects import overlaps  # loads torch, which has long been

        found = cut.proposals.boxes
        labels = np.array([0, *cut.labels])[found.classes].tolist()
        rows = zip(found.corners.tolist(), labels, found.scores.tolist(), strict=True)
        proposed = [JudgedBox(tuple(corners), label, score) for corners, label, score in rows]
        if not self.judged:
            return proposed
        judged = np.array([box.corners for box in self.judged])
        same = np.nonzero(overlaps(judged, found.corners) > _SAME)
        doubled, known = (set(numbers.tolist()) for numbers in same)
        shown = [
            box for at, box in enumerate(self.judged) if at in doubled or box.status == "accepted"
        ]  # fmt: skip
        return shown + [box for at, box in enumerate(proposed) if at not in known]
