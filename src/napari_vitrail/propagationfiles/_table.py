"""What came of all frames: as a table, and in a few lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.csvfile import write_lines
from napari_vitrail.propagationfiles._run import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_vitrail.framefiles import Frames
    from napari_vitrail.propagationfiles._run import FrameDone

WORST = 5
"""Frames that people are told to look at."""


def write_table(path: Path, done: Sequence[FrameDone], frames: Frames) -> None:
    """Write a row for each frame: whether it was labelled by hand, its quality, the pixels of each label."""
    ids = _ids(done)
    header = ("frame", "name", "by_hand", "quality", *(f"label_{id_}_px" for id_ in ids))
    rows = (
        (own.frame, name_of(frames, own.frame), own.is_given, f"{own.quality:.4f}",
         *(own.pixels.get(id_, 0) for id_ in ids))
        for own in done
    )  # fmt: skip
    write_lines(path, [header, *rows])


def summary_lines(done: Sequence[FrameDone], frames: Frames) -> Iterator[str]:
    """Yield lines for people: how many frames, how good, and which ones to look at."""
    passed = [own for own in done if not own.is_given]
    by_hand = len(done) - len(passed)
    yield f"{len(done)} of {len(frames)} frames: {by_hand} labelled by hand, {len(passed)} from there"
    if not passed:
        return
    quality = np.array([own.quality for own in passed])
    yield f"quality {quality.mean():.2f} on average, {quality.min():.2f} at least"
    worst = sorted(passed, key=lambda own: (own.quality, own.frame))[:WORST]
    rows = [(str(own.frame), name_of(frames, own.frame), own.quality, own.pixels) for own in worst]
    width = max(len("look at"), *(len(name) for _, name, *_ in rows))
    yield f"{'look at':<{width}} {'frame':>6} {'quality':>7} {'labels':>6} {'area_px':>9}"
    for number, name, own, pixels in rows:
        yield f"{name:<{width}} {number:>6} {own:>7.2f} {len(pixels):>6} {sum(pixels.values()):>9}"


def _ids(done: Sequence[FrameDone]) -> list[int]:
    return sorted({id_ for own in done for id_ in own.pixels})
