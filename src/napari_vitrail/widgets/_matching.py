"""What the parts of Match points share: two images, the linked points on them, and what the network saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari import Viewer
from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_vitrail.blocks import is_large
from napari_vitrail.imports import importing_steps
from napari_vitrail.pairs import Correspondences, SavedPairs
from napari_vitrail.progress import Steps
from napari_vitrail.widgets._choice import layer_combo, refresh
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._linked import LinkedPoints
from napari_vitrail.widgets._network import Network
from napari_vitrail.widgets._plane_points import PlanePoints, is_over
from napari_vitrail.widgets._planes import GEOMETRY, plane_index, read_plane, shape_of
from napari_vitrail.widgets._transfers import Transfers

if TYPE_CHECKING:
    from napari.utils.events import Event

    from napari_vitrail.matching import ImagePair

SURE = ("accepted", "locked")
"""Status of pairs that somebody has agreed to."""
CHANGED = "the images were changed or removed meanwhile."
"""What is said of work on what is no more."""
_MOST_LISTED = 5
_HINT = "Let the network see both images, of stacks the planes in view; there are points on both from then on"


class Subject(NamedTuple):
    """A plane of an image layer, and the points on it."""

    image: Image
    plane: ImagePlane
    points: PlanePoints


class Matching(QObject):
    """The viewer, the two images that are chosen in it, the pairs on them, and the job.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    viewer : napari.Viewer
    fixed, moving : ComboBox
        Of image layers; a pair is a point of the first and one of the second.
    job : JobPanel
    linked : LinkedPoints or None
        The pairs, once Match was pressed.
    network : Network
        What looks at both images.
    """

    changed = Signal()
    """Other images, planes or pairs may be chosen, or there."""
    began = Signal()
    """Points were added to two images."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.fixed = layer_combo(viewer, Image, "Fixed", "The image that stays where it is")
        self.moving = layer_combo(viewer, Image, "Moving", "The image that is to be laid on the fixed one")
        self.job = JobPanel("Match", _HINT, "Choose two images and press Match.")
        self.linked: LinkedPoints | None = None
        self.network = Network()
        self._shown = True
        self.subjects: tuple[Subject, ...] = ()
        self._transfers = Transfers(self._on_answers, self._on_outside)
        self._choose_another()
        for name in ("inserted", "removed", "reordered", "renamed"):
            getattr(viewer.layers.events, name).connect(self._on_layers_changed)
        viewer.layers.events.connect(self._on_layer_event)
        viewer.dims.events.connect(self._on_changed)
        for combo in (self.fixed, self.moving):
            combo.changed.connect(self._on_changed)
        self.job.requested.connect(self.start)
        self._on_changed()

    @property
    def images(self) -> tuple[Image | None, Image | None]:
        """The fixed and the moving image."""
        return self.fixed.value, self.moving.value

    @property
    def pairs(self) -> SavedPairs | None:
        """The pairs on the chosen images; None where there are no points."""
        return self.linked.pairs if self.linked is not None and self._are_chosen() else None

    @property
    def selected(self) -> list[int]:
        """The ids of the pairs of which a point is selected, in the layer that is if one of both is."""
        if self.linked is None or self.pairs is None:
            return []
        active = [layer for layer in self.linked.layers if layer == self.viewer.layers.selection.active]
        rows = {row for layer in active or self.linked.layers for row in layer.selected_data}
        return [int(self.pairs.ids[row]) for row in sorted(rows)]

    @property
    def seen(self) -> ImagePair | None:
        """What the network saw of the chosen images; None where it has not, or they are others by now."""
        return self._transfers.seen if self._are_as_seen() else None

    def obstacle(self) -> str:
        """Return why the chosen images cannot be matched, nothing if they can."""
        fixed, moving = self.images
        if fixed is None or moving is None or len(self.fixed.choices) < 2:
            return "open two images first"
        if fixed == moving:
            return "choose two different images"
        return _plane_obstacle(fixed, self.viewer) or _plane_obstacle(moving, self.viewer)

    def pairs_obstacle(self, least: int = 0) -> str:
        """Return why there are no pairs to work with, or fewer than some number; nothing if there are."""
        if self.obstacle():
            return self.obstacle()
        if self.pairs is None:
            return "press Match"
        count = len(self.pairs.ids)
        return "" if count >= least else f"at least {least} pairs are needed, there are {count}"

    def seen_obstacle(self) -> str:
        """Return why the network cannot be asked about both images, nothing if it can."""
        return self.pairs_obstacle() or (
            "" if self.seen is not None else "the network has to see both: press Match"
        )

    def start(self) -> None:
        """Link points on the chosen images, unless they are, and let the network see both."""
        if obstacle := self.obstacle():
            self.job.refuse(obstacle)
            return
        self._link()
        self.job.run(
            _see_steps([subject.plane for subject in self.subjects], self.network),
            on_done=partial(self._on_seen, self.subjects),
            on_preview=partial(self._on_seen_coarsely, self.subjects),
            title="Seeing both images",
        )

    def look_by(self, network: Network) -> None:
        """Let another network look from now on, and at once where there are points; pairs stay."""
        if network == self.network:
            return
        self.network = network
        self._transfers.forget()
        self._on_changed()
        if self.pairs is not None:
            self.start()

    def link(self) -> LinkedPoints:
        """Return the linked points on the chosen images, new ones where there are none; see `obstacle`."""
        self._link()
        assert self.linked is not None
        return self.linked

    def are_current(self, subjects: Sequence[Subject]) -> bool:
        """Whether these are the subjects, and the chosen images what they were when they became so."""
        return subjects is self.subjects and self._are_as_seen()

    def unlink(self) -> None:
        """Let go of the points, which stay as they are, and of the job."""
        self.job.cancel()
        self._transfers.forget()
        linked, subjects, self.linked, self.subjects = self.linked, self.subjects, None, ()
        if linked is None:
            return
        linked.changed.disconnect(self._on_pairs_changed)
        linked.close()
        for subject in subjects:
            subject.points.let_go()
        self.viewer.mouse_drag_callbacks.remove(self._on_pressed)
        self.changed.emit()

    def _link(self) -> None:
        """Make points on the chosen images, with the tool in hand that adds them."""
        planes = [read_plane(image, self.viewer.dims) for image in self.images if image is not None]
        if self.linked is not None and self._are_chosen():
            self.subjects = tuple(
                own._replace(plane=plane) for own, plane in zip(self.subjects, planes, strict=True)
            )
        else:
            self._link_anew(planes)

    def _link_anew(self, planes: Sequence[ImagePlane]) -> None:
        self.unlink()
        self._transfers.begin([plane.sides for plane in planes])
        images = [image for image in self.images if image is not None]
        points = [PlanePoints(self.viewer, image) for image in images]
        self.subjects = tuple(map(Subject, images, planes, points))
        layers = points[0].layer, points[1].layer
        self.linked = LinkedPoints(self.viewer, layers, self._transfers.partners)
        self.linked.changed.connect(self._on_pairs_changed)
        self._shown = True
        self.viewer.layers.selection.active = layers[0]
        layers[0].mode = "add"
        self.viewer.mouse_drag_callbacks.append(self._on_pressed)
        self.began.emit()

    def _are_chosen(self) -> bool:
        """Whether the points are on the chosen images, and the planes of these in view."""
        return bool(self.subjects) and self._images_of_points == self.images and self._are_in_view()

    @property
    def _images_of_points(self) -> tuple[Image, ...]:
        return tuple(subject.image for subject in self.subjects)

    def _are_in_view(self) -> bool:
        """Whether the viewer shows the planes that the points are on."""
        try:
            return all(
                plane_index(subject.image, self.viewer.dims) == subject.plane.index
                for subject in self.subjects
            )
        except ValueError:
            return False

    def _are_as_seen(self) -> bool:
        """Whether the chosen images are what the network has seen, to the pixel."""
        return self._are_chosen() and all(own.image.data is own.plane.source for own in self.subjects)

    def _on_seen_coarsely(self, subjects: Sequence[Subject], pair: ImagePair) -> None:
        if self.are_current(subjects):
            self._transfers.see(pair, is_coarse=True)
            self._on_changed()

    def _on_seen(self, subjects: Sequence[Subject], pair: ImagePair) -> str:
        if not self.are_current(subjects):
            return CHANGED
        self._transfers.see(pair, is_coarse=False)
        self._on_changed()
        return "click in either image, and the same place of the other gets a point too."

    def _on_answers(self, correct: Callable[[SavedPairs], SavedPairs]) -> None:
        if self.linked is not None:
            self.linked.revise(correct)

    def _on_outside(self, side: int, points: NDArray[np.float64]) -> None:
        listed = ", ".join(f"({row:.0f}, {column:.0f})" for row, column in points[:_MOST_LISTED])
        more = f" and {len(points) - _MOST_LISTED} more" if len(points) > _MOST_LISTED else ""
        image = self.subjects[side].image.name
        self.job.note(f"Outside {image}, so that no partner can be found: row, column {listed}{more}.")

    def _on_pairs_changed(self) -> None:
        if self.linked is not None:
            self._transfers.know(sure_pairs(self.linked.pairs))
        self._on_changed()

    def _on_pressed(self, _: Viewer, event: Event) -> None:
        """Give a click to the points of the image that it goes to, whichever of both layers is selected."""
        layers = [subject.points.layer for subject in self.subjects]
        active = self.viewer.layers.selection.active
        if active not in layers or active.mode not in ("add", "select"):
            return
        over = [is_over(subject.image, event.position) for subject in self.subjects]
        side = layers.index(active)
        if over[1 - side] and not over[side]:
            layers[1 - side].mode = active.mode
            self.viewer.layers.selection.active = layers[1 - side]

    def _on_layers_changed(self) -> None:
        for combo in (self.fixed, self.moving):
            refresh(combo)
        needed = [layer for own in self.subjects for layer in (own.image, own.points.layer)]
        if any(layer not in self.viewer.layers for layer in needed):
            self.unlink()
        self._choose_another()
        self._on_changed()

    def _choose_another(self) -> None:
        """Take two images while both are the same, which nobody means: the lower one is fixed."""
        offered, chosen = list(self.fixed.choices), self.moving.value
        if self.fixed.value == chosen and len(offered) > 1:
            other = next(image for image in offered if image != chosen)
            self.fixed.value, self.moving.value = sorted((chosen, other), key=offered.index)

    def _on_layer_event(self, event: Event) -> None:
        if event.type in ("data", *GEOMETRY) and isinstance(event.sources[0], Image):
            self._on_changed()  # of points it is told by `linked`, once for both layers

    def _follow_view(self) -> None:
        """Hide the points while the viewer shows another plane than theirs."""
        if self.linked is None or (shown := self._are_in_view()) == self._shown:
            return
        self._shown = shown
        for layer in (*self.linked.layers, self.linked.lines):
            layer.visible = shown
            layer.mode = layer.mode if shown else "pan_zoom"  # a click would add to what is not seen

    def _on_changed(self, _: Any = None) -> None:
        self._follow_view()
        if not all(own.image.data is own.plane.source for own in self.subjects):
            self._transfers.forget()
        self.job.allow(self.obstacle())
        self.changed.emit()


