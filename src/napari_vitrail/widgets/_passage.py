"""What is on its way from one layer through a stack: where it comes from, and what has come of each frame."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from napari import Viewer
from napari.layers import Layer
from qtpy.QtCore import QObject, Signal, SignalInstance

from napari_vitrail.progress import Steps
from napari_vitrail.widgets._passage_steps import Wish
from napari_vitrail.widgets._quality_curve import Quality
from napari_vitrail.widgets._stack import Stack


class Corrected(Protocol):
    """A layer that is written frame by frame, and that a hand corrects meanwhile."""

    layer: Layer
    changed: SignalInstance

    @property
    def corrected(self) -> list[int]:
        """The frames that a hand has changed, or that were accepted as they are."""

    def accept(self, frame: int) -> None:
        """Let a frame count as corrected as it is."""

    def restore(self, frame: int) -> None:
        """Take back what a hand has made of a frame."""

    def close(self) -> None:
        """Let go of the layer."""


class Passage(QObject):
    """What was propagated from one layer through one stack, kept until either is another.

    Parameters
    ----------
    viewer : napari.Viewer
    stack : Stack
    source : Layer
        What labels some frames.

    Attributes
    ----------
    viewer : napari.Viewer
    stack : Stack
    source : Layer
    draft : Corrected or None
        The layer that frames are written into, once there is a frame.
    """

    changed = Signal()
    """Other frames may be corrected."""

    unlabelled = "no frame is labelled"
    """What stands in the way of a run while no frame is."""
    strokes_obstacle = ""
    """What stands in the way of strokes for Paint to segment."""

    def __init__(self, viewer: Viewer, stack: Stack, source: Layer) -> None:
        super().__init__()
        self.viewer = viewer
        self.stack = stack
        self.source = source
        self.draft: Any = None
        self._at: int | None = None
        self._sent: set[int] = set()  # the labelled frames of the last run

    @property
    @abstractmethod
    def values(self) -> Mapping[int, float]:
        """How far each frame that was found can be relied on, 0 to 1."""

    @property
    @abstractmethod
    def n_computed(self) -> int:
        """The number of frames that were found, and not labelled by hand."""

    @abstractmethod
    def labelled_frames(self) -> list[int] | None:
        """Return the frames that the source labels; None where that shows only when it is read."""

    @abstractmethod
    def steps(self, wish: Wish, without: Collection[int]) -> Steps[int]:
        """Return the work, which yields what `take` takes, and returns how many frames were computed.

        What is labelled is taken as it is now, but for some frames.
        """

    @abstractmethod
    def take(self, found: Any) -> int:
        """Take what was found in a frame, and show it; return which frame that is."""

    @abstractmethod
    def take_in_hand(self) -> None:
        """Let a hand correct what was found."""

    @property
    def layer(self) -> Layer | None:
        """The layer that frames are written into, if it is there."""
        return self.draft.layer if self.draft is not None and self.draft.layer in self.viewer.layers else None

    @property
    def is_here(self) -> bool:
        """Whether all that it is about is still in the viewer, and as it was."""
        layers = self.viewer.layers
        is_written = self.draft is None or self.draft.layer in layers
        return self.source in layers and self.stack.is_here(layers) and is_written

    @property
    def corrected(self) -> list[int]:
        """The frames that a hand has corrected."""
        return [] if self.draft is None else self.draft.corrected

    @property
    def at(self) -> int | None:
        """The frame that a source without a slider labels: that in view, until it was used or worked on."""
        return self.stack.frame_in_view(self.viewer.dims) if self._at is None else self._at

    def stay(self) -> None:
        """Let a source without a slider label the frame in view from now on."""
        if self.stack.lacks_slider(self.source):
            self._at = self.stack.frame_in_view(self.viewer.dims)

    def is_of(self, stack: Stack, source: Layer) -> bool:
        """Whether it is what goes from a layer through a stack."""
        return self.source == source and self.stack.is_like(stack)

    def prepare(self) -> None:
        """Look at the source again, which a script may have changed without a word."""

    def begin(self, labelled: set[int]) -> None:
        """Take note of which frames a run starts from."""
        self._sent = labelled
        self._at = self.at

    def end(self) -> None:
        """Take note that the last run came to its end."""

    def quality(self, labelled: set[int]) -> Quality:
        """Return what is known of the frames, of which some are labelled now."""
        return Quality(len(self.stack), self.values, frozenset(labelled), frozenset(labelled - self._sent))

    def given_up(self, labelled: Collection[int]) -> set[int]:
        """Return the frames that the last run started from, and that are not labelled now."""
        return self._sent.difference(labelled)

    def close(self) -> None:
        """Let go of the layer, which stays as it is."""
        if self.draft is not None:
            self.draft.close()

    def _correct(self, draft: Corrected) -> None:
        """Write into a layer from now on."""
        self.draft = draft
        draft.changed.connect(self.changed)
