"""The work of propagating: labels are read, then go from frame to frame; how long that will take is said."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.backbones import backbone_info
from napari_vitrail.imports import importing_steps
from napari_vitrail.overlay import PlaneOverlay
from napari_vitrail.progress import Progress, Result, Steps
from napari_vitrail.widgets._network import Network
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
    yield from importing_steps("napari_vitrail.propagation")  # loads torch
    from napari_vitrail.backbones import load_backbone
    from napari_vitrail.propagation import propagate_labels_steps
    from napari_vitrail.store import shared_store

    spec = wish.spec()
    yield Progress(0, 1, "loading the network")
    steps = propagate_labels_steps(
        stack.pictures, given, spec, frames=wish.frames, direction=wish.direction,
        backbone=load_backbone(spec.descriptor.backbone), store=shared_store(), known=known,
    )  # fmt: skip
    return (yield from _timed_steps(steps, known))


def _timed_steps(steps: Steps[Result], known: Mapping[int, PropagatedFrame]) -> Steps[int]:
    """Yield Progress that says how long the rest will take; return how many frames were computed."""
    began, computed, first = time.monotonic(), 0, 0
    for progress in steps:
        frame = progress.so_far
        if frame is not None and not frame.is_given and known.get(frame.index) is not frame:
            computed += 1
        elif computed == 0:
            began, first = time.monotonic(), progress.done
        passed = progress.done - first
        left = (time.monotonic() - began) / passed * (progress.total - progress.done) if passed else None
        yield progress._replace(what=f"{progress.what}{_said(left)}")
    return computed


def _said(seconds: float | None) -> str:
    """Return how long something takes as one would say it, in brackets."""
    if seconds is None or seconds < 1:
        return ""
    if seconds < 90:
        return f" (about {seconds:.0f} s left)"
    return f" (about {seconds / 60:.0f} min left)"
