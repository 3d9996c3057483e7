"""What came of all frames: as a table, and in a few lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.csvfile import write_lines
from napari_vitrail.framefiles import FileImages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_vitrail.framefiles import Frames
    from napari_vitrail.propagationfiles._run import FrameDone

WORST = 5
"""Frames that people are told to look at."""


def write_table(path: Path, done: Sequence[FrameDone], frames: Frames) -> None:
    """Write a row for each frame: whether it was labelled by hand, its quality, the pixels of each label."""
    ids = sorted({id_ for own in done for id_ in own.pixels})
    columns = ("by_hand", "quality", *(f"label_{id_}_px" for id_ in ids))
    rows = (
        (*_place(frames, own), own.is_given, f"{own.quality:.4f}", *(own.pixels.get(id_, 0) for id_ in ids))
        for own in done
    )
    place = ("frame", "image") if isinstance(frames, FileImages) else ("frame",)
    write_lines(path, [(*place, *columns), *rows])


def summary_lines(done: Sequence[FrameDone], frames: Frames) -> Iterator[str]:
    """Yield lines for people: how many frames, how good, and which ones to look at."""
    passed = [own for own in done if not own.is_given]
    by_hand = len(done) - len(passed)
    yield f"{len(done)} of {len(frames)} frames: {by_hand} labelled by hand, {len(passed)} from there"
    if not passed:
        return
    quality = np.array([own.quality for own in passed])
    yield f"quality {quality.mean():.2f} on average; least sure are"
    yield f"{'frame':>7} {'quality':>7} {'labels':>6} {'area_px':>9}"
    for own in sorted(passed, key=lambda own: (own.quality, own.frame))[:WORST]:
        number, *image = _place(frames, own)
        area = sum(own.pixels.values())
        yield "  ".join([f"{number:>7} {own.quality:>7.2f} {len(own.pixels):>6} {area:>9}", *map(str, image)])


def _place(frames: Frames, done: FrameDone) -> tuple[Any, ...]:
    """Return a frame's number and, where it has one of its own, its file."""
    return (done.frame, frames.paths[done.frame]) if isinstance(frames, FileImages) else (done.frame,)
