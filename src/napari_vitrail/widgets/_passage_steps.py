"""The work of propagating: from frame to frame go labels that were read, or places; how long is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.backbones import backbone_info
from napari_vitrail.imports import importing_steps
from napari_vitrail.overlay import PlaneOverlay
from napari_vitrail.progress import Progress, Result, Steps
from napari_vitrail.widgets._network import Network
from napari_vitrail.widgets._place_kinds import PlaceKind
from napari_vitrail.widgets._placed import Placed
from napari_vitrail.widgets._stack import Stack

if TYPE_CHECKING:
    from napari_vitrail.propagation import PropagatedFrame, PropagationSpec

SIDE = 480
"""The shorter side in pixels at which frames are seen unless another is chosen."""
UNLABELLED = "no frame is labelled: paint on one"


class Wish(NamedTuple):
    """What is asked for.

    Attributes
    ----------
    frames : range
    direction : {"both", "forward", "backward"}
    mode : {"dense", "scribble"}
        See `napari_vitrail.propagate_labels_steps` and `napari_vitrail.PropagationSpec`.
    network : Network
    """

    frames: range
    direction: Literal["both", "forward", "backward"]
    mode: Literal["dense", "scribble"]
    network: Network

    def spec(self) -> PropagationSpec:
        """Return how labels are propagated; between its patches a network is seen as by the default."""
        from napari_vitrail.propagation import PROPAGATION

        own = PROPAGATION.descriptor
        patch = backbone_info(self.network.backbone).patch_size
        stride = max(1, round(own.stride * patch / backbone_info(own.backbone).patch_size))
        descriptor = replace(own, backbone=self.network.backbone, stride=stride)
        return replace(PROPAGATION, descriptor=descriptor, side=self.network.side, mode=self.mode)


def passage_steps(
    stack: Stack,
    labels: Mapping[int, PlaneOverlay],
    by_hand: Mapping[int, NDArray[np.integer]],
    wish: Wish,
    known: Mapping[int, PropagatedFrame],
) -> Steps[int]:
    """Yield Progress, so far each `PropagatedFrame` as soon as it is finished; return how many were computed.

    Parameters
    ----------
    stack : Stack
    labels : mapping of int to PlaneOverlay
        By frame, not yet read; those without any label are left out.
    by_hand : mapping of int to (H, W) int array
        Of frames that were corrected, which come before these.
    wish : Wish
    known : mapping of int to PropagatedFrame
        What an earlier run has found: what still holds is not computed again.
    """
    given: dict[int, NDArray[np.integer]] = {}
    for done, (frame, overlay) in enumerate(labels.items()):
        yield Progress(done, len(labels), "reading labels")
        read = overlay.read()
        if frame not in by_hand and read.any():
            given[frame] = read
    given |= by_hand
    if not given:
        raise ValueError(UNLABELLED)
    run = yield from _beginning_steps(stack, wish)
    from napari_vitrail.propagation import propagate_labels_steps

    steps = propagate_labels_steps(*run.on(given), **run.options, known=known)

    def computed(frame: PropagatedFrame) -> int | None:
        return None if frame.is_given or known.get(frame.index) is frame else frame.index

    return (yield from _timed_steps(steps, computed))


def following_steps(stack: Stack, kind: PlaceKind, given: Mapping[int, Placed], wish: Wish) -> Steps[int]:
    """Yield Progress, so far the `Tracks` or `TrackedBoxes` of one frame; return how many were computed.

    Parameters
    ----------
    stack : Stack
    kind : PlaceKind
    given : mapping of int to Placed
        By frame; with none at all there is nothing to do.
    wish : Wish
    """
    if not any(len(own.ids) for own in given.values()):
        return 0
    run = yield from _beginning_steps(stack, wish)
    places = {frame: own.places for frame, own in given.items()}
    ids = {frame: own.ids for frame, own in given.items()}
    steps = kind.follow_steps(*run.on(places), **run.options, ids=ids)
    return (yield from _timed_steps(steps, lambda found: None if found.given.all() else int(found.frames[0])))


class _Run(NamedTuple):
    """What all of the library's functions are called with."""

    stack: Stack
    spec: PropagationSpec
    options: Mapping[str, Any]

    def on(self, given: Any) -> tuple[Any, ...]:
        return self.stack.pictures, given, self.spec


def _beginning_steps(stack: Stack, wish: Wish) -> Steps[_Run]:
    """Yield Progress while the network is loaded; return what a run begins with."""
    yield from importing_steps("napari_vitrail.propagation")  # loads torch
    from napari_vitrail.backbones import load_backbone
    from napari_vitrail.store import shared_store

    spec = wish.spec()
    yield Progress(0, 1, "loading the network")
    options = {
        "frames": wish.frames,
        "direction": wish.direction,
        "backbone": load_backbone(spec.descriptor.backbone),
        "store": shared_store(),
    }
    return _Run(stack, spec, options)


def _timed_steps(steps: Steps[Result], computed: Callable[[Any], int | None]) -> Steps[int]:
    """Yield Progress that says how long the rest will take; return how many frames were computed.

    Parameters
    ----------
    steps : generator of Progress
    computed : callable
        Returns which frame of the stack something so far is, None if that was not computed.
    """
    began, first, frames = time.monotonic(), 0.0, set()
    for progress in steps:
        frame = None if progress.so_far is None else computed(progress.so_far)
        share = progress.done / progress.total
        if frame is not None:
            frames.add(frame)
        elif not frames:
            began, first = time.monotonic(), share
        passed = share - first
        left = (time.monotonic() - began) / passed * (1 - share) if frames and passed > 0 else None
        yield progress._replace(what=f"{progress.what}{_said(left)}")
    return len(frames)


def _said(seconds: float | None) -> str:
    """Return how long something takes as one would say it, in brackets."""
    if seconds is None or seconds < 1:
        return ""
    if seconds < 90:
        return f" (about {seconds:.0f} s left)"
    return f" (about {seconds / 60:.0f} min left)"