def sure_pairs(pairs: SavedPairs) -> Correspondences:
    """Return the pairs that somebody has accepted or set."""
    return pairs.correspondences[np.isin(pairs.status, SURE)]


def _plane_obstacle(image: Image, viewer: Viewer) -> str:
    """Return why there is no plane of an image to put points on, nothing if there is."""
    try:
        index = plane_index(image, viewer.dims)
    except ValueError as error:
        return str(error)
    if not all(isinstance(at, slice) for at in index[-2:]):
        return f"points need the last two axes of {image.name!r}: turn the viewer's axes back"
    if list(viewer.dims.displayed) != sorted(viewer.dims.displayed):
        return "points need rows and columns as they are: turn the viewer's axes back"
    if is_large(shape_of(image)[-2:]):
        return f"{image.name!r} has more than 64 megapixels: open a smaller copy or a level of its pyramid"
    return ""


def _see_steps(planes: Sequence[ImagePlane], network: Network) -> Steps[ImagePair]:
    """Yield Progress; return two planes as the network sees them. They are read here, in the worker."""
    yield from importing_steps("napari_vitrail.matching")  # loads torch
    from napari_vitrail.matching import see_pair_steps

    image0, image1 = (plane.read() for plane in planes)
    return (yield from see_pair_steps(image0, image1, spec=network.spec()))
