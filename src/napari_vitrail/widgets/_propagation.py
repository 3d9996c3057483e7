"""What the parts of Propagate share: the stack, its labelled frames, what came of the others, and the job."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Labels, Layer, Points, Shapes
from napari.utils.events import Event
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_vitrail.widgets._image_plane import is_lazy
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._label_passage import LabelPassage
from napari_vitrail.widgets._layers import MARK, PROPAGATED, class_colours, take_up_brush
from napari_vitrail.widgets._network import Network
from napari_vitrail.widgets._packed import empty
from napari_vitrail.widgets._passage import Passage
from napari_vitrail.widgets._passage_steps import SIDE, Wish
from napari_vitrail.widgets._place_kinds import BoxKind, PointKind
from napari_vitrail.widgets._place_passage import PlacePassage
from napari_vitrail.widgets._planes import full_resolution, geometry_of, shape_of
from napari_vitrail.widgets._quality_curve import Quality
from napari_vitrail.widgets._stack import Stack
from napari_vitrail.widgets._stack_choice import StackChoice
from napari_vitrail.widgets._timer import Soon

_IDS = np.dtype(np.uint16)
_PASSAGES: Sequence[tuple[type[Layer], Callable[..., Passage]]] = (
    (Labels, LabelPassage),
    (Points, partial(PlacePassage, kind=PointKind())),
    (Shapes, partial(PlacePassage, kind=BoxKind())),
)
"""What becomes of each kind of layer."""
_HINT = (
    "Carry what labels some frames to all others. Frames that depend on nothing new are not computed again"
)
_ADVICE = "Label one frame of a stack, or several, and press Propagate."


class Propagation(QObject):
    """The viewer, the stack that is chosen, which of its frames are labelled, what was propagated, the job.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    viewer : napari.Viewer
    choice : StackChoice
    job : JobPanel
    network : Network
        What looks at frames from the next run on.
    is_following : bool
        Whether the viewer shows each frame as soon as it is finished, until it is taken elsewhere.
    """

    changed = Signal()
    """Another stack or frame may be chosen, labelled, or in view."""
    shown = Signal()
    """Something else was found in some frames."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.choice = StackChoice(viewer, self._is_source, self.add_source)
        self.job = JobPanel("Propagate", _HINT, _ADVICE)
        self.network = Network(side=SIDE)
        self.is_following = True
        self._passages: list[Passage] = []
        self._passage: Passage | None = None  # of what was chosen last
        self._running: Passage | None = None
        self._followed: int | None = None  # the frame that was shown last of a run
        self._soon = Soon(self, self._on_changed)
        self.job.requested.connect(self.propagate)
        self.choice.changed.connect(self._soon.ask)
        self.choice.labelled.changed.connect(self._soon.ask)
        self.choice.labelled.wanted.connect(self.show)
        viewer.dims.events.connect(self._on_dims_event)
        viewer.layers.events.connect(self._on_layer_event)
        self._on_changed()

    @property
    def passage(self) -> Passage | None:
        """What was propagated, or will be, from the chosen layer through the chosen stack; None without."""
        if self._soon.is_wanted:  # what was found before may not be what is chosen
            self._passage = self._chosen_passage()
        return self._passage

    @property
    def labelled(self) -> list[int]:
        """The frames that labels come from, as far as that is known before they are read."""
        return self.choice.labelled.ticked

    @property
    def quality(self) -> Quality:
        """What is known of the frames."""
        passage = self.passage
        return Quality() if passage is None else passage.quality(set(self.labelled))

    @property
    def frame_in_view(self) -> int | None:
        """The frame in view, None where that is none of the stack."""
        passage = self.passage
        return None if passage is None else passage.stack.frame_in_view(self.viewer.dims)

    def obstacle(self) -> str:
        """Return why nothing can be propagated, nothing if it can."""
        if obstacle := self.choice.obstacle():
            return obstacle
        passage = self.passage
        if passage is None or self.labelled or passage.labelled_frames() is None:
            return ""
        return passage.unlabelled

    def found_obstacle(self) -> str:
        """Return why there is nothing to be looked at and corrected, nothing if there is."""
        passage = self.passage
        return "" if passage is not None and passage.draft is not None else "press Propagate"

    def propagate(self) -> None:
        """Start to propagate from all labelled frames; what was found before serves where it holds."""
        if (known := self.passage) is not None:
            known.prepare()
        self._on_changed()
        passage = self.passage
        if (obstacle := self.obstacle()) or passage is None:
            self.job.refuse(obstacle)
            return
        wish = Wish(self.choice.frames, self.choice.direction, self.choice.mode, self.network)
        try:
            steps = passage.steps(wish, self.choice.labelled.left_out)
        except ValueError as error:
            self.job.tell(error)
            return
        passage.begin(set(self.labelled))
        self._running, self._followed = passage, self.frame_in_view
        self.job.run(
            steps,
            on_done=partial(self._on_done, passage),
            on_preview=partial(self._on_frame, passage),
            title=f"Propagating through {passage.stack.layer.name}",
        )
        self._on_changed()

    def go_on(self) -> None:
        """Take the frame in view as it is for a labelled one, and propagate."""
        passage, frame = self.passage, self.frame_in_view
        if (obstacle := self.found_obstacle()) or passage is None or passage.draft is None or frame is None:
            self.job.refuse(obstacle or "show a frame of the stack")
            return
        if frame not in self.labelled:
            passage.draft.accept(frame)
        self._on_changed()
        self.propagate()

    def take_back(self) -> None:
        """Take back what a hand has made of the frame in view, and propagate without it."""
        passage, frame = self.passage, self.frame_in_view
        if passage is None or frame is None or frame not in passage.corrected:
            self.job.refuse("show a frame that was corrected")
            return
        passage.draft.restore(frame)
        self._on_changed()
        if self.labelled:
            self.propagate()

    def correct(self) -> None:
        """Take the layer of what was propagated in hand."""
        passage = self.passage
        if passage is None or passage.layer is None:
            self.job.refuse("press Propagate")
            return
        self.viewer.layers.selection.active = passage.layer
        passage.layer.visible = True
        passage.take_in_hand()

    def show(self, frame: int) -> None:
        """Show a frame."""
        if (passage := self.passage) is not None:
            passage.stack.show(self.viewer.dims, frame)

    def show_worst(self) -> None:
        """Show the worst frame, or the next worse where that is in view."""
        frame = self.quality.worst(self.frame_in_view)
        if frame is None:
            self.job.refuse(self.found_obstacle() or "all frames are labelled")
        else:
            self.show(frame)

    def look_by(self, network: Network) -> None:
        """Take a network for the next run."""
        self.network = network

    def follow(self, is_wanted: bool) -> None:
        """Show each frame as soon as it is finished, or leave the slider alone."""
        self.is_following = is_wanted

    def add_source(self) -> None:
        """Add an empty layer on the stack to label frames in, with the brush in hand."""
        image = self.choice.image
        if image is None or self.choice.stack_obstacle():
            return
        is_packed = is_lazy(full_resolution(image))
        layer = self.viewer.add_labels(
            empty(shape_of(image), _IDS, is_packed),
            name=f"{image.name} labels",
            colormap=class_colours(),
            **geometry_of(image),
        )
        take_up_brush(layer)
        self.choice.choose_source(layer)

    def cancel(self) -> None:
        """Cancel what runs."""
        self.job.cancel()

    def _chosen_passage(self) -> Passage | None:
        """Return what goes from the chosen layer through the chosen stack, the same while these are."""
        source, old = self.choice.source, self._passage
        if source is None or self.choice.stack_obstacle():
            return None
        if old in self._passages and old.source == source and self._is_chosen(old.stack):
            return old
        stack = self.choice.stack()
        found = next((own for own in self._passages if own.is_of(stack, source)), None)
        if found is None:
            start = next(start for kind, start in _PASSAGES if isinstance(source, kind))
            found = start(self.viewer, stack, source)
            found.changed.connect(self._on_corrected)
            self._passages.append(found)
        return found

    def _is_chosen(self, stack: Stack) -> bool:
        """Whether a stack is what is chosen, and one of its frames in view: the other sliders say so."""
        is_same = stack.layer == self.choice.image and stack.axis == self.choice.axis
        is_here = stack.is_here(self.viewer.layers)
        return is_same and is_here and stack.frame_in_view(self.viewer.dims) is not None

    def _is_source(self, layer: Layer) -> bool:
        """Whether a layer may be one that labels frames: not what we write ourselves."""
        return layer.metadata.get(MARK, {}).get("kind") != PROPAGATED

    def _on_frame(self, passage: Passage, found: Any) -> None:
        if not passage.is_here:
            self._drop(passage)
            return
        self._follow(passage, passage.take(found))
        self.shown.emit()

    def _follow(self, passage: Passage, frame: int) -> None:
        """Show a frame that was finished, while nobody has moved the slider."""
        if self.is_following and passage.stack.frame_in_view(self.viewer.dims) == self._followed:
            self._followed = frame
            passage.stack.show(self.viewer.dims, frame)

    def _on_done(self, passage: Passage, computed: int) -> str:
        self._running = None
        passage.end()
        self._on_changed()
        kept = passage.n_computed - computed
        again = f", {kept} as they were" if kept > 0 else ""
        worst = self.quality.worst()
        where = "" if worst is None else f" Worst is frame {worst}."
        return f"{computed} frame{'' if computed == 1 else 's'}{again}.{where}"

    def _drop(self, passage: Passage) -> None:
        """Cancel what has lost its layers."""
        if passage is self._running:
            self._running = None
            self.job.cancel()
            self.job.note("Stopped: the stack or its labels were changed or removed.")

    def _on_corrected(self) -> None:
        """Say what a correction asks for."""
        self._on_changed()
        passage = self.passage
        if passage is not None and not self.job.is_busy:
            self.job.note(_asked_for(self.quality.waiting, passage.given_up(self.labelled)))

    def _on_dims_event(self, _: Event) -> None:
        self._soon.ask()

    def _on_layer_event(self, event: Event) -> None:
        if event.type in ("paint", "data"):
            self._note_labelled(self.viewer.layers[event.index])
        if event.type in ("inserted", "removed", "data", "paint", "set_data"):
            self._soon.ask()

    def _note_labelled(self, layer: Layer) -> None:
        """Remember which frame a layer without a slider was worked on."""
        if (passage := self.passage) is not None and layer == passage.source:
            passage.stay()

    def _on_changed(self) -> None:
        if not isalive(self.choice):  # the window may have gone before its turn came
            return
        self._forget_what_is_gone()
        self._passage = self._chosen_passage()
        self._list_frames()
        self.job.allow(self.obstacle())
        self.changed.emit()

    def _forget_what_is_gone(self) -> None:
        for passage in [own for own in self._passages if not own.is_here]:
            self._drop(passage)
            passage.close()
            self._passages.remove(passage)

    def _list_frames(self) -> None:
        passage = self.passage
        if passage is None:
            self.choice.labelled.show_frames([], [])
            return
        frames = passage.labelled_frames() or []
        self.choice.labelled.show_frames(sorted({*frames, *passage.corrected}), passage.corrected)


def _asked_for(waiting: Collection[int], given_up: Collection[int]) -> str:
    """Return what is to be done about frames that were labelled since the last run, or are no more."""
    if waiting:
        return f"{_counted(waiting)} corrected: Continue from here computes what depends on it."
    if given_up:
        return f"{_counted(given_up)} corrected no longer: Propagate computes what depended on it."
    return "All frames follow from the labelled ones."


def _counted(frames: Collection[int]) -> str:
    listed = ", ".join(map(str, sorted(frames)))
    return f"Frame {listed} is" if len(frames) == 1 else f"Frames {listed} are"
