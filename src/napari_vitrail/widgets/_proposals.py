"""Pairs that the network proposes, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QGridLayout, QPushButton, QSpinBox, QWidget

from napari_vitrail.pairs import Correspondences, PairStatus, SavedPairs
from napari_vitrail.progress import Steps
from napari_vitrail.widgets._form import allow, without_arguments
from napari_vitrail.widgets._linked import LinkedPoints
from napari_vitrail.widgets._matching import Matching

ACCEPT_KEY, REJECT_KEY = "Y", "N"
"""Keys over either points layer."""
_FIND_HINT = "Let the network propose pairs, spread over what both images show, beside those that there are"
_APART = 0.02  # of the longer side: whoever is nearer to a point is no new one
_OPEN: tuple[PairStatus, ...] = ("proposed",)
_ALL: tuple[PairStatus, ...] = ("proposed", "accepted", "rejected", "locked")


class Proposals(QWidget):
    """Buttons that find pairs, accept and reject them, and take back what was done to any.

    Parameters
    ----------
    matching : Matching
    """

    def __init__(self, matching: Matching) -> None:
        super().__init__()
        self._matching = matching
        self._bound: LinkedPoints | None = None
        self._count = QSpinBox()
        self._count.setRange(1, 1000)
        self._count.setValue(10)
        self._count.setSuffix(" pairs")
        self._count.setToolTip("How many pairs to propose at most")
        self._find = QPushButton("Find pairs")
        self._find.clicked.connect(self._on_find_clicked)
        self._buttons = {
            name: (QPushButton(name), hint, slot)
            for name, hint, slot in (
                ("Accept", f"Accept the pairs whose points are selected; key {ACCEPT_KEY} over the points",
                 self.accept),
                ("Reject", f"Reject the pairs whose points are selected; key {REJECT_KEY} over the points. "
                           "They stay, in grey, and count for nothing", self.reject),
                ("Accept all", "Accept all pairs that are proposed",
                 lambda: self._judge_all("accepted")),
                ("Reject all", "Reject all pairs that are proposed",
                 lambda: self._judge_all("rejected")),
                ("Undo", "Take back what was done to pairs last; Ctrl+Z over the points", self._undo),
                ("Redo", "Do again what was taken back last; Ctrl+Shift+Z over the points", self._redo),
            )
        }  # fmt: skip
        for button, _, slot in self._buttons.values():
            button.clicked.connect(without_arguments(slot))
        matching.changed.connect(self._on_changed)
        self._lay_out()
        self._on_changed()

    def accept(self, _: Any = None) -> None:
        """Accept the selected pairs; those that were set by hand are locked already."""
        self._judge(self._matching.selected, "accepted", ("proposed", "rejected"))

    def reject(self, _: Any = None) -> None:
        """Reject the selected pairs."""
        self._judge(self._matching.selected, "rejected", _ALL)

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._find, 0, 0)
        layout.addWidget(self._count, 0, 1)
        for place, (button, _, _) in enumerate(self._buttons.values()):
            layout.addWidget(button, 1 + place // 2, place % 2)
        for column in (0, 1):
            layout.setColumnStretch(column, 1)

    def _on_changed(self) -> None:
        allow(self._find, _FIND_HINT, self._matching.seen_obstacle())
        obstacle = self._matching.pairs_obstacle()
        for button, hint, _ in self._buttons.values():
            allow(button, hint, obstacle)
        linked = self._matching.linked
        if linked is not self._bound and linked is not None:
            for layer in linked.layers:
                layer.bind_key(ACCEPT_KEY, self.accept, overwrite=True)
                layer.bind_key(REJECT_KEY, self.reject, overwrite=True)
        self._bound = linked

    def _judge(self, ids: Iterable[int], status: PairStatus, judged: tuple[PairStatus, ...]) -> None:
        """Give a status to pairs that have one of some."""
        linked, pairs = self._matching.linked, self._matching.pairs
        if linked is None or pairs is None:
            return
        wanted = set(ids)
        here = zip(pairs.ids.tolist(), pairs.status, strict=True)
        chosen = [id_ for id_, own in here if id_ in wanted and own in judged]
        if chosen:
            linked.set_status(chosen, status)
        elif not wanted:
            self._matching.job.refuse("select points, with the arrow among napari's tools")

    def _judge_all(self, status: PairStatus) -> None:
        pairs = self._matching.pairs
        if pairs is not None and "proposed" in pairs.status:
            self._judge(pairs.ids.tolist(), status, _OPEN)

    def _undo(self) -> None:
        if self._matching.linked is not None:
            self._matching.linked.undo()

    def _redo(self) -> None:
        if self._matching.linked is not None:
            self._matching.linked.redo()

    def _on_find_clicked(self) -> None:
        seen, linked = self._matching.seen, self._matching.linked
        if seen is None or linked is None:
            self._matching.job.refuse(self._matching.seen_obstacle())
            return
        self._matching.job.run(
            _find_steps(seen, self._count.value()),
            on_done=partial(self._on_found, linked, max(seen.seen0.shape)),
            title="Finding pairs",
        )

    def _on_found(self, linked: LinkedPoints, side: int, found: Correspondences) -> str:
        if linked is not self._matching.linked:
            return "the points were removed meanwhile."
        fresh = found[is_new(found, linked.pairs, side)]
        if len(fresh):
            linked.write(joined(linked.pairs, fresh))
        known = len(found) - len(fresh)
        return f"{len(fresh)} pairs proposed{f', {known} more are there already' if known else ''}."


def joined(pairs: SavedPairs, further: Correspondences) -> SavedPairs:
    """Return pairs and proposals after them, whose ids are new."""
    both = Correspondences(
        *(
            np.concatenate([getattr(own, item.name) for own in (pairs.correspondences, further)])
            for item in fields(Correspondences)
        )
    )
    first = max(pairs.ids.tolist(), default=-1) + 1
    ids = np.concatenate([pairs.ids, np.arange(first, first + len(further))])
    return SavedPairs(both, ids, pairs.status + _OPEN * len(further))


def is_new(found: Correspondences, pairs: SavedPairs, side: int) -> NDArray[np.bool_]:
    """Return which pairs (n,) begin near none that is there, of an image with this longer side."""
    apart = np.linalg.norm(found.points0[:, None] - pairs.correspondences.points0, axis=-1)
    return np.asarray(apart.min(axis=1, initial=np.inf) >= _APART * side)


def _find_steps(seen: Any, count: int) -> Steps[Correspondences]:
    """Yield Progress; return what the network proposes."""
    from napari_vitrail.matching import find_steps  # loads torch, which has long been

    return (yield from find_steps(seen, n_pairs=count))
