"""What the pieces of Find common parts share: the images, what was found in them, and what it is called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from napari import Viewer
from napari.layers import Labels
from napari.utils.events import Event
from napari.utils.notifications import show_warning
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_vitrail.progress import Progress, Result, Steps
from napari_vitrail.widgets._found import (
    Found,
    Located,
    Wish,
    find_again_steps,
    find_steps,
    in_order,
    located_steps,
    opened_steps,
)
from napari_vitrail.widgets._gallery_images import FileImage, GalleryImage, LayerImage
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._naming import Naming
from napari_vitrail.widgets._part_layers import (
    dress,
    in_view,
    layers_of_parts,
    place_parts,
    reveal,
    write_parts,
)
from napari_vitrail.widgets._planes import read_plane
from napari_vitrail.widgets._runner import Job, Runner
from napari_vitrail.widgets._source_panel import SourcePanel
from napari_vitrail.widgets._timer import Soon
from napari_vitrail.widgets._turns import Turns

if TYPE_CHECKING:
    from napari_vitrail.image import Picture

_HINT = "Let the network see all images, which takes a moment for each, and find what they share"
_MOST_STEPS = 100


class Sharing(QObject):
    """The viewer, the images that are chosen, what they share, and the job.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    viewer : napari.Viewer
    source : SourcePanel
    job : JobPanel
    wish : Wish
        What is looked for.
    found : Found or None
        What was found last.
    naming : Naming
        What the parts that were found count as.
    highlighted : frozenset of int
        Labels that stand out; none where all do.
    """

    changed = Signal()
    """Other images may be chosen, or there."""
    shown = Signal()
    """Something else was found, or it is called otherwise, or other parts stand out."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.source = SourcePanel(viewer)
        self.job = JobPanel("Find", _HINT, "Choose images of one kind of thing and press Find.")
        self.wish = Wish()
        self.found: Found | None = None
        self.naming = Naming()
        self.highlighted: frozenset[int] = frozenset()
        self._places: dict[int, LayerImage] = {}
        self._namings: dict[Wish, Naming] = {}  # of what else was found among the same descriptors
        self._done: list[Naming] = []
        self._undone: list[Naming] = []
        self._held: object | None = None  # until what another wish must not interrupt is there
        self._turns = Turns(self)
        self._relabelling = Runner(
            on_progress=self._on_relabelled, on_error=self.job.tell, on_warning=show_warning, on_idle=_rest
        )
        self.destroyed.connect(self._relabelling.retire)
        self.job.requested.connect(self.find)
        self.job.cancelled.connect(self._on_cancelled)
        self.source.changed.connect(self._on_changed)
        self._soon = Soon(self, self._on_changed)
        viewer.dims.events.connect(self._on_dims_event)
        viewer.layers.events.connect(self._on_layer_event)
        self._on_changed()

    @property
    def can_undo(self) -> bool:
        """Whether there is a change of names or labels to be taken back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is one to be made again."""
        return bool(self._undone)

    @property
    def here(self) -> dict[int, LayerImage]:
        """Which of the images are in the viewer, as the network has seen them."""
        return {
            index: own
            for index, own in self._places.items()
            if own.layer in self.viewer.layers and own.layer.data is own.plane.source
        }

    @property
    def is_settled(self) -> bool:
        """Whether nothing is computed, and nothing is still to be written into layers."""
        return not (self.job.is_busy or self._relabelling.is_busy or self._turns.is_busy)

    def found_obstacle(self) -> str:
        """Return why there is nothing to work with, nothing if there is."""
        return "" if self.found is not None else "press Find"

    def find(self) -> None:
        """Start to look at the chosen images and to find what they share."""
        obstacle, images = self.source.obstacle(), []
        try:
            images = [] if obstacle else self.source.images()
        except ValueError as error:
            obstacle = str(error)
        if obstacle:
            self.job.refuse(obstacle)
            return
        steps = find_steps(images, lambda: self.wish, self._in_view(images))
        self.job.run(
            self._held_steps(steps),
            on_done=self._on_found,
            on_preview=self._on_preview,
            title=f"Looking at {_counted(images)}",
        )

    def find_again(self, wish: Wish) -> None:
        """Look for something else among the same descriptors; what is being found is found so."""
        self.wish = wish
        if self.found is None or (self._held is not None and self.job.is_busy):
            return
        self.job.run(
            find_again_steps(self.found, wish, self._in_view_first()),
            on_done=self._on_found,
            on_preview=self._on_preview,
            title="Looking again",
            in_passing=True,
        )

    def edit(self, naming: Naming) -> None:
        """Let the parts count as something else, which can be undone."""
        self._done = [*self._done, self.naming][-_MOST_STEPS:]
        self._undone.clear()
        self._take(naming)

    def undo(self) -> None:
        """Take the last change back."""
        if self._done:
            self._undone.append(self.naming)
            self._take(self._done.pop())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._undone:
            self._done.append(self.naming)
            self._take(self._undone.pop())

    def highlight(self, labels: Collection[int]) -> None:
        """Let some labels stand out everywhere, or all again."""
        chosen = frozenset(labels) & frozenset(self.naming.kept)
        if chosen != self.highlighted:
            self.highlighted = chosen
            self._dress()

    def open(self, index: int) -> None:
        """Show one of the images, of a stack its slice; a file is opened, with its parts."""
        if self.found is None:
            return
        found, image = self.found, self.found.seen.images[index]
        if index in self.here:
            reveal(self.viewer, self.here, index)
        elif isinstance(image, FileImage):
            self.job.run(
                opened_steps(found, index),
                on_done=partial(self._on_opened, image),
                title=f"Opening {image.name}",
            )
        else:
            self.job.refuse(f"{image.name!r} was changed or removed: press Find again")

    def cancel(self) -> None:
        """Cancel what runs."""
        self._held = None
        self.job.cancel()
        self._relabelling.cancel()
        self._turns.forget()

    def _held_steps(self, steps: Steps[Result]) -> Steps[Result]:
        """Let another wish wait until some steps have come to their end."""
        own = self._held = object()
        return self._releasing_steps(steps, own)

    def _releasing_steps(self, steps: Steps[Result], own: object) -> Steps[Result]:
        try:
            return (yield from steps)
        finally:  # after an error, too
            if self._held is own:
                self._held = None

    def _follow_wish(self) -> None:
        """Look for what was wished last, unless that is what was found."""
        if self.found is not None and self.found.wish != self.wish:
            self.find_again(self.wish)

    def _on_cancelled(self) -> None:
        self._held = None

    def _on_preview(self, so_far: Found | tuple[Located, ...]) -> None:
        if isinstance(so_far, Found):
            self._keep(so_far)
        else:
            self._write_soon(so_far)

    def _on_found(self, found: Found) -> str:
        n_with = sum(bool(parts.any()) for parts in found.small)
        return f"found in {n_with} of {_counted(found.seen.images)}."

    def _on_opened(self, image: FileImage, opened: tuple[Located, Picture]) -> str:
        located, pixels = opened
        layer = self.viewer.add_image(pixels, name=image.path.stem)
        if self.found is None or located.found.seen is not self.found.seen:
            return f"{image.name} is opened; other images were looked at meanwhile."
        self._places[located.number] = LayerImage(layer, read_plane(layer, self.viewer.dims), image.name)
        self._write(located)
        reveal(self.viewer, self.here, located.number)
        return f"{image.name} is opened."

    def _keep(self, found: Found) -> None:
        """Take what was found; what its parts were called before they are called again."""
        if self.found is not None and found.seen is self.found.seen:
            self._namings[self.found.wish] = self.naming
        else:
            images = enumerate(found.seen.images)
            self._places = {index: image for index, image in images if isinstance(image, LayerImage)}
            place_parts(self.viewer, self.here.values())
            self._namings.clear()
        self._held = None
        self._relabelling.cancel()
        self._turns.forget()
        self._done.clear()
        self._undone.clear()
        self.found, self.highlighted = found, frozenset()
        self.naming = self._namings.get(found.wish, Naming.fresh(found.parts.n_parts))
        self.shown.emit()
        self.changed.emit()
        self._follow_wish()  # the slider was moved in the last moment

    def _take(self, naming: Naming) -> None:
        """Let the parts count as something else from now on, in the layers too."""
        is_relabelled = naming.labels != self.naming.labels
        self.naming = naming
        self.highlighted &= frozenset(naming.kept)
        self._dress()
        if is_relabelled and self.found is not None:
            steps = located_steps(self.found, self._in_view_first())
            self._relabelling.start(Job(steps, _nothing, "Relabelling"))

    def _in_view(self, images: Iterable[GalleryImage]) -> list[LayerImage]:
        return in_view(self.viewer, (image for image in images if isinstance(image, LayerImage)))

    def _in_view_first(self) -> list[int]:
        """Return the numbers of the images in the viewer, those that are looked at before the others."""
        return in_order(self.here, self._in_view(self.here.values()))

    def _write_soon(self, located: Iterable[Located]) -> None:
        """Write the parts of images in turns: a viewer takes a while for each new layer."""
        for own in located:
            self._turns.put(own.number, partial(self._write, own))

    def _write(self, located: Located) -> None:
        """Write the parts of an image into its layer, unless others were found or it has gone."""
        image = self.here.get(located.number)
        if image is not None and located.found is self.found:
            labels = self.naming.applied(located.parts)
            write_parts(self.viewer, image, labels, self.naming.all_names(), self.highlighted)

    def _dress(self) -> None:
        """Show names and what stands out."""
        layers = layers_of_parts(self.viewer, self.here.values())
        for layer in sorted(layers, key=lambda layer: not layer.visible):
            self._turns.put(layer, partial(self._dress_one, layer))
        self.shown.emit()

    def _dress_one(self, layer: Labels) -> None:
        dress(layer, self.naming.all_names(), self.highlighted)

    def _on_relabelled(self, progress: Progress) -> None:
        self._write_soon(progress.so_far or ())

    def _on_dims_event(self, _: Event) -> None:
        self._soon.ask()

    def _on_layer_event(self, event: Event) -> None:
        if event.type in ("inserted", "removed", "data"):
            self._soon.ask()

    def _on_changed(self) -> None:
        if isalive(self.source):  # the window may have gone before its turn came
            self.job.allow(self.source.obstacle())
            self.changed.emit()


def _counted(images: Sequence[GalleryImage]) -> str:
    return f"{len(images)} image{'s' if len(images) > 1 else ''}"


def _rest() -> None:
    """Stand in for what is to be said when all is written."""


def _nothing(_: object) -> None:
    """Stand in for what is to be done at the end: it was done step by step."""
