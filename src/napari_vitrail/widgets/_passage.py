"""Labels on their way through a stack: where they come from, what has come of each frame, and their layer."""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from napari import Viewer
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_vitrail.widgets._draft import Draft
from napari_vitrail.widgets._labelled import is_flat
from napari_vitrail.widgets._layers import PROPAGATED, add_quietly, mark, take_up_brush, zeros
from napari_vitrail.widgets._quality_curve import Quality
from napari_vitrail.widgets._stack import Stack

if TYPE_CHECKING:
    from napari_vitrail.propagation import PropagatedFrame

_OPACITY = 0.5


class Passage(QObject):
    """What was propagated from one layer through one stack, kept until either is another.

    Parameters
    ----------
    viewer : napari.Viewer
    stack : Stack
    source : Labels
        Where labels come from.

    Attributes
    ----------
    stack : Stack
    source : Labels
    frames : dict of int to PropagatedFrame
        What was found last in each frame.
    draft : Draft or None
        The layer that they are written into, once there is a frame.
    """

    changed = Signal()
    """Other frames may be corrected."""

    def __init__(self, viewer: Viewer, stack: Stack, source: Labels) -> None:
        super().__init__()
        self.stack = stack
        self.source = source
        self.frames: dict[int, PropagatedFrame] = {}
        self.draft: Draft | None = None
        self._viewer = viewer
        self._at: int | None = None
        self._sent: set[int] = set()  # the labelled frames of the last run

    @property
    def layer(self) -> Labels | None:
        """The layer that frames are written into, if it is there."""
        if self.draft is None or self.draft.layer not in self._viewer.layers:
            return None
        return self.draft.layer

    @property
    def is_here(self) -> bool:
        """Whether all that it is about is still in the viewer, and as it was."""
        layers = self._viewer.layers
        is_written = self.draft is None or self.draft.layer in layers
        return self.source in layers and self.stack.is_here(layers) and is_written

    @property
    def corrected(self) -> list[int]:
        """The frames that a hand has corrected."""
        return [] if self.draft is None else self.draft.corrected

    @property
    def at(self) -> int | None:
        """The frame that a source without a slider labels: that in view, until it was used or painted on."""
        return self.stack.frame_in_view(self._viewer.dims) if self._at is None else self._at

    def stay(self) -> None:
        """Let a source without a slider label the frame in view from now on."""
        if is_flat(self.source, self.stack):
            self._at = self.stack.frame_in_view(self._viewer.dims)

    def is_of(self, stack: Stack, source: Labels) -> bool:
        """Whether it is what goes from a layer through a stack."""
        return self.source == source and self.stack.is_like(stack)

    def by_hand(self) -> dict[int, NDArray[np.integer]]:
        """Return the labels of the frames that a hand has corrected."""
        return {} if self.draft is None else {frame: self.draft.labels(frame) for frame in self.corrected}

    def begin(self, labelled: set[int]) -> None:
        """Take note of which frames a run starts from."""
        self._sent = labelled
        self._at = self.at

    def take(self, frame: PropagatedFrame) -> None:
        """Take what was found in a frame, and show it."""
        if self.draft is None:
            self._add_layer(frame.labels.dtype)
        assert self.draft is not None
        self.frames[frame.index] = frame
        self._sent |= {frame.index} if frame.is_given else set()
        self.draft.write(frame.index, frame.labels)

    def take_back(self, frame: int) -> None:
        """Take back what a hand has made of a frame."""
        if self.draft is not None:
            self.draft.restore(frame)

    def quality(self, labelled: set[int]) -> Quality:
        """Return what is known of the frames, of which some are labelled now."""
        values = {index: frame.quality for index, frame in sorted(self.frames.items())}
        return Quality(len(self.stack), values, frozenset(labelled), frozenset(labelled - self._sent))

    def given_up(self, labelled: Collection[int]) -> set[int]:
        """Return the frames that the last run started from, and that are not labelled now."""
        return self._sent.difference(labelled)

    def close(self) -> None:
        """Let go of the layer, which stays as it is."""
        if self.draft is not None:
            self.draft.close()

    def _add_layer(self, dtype: np.dtype) -> None:
        """Add the layer above the image, in hand: what is painted from now on corrects it."""
        viewer, source, plane = self._viewer, self.source, self.stack.planes[0]
        layer = Labels(
            zeros(plane, np.promote_types(dtype, source.data.dtype)),
            name=f"{source.name} {PROPAGATED}",
            metadata=mark(source.name, PROPAGATED),
            colormap=deepcopy(source.colormap),
            features=source.features,
            opacity=_OPACITY,
            **plane.to_world,
        )
        was_in_hand = viewer.layers.selection.active == source
        add_quietly(viewer, layer, viewer.layers.index(self.stack.layer) + 1)
        source.visible = False  # the labelled frames are in both
        if was_in_hand:
            take_over(viewer, layer, source)
        self.draft = Draft(layer, self.stack, lambda: self.stack.frame_in_view(viewer.dims))
        self.draft.changed.connect(self.changed)


def take_over(viewer: Viewer, layer: Labels, source: Labels) -> None:
    """Take a layer in hand, with the brush and the label that another was painted with."""
    viewer.layers.selection.active = layer
    take_up_brush(layer)
    if source.mode != "pan_zoom":
        layer.brush_size = source.brush_size
    layer.selected_label = source.selected_label
