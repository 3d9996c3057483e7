"""Which feature set and estimator win on held-out strokes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_vitrail.progress import part_of
from napari_vitrail.trust._held_out import HeldOut, held_out_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_vitrail.progress import Steps
    from napari_vitrail.spec import Features
    from napari_vitrail.trust._rows import PaintedRows

FEATURE_SETS: tuple[Features, ...] = ("auto", "hybrid", "vit", "classical")


@dataclass(frozen=True)
class Candidate:
    """A feature set, an estimator and what they make of held-out strokes.

    Attributes
    ----------
    features : {"auto", "hybrid", "vit", "classical"}
    estimator : str or None
        None is the default of the features.
    held_out : HeldOut
    gain : float
        Accuracy over that of the first candidate.
    interval : (low, high)
        Of the gain, by drawing strokes again.
    """

    features: Features
    estimator: str | None
    held_out: HeldOut
    gain: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        return self.features if self.estimator is None else f"{self.features} + {self.estimator}"


@dataclass(frozen=True)
class Comparison:
    """Several candidates on the same held-out strokes; the first is the default.

    Attributes
    ----------
    candidates : tuple of Candidate
    """

    candidates: tuple[Candidate, ...]

    @property
    def leader(self) -> Candidate:
        """The candidate with the highest accuracy; the earlier of equals."""
        return max(self.candidates, key=lambda candidate: candidate.held_out.accuracy)

    @property
    def winner(self) -> Candidate:
        """The leader where it is clearly better than the default; else the default.

        Hands paint inside things, where coarse features err least, so a small lead on strokes is no reason
        to give up what is best on images whose every pixel is known (docs/explanation/auto.md).
        """
        return self.leader if self.leader.interval[0] > 0 else self.candidates[0]

    @property
    def summary(self) -> str:
        """What it says, in a sentence."""
        first, best = self.candidates[0], self.leader
        if best is first:
            return f"{first} is ahead of the others, with {first.held_out.accuracy:.0%} right."
        low, high = (100 * bound for bound in best.interval)
        lead = f"{best} has {100 * best.gain:+.1f} points over {first} ({low:+.1f} to {high:+.1f})"
        return f"{lead}: {'a clear lead' if best is self.winner else f'no clear lead, so stay with {first}'}."


def compare_steps(
    rows: PaintedRows,
    estimators: Sequence[str] = (),
    *,
    known: HeldOut | None = None,
    random_state: int = 0,
) -> Steps[Comparison]:
    """Hold the same strokes out of every feature set, and of estimators by name; yield Progress.

    Parameters
    ----------
    rows : PaintedRows
        With both kinds of features, for all of `FEATURE_SETS`; else those that can be had of them.
    estimators : sequence of str
        Names that `napari_vitrail.fit_classifier` knows, tried on the feature set that leads.
    known : HeldOut, optional
        Of the same rows, made before: what need not be done again.
    random_state : int
    """
    found: list[tuple[Features, str | None, HeldOut]] = []
    sets = _sets(rows)
    parts = len(sets) + len(estimators)
    for features in sets:
        own = rows.restricted(features)
        if known is not None and (known.rows.spec, known.estimator) == (own.spec, None):
            found.append((features, None, known))
            continue
        steps = held_out_steps(own, None, random_state)
        found.append((features, None, (yield from part_of(steps, len(found), parts))))
    leader = max(found, key=lambda candidate: candidate[2].accuracy)[0]
    leader = "hybrid" if leader == "auto" else leader  # a single estimator sees both or one
    for name in estimators:
        steps = held_out_steps(rows.restricted(leader), name, random_state)
        found.append((leader, name, (yield from part_of(steps, len(found), parts))))
    first = found[0][2].right_shares(found[0][2].predicted)
    return Comparison(tuple(_candidate(*own, first) for own in found))


def _candidate(
    features: Features, estimator: str | None, held_out: HeldOut, first: NDArray[np.float64]
) -> Candidate:
    gain = held_out.right_shares(held_out.predicted) - first
    return Candidate(features, estimator, held_out, float(gain.mean()), held_out.interval_of(gain))


def _sets(rows: PaintedRows) -> list[Features]:
    """Return the feature sets that rows have the features of."""
    if rows.vit is None or rows.classical is None:
        return ["classical" if rows.vit is None else "vit"]
    return list(FEATURE_SETS)
