"""The clean-up that was chosen, as a project keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from napari_vitrail.crf import DenseCRF
from napari_vitrail.entries import as_choice, as_numbers, as_whole
from napari_vitrail.smoothing import Smoothing

LARGEST_SIGMA = 1000.0
MOST_ITERATIONS = 1000
"""Beyond these a clean-up would take hours, or more memory than there is."""


@dataclass(frozen=True)
class ChosenCleanUp:
    """What segmentations were cleaned up by, or would have been.

    Attributes
    ----------
    how : Smoothing or DenseCRF
    is_on : bool
        Whether every result was cleaned up.
    """

    how: Smoothing | DenseCRF
    is_on: bool = True


def cleanup_of(entry: Mapping[str, Any]) -> ChosenCleanUp:
    """Return the clean-up that an entry of JSON describes, checked."""
    values = {name: value for name, value in entry.items() if name not in ("method", "is_on")}
    method, is_on = entry["method"], as_choice(entry["is_on"])
    if method == "smoothing":
        return ChosenCleanUp(_smoothing(**values), is_on)
    if method == "crf":
        return ChosenCleanUp(_crf(**values), is_on)
    raise ValueError(f"a clean-up must be smoothing or crf, got {method!r:.60}")


def cleanup_entry(chosen: ChosenCleanUp) -> dict[str, Any]:
    """Return a clean-up as JSON has it."""
    method = "smoothing" if isinstance(chosen.how, Smoothing) else "crf"
    return {"method": method, "is_on": chosen.is_on, **asdict(chosen.how)}


def _smoothing(sigma: Any) -> Smoothing:
    if _number(sigma) > LARGEST_SIGMA:
        raise ValueError(f"smoothing must be over {LARGEST_SIGMA:g} pixels at most, got {sigma}")
    return Smoothing(_number(sigma))


def _crf(n_iterations: Any, **numbers: Any) -> DenseCRF:
    iterations = as_whole(n_iterations, 1, MOST_ITERATIONS)
    return DenseCRF(**{name: _number(value) for name, value in numbers.items()}, n_iterations=iterations)


def _number(value: Any) -> float:
    """Return a finite number; ValueError, or TypeError, if it is something else."""
    return float(as_numbers([value], (1,))[0])
