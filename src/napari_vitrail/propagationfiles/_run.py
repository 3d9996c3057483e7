"""A stack of files labelled frame by frame, each kept on disk as soon as it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from napari_vitrail.framefiles import FileImages
from napari_vitrail.image import main_of
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.propagation import PROPAGATION, PropagationSpec, propagate_labels_steps

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.framefiles import Frames
    from napari_vitrail.propagation import PropagatedFrame
    from napari_vitrail.propagationfiles._given import GivenFrames
    from napari_vitrail.propagationfiles._kept import KeptFrames


@dataclass(frozen=True)
class PropagationWanted:
    """What is wanted of a stack.

    Attributes
    ----------
    frames : range
        To be labelled.
    spec : PropagationSpec
    direction : {"both", "forward", "backward"}
        In which labels go from labelled frames.
    """

    frames: range
    spec: PropagationSpec = PROPAGATION
    direction: Literal["both", "forward", "backward"] = "both"


class FrameDone(NamedTuple):
    """What came of a frame.

    Attributes
    ----------
    frame : int
        Its number in the stack, from 0.
    is_given : bool
        Whether it was labelled by hand.
    quality : float, 0 to 1
        1 where it was labelled by hand.
    pixels : dict of int to int
        How many each label has, 0 aside.
    """

    frame: int
    is_given: bool
    quality: float
    pixels: Mapping[int, int]

    @classmethod
    def of(cls, frame: PropagatedFrame) -> FrameDone:
        """Return what is said of a frame."""
        ids, counts = np.unique(frame.labels, return_counts=True)
        pixels = {own: count for own, count in zip(ids.tolist(), counts.tolist(), strict=True) if own}
        return cls(frame.index, frame.is_given, float(frame.quality), pixels)


def check_frames_steps(frames: Frames, wanted: PropagationWanted, given: Collection[int]) -> Steps[None]:
    """Read every frame that is needed once, so that what is wrong with one is said before work begins.

    Raises
    ------
    OSError, ValueError
        If a frame cannot be read, or is of another size than the first one of the stack; or no labels reach
        any that is wanted.
    """
    asked = wanted.frames
    _check_reach(wanted, given)
    first = max((own for own in given if own < asked.start), default=asked.start)
    last = min((own for own in given if own >= asked.stop), default=asked.stop - 1)
    shape = main_of(frames[0]).shape[:2]
    for done, number in enumerate(range(first, last + 1), start=1):
        own = main_of(frames[number]).shape[:2]
        if own != shape:
            raise ValueError(f"{_name_of(frames, number)} must be as large as frame 0, {shape}, got {own}")
        yield Progress(done, last + 1 - first, "frames")


def _check_reach(wanted: PropagationWanted, given: Collection[int]) -> None:
    asked = wanted.frames
    is_reached = {"forward": min(given) < asked.stop, "backward": max(given) >= asked.start, "both": True}
    if not is_reached[wanted.direction]:
        raise ValueError(
            f"no labels reach any of the frames {asked.start} to {asked.stop - 1} with --direction "
            f"{wanted.direction}: labelled frames are {', '.join(map(str, sorted(given)))}"
        )


def _name_of(frames: Frames, number: int) -> str:
    """Return what a frame is called: by its file, where it has one."""
    return str(frames.paths[number]) if isinstance(frames, FileImages) else f"frame {number}"


def propagate_files_steps(
    frames: Frames, given: GivenFrames, wanted: PropagationWanted, kept: KeptFrames, *,
    backbone: Backbone, store: TokenStore | None = None,
) -> Steps[list[FrameDone]]:  # fmt: skip
    """Label the frames of a stack; those that are kept already are taken over where labels allow it.

    Yields
    ------
    progress : Progress
        After each frame ``so_far`` is its `FrameDone`.

    Returns
    -------
    done : list of FrameDone
        In the order of the frames; those that no labels reach are not among them.
    """
    done: list[FrameDone] = []
    steps = propagate_labels_steps(
        frames, given, wanted.spec, frames=wanted.frames, direction=wanted.direction,
        backbone=backbone, store=store, known=kept,
    )  # fmt: skip
    for progress in steps:
        frame = progress.so_far
        if frame is None:
            yield progress
            continue
        if not kept.has(frame):
            kept.put(frame)
        done.append(FrameDone.of(frame))
        yield progress._replace(so_far=done[-1])
    return sorted(done)
