"""Partners of points that were clicked: a place at once, and the one that the network finds soon after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from napari.utils.notifications import show_error
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_vitrail.pairs import Correspondences, PairStatus, SavedPairs
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._runner import Job, Runner

if TYPE_CHECKING:
    from napari_vitrail.matching import ImagePair

PATIENCE = 0.15
"""Seconds that a click waits for its answer, which on two cores takes half of that."""


class Question(NamedTuple):
    """A point of image 0 or 1, in its pixels, whose partner is wanted."""

    side: int
    row: float
    column: float


class Answer(NamedTuple):
    """The pair (1,) that a question has led to, as image 0 and image 1 have it."""

    question: Question
    found: Correspondences


class Transfers(QObject):
    """Finds the partners of clicked points in a thread of its own, so that neither clicks nor seeing wait.

    Parameters
    ----------
    on_answers : callable
        Called in the GUI thread with a function that corrects pairs.
    on_outside : callable
        Called with 0 or 1 and points (n, 2) that lie outside that image: nothing of the other shows them.
    """

    def __init__(
        self,
        on_answers: Callable[[Callable[[SavedPairs], SavedPairs]], None],
        on_outside: Callable[[int, NDArray[np.float64]], None],
    ) -> None:
        super().__init__()
        self._on_answers, self._on_outside = on_answers, on_outside
        self._shapes: tuple[NDArray[np.float64], ...] = ()
        self._seen: ImagePair | None = None
        self._both: tuple[ImagePair, ...] = ()  # that of image 0 to 1 and the other way, with what is known
        self._is_coarse = False
        self._known = Correspondences.none()
        self._open: dict[Question, None] = {}  # in the order in which they were asked
        self._again: dict[Question, None] = {}  # answered by a coarse pair
        self._runner = Runner(
            on_progress=_pass_over, on_error=_show, on_warning=_pass_over, on_idle=_do_nothing
        )
        self.destroyed.connect(self._runner.retire)

    @property
    def is_busy(self) -> bool:
        """Whether a partner is being looked for."""
        return self._runner.is_busy

    @property
    def seen(self) -> ImagePair | None:
        """The pair that answers, with what is known; None where there is none yet."""
        return self._both[0] if self._both else None

    def begin(self, shapes: Sequence[tuple[int, int]]) -> None:
        """Be asked about two other images, of these shapes, from now on."""
        self.forget()
        self._open, self._again = {}, {}
        self._known = Correspondences.none()
        self._shapes = tuple(np.array(shape, float) for shape in shapes)

    def see(self, pair: ImagePair, *, is_coarse: bool) -> None:
        """Answer by a pair from now on; also, anew, what was answered by a coarse one."""
        self._seen, self._is_coarse = pair, is_coarse
        self._open = self._again | self._open
        self._again = {}
        self._inform()
        self._ask()

    def forget(self) -> None:
        """Answer nothing from now on: the images are others, or gone."""
        self._runner.cancel()
        self._seen, self._both = None, ()

    def know(self, known: Correspondences) -> None:
        """Take it from now on that some pairs are certain: they have a say in what is near them."""
        same = len(known) == len(self._known) and all(
            np.array_equal(getattr(known, name), getattr(self._known, name))
            for name in ("points0", "points1")
        )
        if not same:
            self._known = known
            self._inform()

    def partners(self, side: int, points: NDArray[np.float64]) -> Correspondences:
        """Return pairs for points (n, 2), and ask for their right partners, which may be there at once.

        The partner of a point outside its image keeps its first place.
        """
        own, other = self._shapes[side], self._shapes[1 - side]
        inside = ((points >= -0.5) & (points <= own - 0.5)).all(axis=1)
        self._open |= {Question(side, *map(float, point)): None for point in points[inside]}
        if not inside.all():
            self._on_outside(side, points[~inside])
        placed = (points + 0.5) * other / own - 0.5
        guessed = Correspondences(placed, points) if side else Correspondences(points, placed)
        status: tuple[PairStatus, ...] = ("proposed",)
        proposed = SavedPairs(guessed, np.arange(len(points)), status * len(points))
        return _answered(self._asked_in_passing(), proposed).correspondences

    def _inform(self) -> None:
        if self._seen is not None:
            pair = replace(self._seen, known=self._known if len(self._known) else None)
            self._both = pair, pair.swapped  # kept: what their best buddies agree on takes a while

    def _asked_in_passing(self) -> list[Answer]:
        """Look for all that was asked for, and return what is found within a moment.

        Who waits lets the other thread have the interpreter, and draws the answer at once. Else a window that
        draws the question first takes twice as long to show the answer.
        """
        box: SimpleQueue[list[Answer]] = SimpleQueue()
        is_free = not self._runner.is_busy
        self._ask(box)
        try:
            return self._noted(box.get(timeout=PATIENCE if is_free and self._runner.is_busy else 0))
        except Empty:
            return []

    def _ask(self, box: SimpleQueue[list[Answer]] | None = None) -> None:
        """Look for all that was asked for, in place of what is being looked for."""
        if self._both and self._open:
            steps = _answers_steps(self._both, list(self._open), box)
            self._runner.start(Job(steps, self._on_found, "Finding partners"))

    def _on_found(self, answers: list[Answer]) -> None:
        if fresh := self._noted(answers):
            self._on_answers(partial(_answered, fresh))

    def _noted(self, answers: list[Answer]) -> list[Answer]:
        """Return the answers to what is still open, which it is no more; coarse ones are asked for again."""
        fresh = [answer for answer in answers if answer.question in self._open]
        for answer in fresh:
            self._open.pop(answer.question, None)
            if self._is_coarse:
                self._again[answer.question] = None
        return fresh


def _answers_steps(
    both: Sequence[ImagePair], questions: Sequence[Question], box: SimpleQueue[list[Answer]] | None
) -> Steps[list[Answer]]:
    """Yield Progress; return the answers, to those about image 0 first, and put them into the box."""
    answers = []
    for side, pair in enumerate(both):
        own = [question for question in questions if question.side == side]
        found = yield from pair.transfer_steps([question[1:] for question in own])
        found = found.swapped(pair.pixel) if side else found
        answers += [Answer(question, found[row : row + 1]) for row, question in enumerate(own)]
    if box is not None:
        box.put(answers)
    return answers


def _answered(answers: Sequence[Answer], pairs: SavedPairs) -> SavedPairs:
    """Return pairs with the answers to what was asked; what somebody accepted or moved since stays."""
    found = {item.name: getattr(pairs.correspondences, item.name).copy() for item in fields(Correspondences)}
    open_ = np.array(pairs.status) == "proposed"
    for question, answer in answers:
        own = found[f"points{question.side}"]
        rows = np.flatnonzero(open_ & (own == question[1:]).all(axis=1))
        for name, values in found.items():
            values[rows] = getattr(answer, name)
    return pairs._replace(correspondences=Correspondences(**found))


def _pass_over(_: Progress | str) -> None:
    """Answers come soon enough to go without progress; of what is warned of seeing has spoken."""


def _do_nothing() -> None:
    """Nobody waits for the last answer."""


def _show(error: Exception) -> None:
    show_error(str(error) or type(error).__name__)
