"""One image in which objects were found: what the user has decided of it, at any cut of its merge tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._planes import axes_of

if TYPE_CHECKING:
    from napari_vitrail.objects import FoundObjects, ObjectProposals

Said = TypeVar("Said")
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
    names : mapping of int to str
        Of the labels to which the user has given one.
    """

    proposals: ObjectProposals
    labels: tuple[int, ...]
    names: Mapping[int, str]

    @property
    def of_pieces(self) -> NDArray[np.intp]:
        """The class (k,) of each piece, from 0."""
        return self.proposals.of_pieces

    def name(self, label: int) -> str:
        """Return what a label is called."""
        return self.names.get(label, f"class {label}")

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
    small : (h, w, 3) uint8 array
        A small picture of the image.
    decided : mapping of int to bool
        Pieces that the user counts as of an object, or as ground.
    judged : tuple of JudgedBox
        Boxes that were accepted or rejected.
    named : mapping of int to str
        Pieces to whose class the user has given a name.
    """

    image: LayerImage
    found: FoundObjects
    run: object
    small: NDArray[np.uint8]
    decided: Mapping[int, bool] = field(default_factory=dict)
    judged: tuple[JudgedBox, ...] = ()
    named: Mapping[int, str] = field(default_factory=dict)

    def is_of(self, other: Scene) -> bool:
        """Whether both are of the same plane of the same layer."""
        return self.image.layer is other.image.layer and self.image.plane.index == other.image.plane.index

    def cut(self, scale: float) -> SceneCut:
        """Return the classes when no two are closer than a multiple of the semantic distance."""
        proposals = self.found.cut(scale)
        of_pieces = proposals.of_pieces
        _, first = np.unique(of_pieces, return_index=True)
        if self.decided:
            salient = proposals.salient.copy()
            touched = np.unique(of_pieces[list(self.decided)])
            salient[touched] = self._shares(of_pieces)[touched] > 0.5
            proposals = proposals.with_objects(np.flatnonzero(salient) + 1)
        labels = tuple((first + 1).tolist())
        return SceneCut(proposals, labels, self._names(of_pieces, labels))

    def _shares(self, of_pieces: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the share (K,) of each class that counts as object, piece by piece."""
        is_object = self._salient.copy()
        is_object[list(self.decided)] = list(self.decided.values())
        return self._share(of_pieces, is_object)

    def _names(self, of_pieces: NDArray[np.intp], labels: Sequence[int]) -> dict[int, str]:
        """Return the names of classes: that of most of what each covers."""
        names = {}
        for name in dict.fromkeys(self.named.values()):
            own = [self.named.get(piece) == name for piece in range(len(of_pieces))]
            for at in np.flatnonzero(self._share(of_pieces, np.array(own)) > 0.5).tolist():
                names[labels[at]] = name
        return names

    def _share(self, of_pieces: NDArray[np.intp], which: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the share (K,) of each class that some pieces (k,) cover."""
        sizes = self.found.pieces.sizes
        return np.asarray(np.bincount(of_pieces, sizes * which) / np.bincount(of_pieces, sizes))

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

    def renamed(self, label: int, name: str, scale: float) -> Scene:
        """Return the scene with a class called otherwise; an empty name takes that back."""
        cut = self.cut(scale)
        pieces = np.flatnonzero(cut.of_pieces == cut.of_pieces[label - 1]).tolist()
        others = {piece: own for piece, own in self.named.items() if piece not in pieces}
        return replace(self, named={**others, **dict.fromkeys(pieces, name)} if name else others)

    def with_judged(self, boxes: Iterable[JudgedBox]) -> Scene:
        """Return the scene with boxes judged, those that were before perhaps otherwise."""
        fresh = list(boxes)
        kept = [own for own in self.judged if own.corners not in {box.corners for box in fresh}]
        return replace(self, judged=(*kept, *(box for box in fresh if box.status != "proposed")))

    def found_anew(self, scene: Scene) -> Scene:
        """Return another scene of the same image with what was decided in this one."""
        scene = replace(scene, judged=self.judged)
        if not self.decided and not self.named:
            return scene
        other = scene.found.pieces
        on_other = np.bincount(
            self.found.pieces.labels.ravel().astype(np.intp) * len(other.sizes) + other.labels.ravel(),
            minlength=len(self.found.pieces.sizes) * len(other.sizes),
        )
        shares = on_other.reshape(-1, len(other.sizes)) / other.sizes
        decided, named = _carried(self.decided, shares), _carried(self.named, shares)
        return replace(scene, decided=decided, named=named)

    def boxes(self, cut: SceneCut, least_score: float = 0.0) -> list[JudgedBox]:
        """Return the boxes at a cut: those that were accepted at any, and what else is proposed at this one.

        What was rejected stays so while it is proposed. Nothing of a lower score than the least is proposed.
        """
        from napari_vitrail.objects import overlaps  # loads torch, which has long been

        found = cut.proposals.boxes
        labels = np.array([0, *cut.labels])[found.classes].tolist()
        rows = zip(found.corners.tolist(), labels, found.scores.tolist(), strict=True)
        proposed = [
            JudgedBox(tuple(corners), label, score) for corners, label, score in rows if score >= least_score
        ]
        if not self.judged:
            return proposed
        judged = np.array([box.corners for box in self.judged])
        corners = np.array([box.corners for box in proposed]).reshape(-1, 4)
        same = np.nonzero(overlaps(judged, corners) > _SAME)
        doubled, known = (set(numbers.tolist()) for numbers in same)
        shown = [
            box for at, box in enumerate(self.judged) if at in doubled or box.status == "accepted"
        ]  # fmt: skip
        return shown + [box for at, box in enumerate(proposed) if at not in known]


def _carried(said: Mapping[int, Said], shares: NDArray[np.float64]) -> dict[int, Said]:
    """Return what is said of some pieces for those of another segmentation: what holds for most of each.

    Parameters
    ----------
    said : mapping of int to anything
        By piece.
    shares : (k, m) float array
        Of each piece of the other segmentation (m) that lies in each piece of this one (k).
    """
    carried: dict[int, Said] = {}
    for what in dict.fromkeys(said.values()):
        own = shares[[piece for piece, other in said.items() if other == what]].sum(axis=0)
        carried |= dict.fromkeys(np.flatnonzero(own > 0.5).tolist(), what)
    return carried
