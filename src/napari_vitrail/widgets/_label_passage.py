"""Labels on their way through a stack."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from napari import Viewer
from napari.layers import Labels

from napari_vitrail.progress import Steps
from napari_vitrail.widgets._draft import Draft
from napari_vitrail.widgets._labelled import labelled_frames, labels_on
from napari_vitrail.widgets._layers import PROPAGATED, add_quietly, mark, take_up_brush, zeros
from napari_vitrail.widgets._painted import painted_planes
from napari_vitrail.widgets._passage import Passage
from napari_vitrail.widgets._passage_steps import UNLABELLED, Wish, passage_steps
from napari_vitrail.widgets._stack import Stack

if TYPE_CHECKING:
    from napari_vitrail.propagation import PropagatedFrame

_OPACITY = 0.5


class LabelPassage(Passage):
    """What was propagated from a labels layer, see `Passage`.

    Parameters
    ----------
    viewer : napari.Viewer
    stack : Stack
    source : Labels

    Attributes
    ----------
    frames : dict of int to PropagatedFrame
        What was found last in each frame.
    """

    unlabelled = UNLABELLED
    source: Labels
    draft: Draft | None

    def __init__(self, viewer: Viewer, stack: Stack, source: Labels) -> None:
        super().__init__(viewer, stack, source)
        self.frames: dict[int, PropagatedFrame] = {}

    @property
    def values(self) -> Mapping[int, float]:
        """How far each frame that was found can be relied on, 0 to 1."""
        return {index: frame.quality for index, frame in sorted(self.frames.items())}

    @property
    def n_computed(self) -> int:
        """The number of frames that were found, and not labelled by hand."""
        return sum(not frame.is_given for frame in self.frames.values())

    def labelled_frames(self) -> list[int] | None:
        """Return the frames that the source labels; None where that shows only when it is read."""
        return labelled_frames(self.source, self.stack, self.viewer.dims, self.at)

    def prepare(self) -> None:
        """Look at the source again, which a script may have changed without a word."""
        painted_planes(self.source).forget()

    def steps(self, wish: Wish, without: Collection[int]) -> Steps[int]:
        """Return the work; what was found before serves where it holds."""
        by_hand = {} if self.draft is None else {own: self.draft.labels(own) for own in self.corrected}
        kept = {frame: own for frame, own in by_hand.items() if frame not in without}
        labels = labels_on(self.source, self.stack, self.viewer.dims, self.at, without)
        return passage_steps(self.stack, labels, kept, wish, dict(self.frames))

    def take(self, found: PropagatedFrame) -> int:
        """Take what was found in a frame, and show it; return which frame that is."""
        if self.draft is None:
            self._add_layer(found.labels.dtype)
        assert self.draft is not None
        self.frames[found.index] = found
        self._sent |= {found.index} if found.is_given else set()
        self.draft.write(found.index, found.labels)
        return found.index

    def take_in_hand(self) -> None:
        """Take the layer in hand, with a brush."""
        if self.draft is not None:
            take_up_brush(self.draft.layer)

    def _add_layer(self, dtype: np.dtype) -> None:
        """Add the layer above the image, in hand: what is painted from now on corrects it."""
        viewer, source, plane = self.viewer, self.source, self.stack.planes[0]
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
        self._correct(Draft(layer, self.stack, lambda: self.stack.frame_in_view(viewer.dims)))


def take_over(viewer: Viewer, layer: Labels, source: Labels) -> None:
    """Take a layer in hand, with the brush and the label that another was painted with."""
    viewer.layers.selection.active = layer
    take_up_brush(layer)
    if source.mode != "pan_zoom":
        layer.brush_size = source.brush_size
    layer.selected_label = source.selected_label
