"""What the pieces of Find objects share: the images, what was found in them, and how finely it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from napari import Viewer
from napari.layers import Image, Layer
from napari.utils.events import Event
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_vitrail.widgets._checklist import ImageChecklist
from napari_vitrail.widgets._clicks import Position
from napari_vitrail.widgets._gallery_images import LayerImage, planes_of
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._network import Network
from napari_vitrail.widgets._part_layers import in_view
from napari_vitrail.widgets._planes import read_plane
from napari_vitrail.widgets._scene import JudgedBox, Scene, SceneCut
from napari_vitrail.widgets._scene_layers import (
    dress_found,
    found_layer,
    layers_of,
    place_found,
    write_boxes,
    write_found,
)
from napari_vitrail.widgets._scene_steps import scenes_steps
from napari_vitrail.widgets._source_panel import layers_obstacle
from napari_vitrail.widgets._timer import Soon, timer
from napari_vitrail.widgets._turns import Turns

LEAST_SCORE = 1.0
"""Of boxes that are proposed unless another is chosen: less than the mean place is mostly clutter."""
SIDE = 448
"""The longer side in pixels at which images are seen unless another is chosen."""
_HINT = "Let the network look at the ticked images and find what is in them: a coarse answer comes first"
_SOURCE_HINT = "The images to look at; of a stack the plane in view, or all of its planes"
_PATIENCE_MS = 150


class Scenes(QObject):
    """The viewer, the images that are ticked, what was found in them, and the job.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    viewer : napari.Viewer
    source : ImageChecklist
    job : JobPanel
    network : Network
        What looks at the images from the next Find on.
    all_planes : bool
        Whether all planes of a stack are looked at.
    scale : float
        At which multiple of the semantic distance merge trees are cut.
    least_score : float
        Boxes of less are not proposed.
    with_ground : bool
        Whether the layers of labels show the ground, too.
    """

    changed = Signal()
    """Other images may be ticked, there, or in view."""
    shown = Signal()
    """Something else was found, at another scale perhaps, or counts as object or ground, or is judged."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.source = ImageChecklist(viewer, _SOURCE_HINT)
        self.job = JobPanel("Find objects", _HINT, "Tick images and press Find objects.")
        self.network = Network(side=SIDE)
        self.all_planes = False
        self.scale = 1.0
        self.least_score = LEAST_SCORE
        self.with_ground = False
        self._scenes: list[Scene] = []
        self._cuts: dict[Scene, SceneCut] = {}  # at the scale
        self._behind: list[Scene] = []  # whose labels are still at another scale
        self._skipped: list[JudgedBox] = []
        self._looked_at: LayerImage | None = None
        self._turns = Turns(self)
        self._soon = Soon(self, self._on_changed)
        self._patience = timer(self, _PATIENCE_MS, self._catch_up)
        self.job.requested.connect(self.find)
        self.source.changed.connect(self._on_changed)
        viewer.dims.events.connect(self._on_dims_event)
        viewer.layers.events.connect(self._on_layer_event)
        self._on_changed()

    @property
    def here(self) -> list[Scene]:
        """What was found in images that are in the viewer as the network has seen them."""
        return [
            scene
            for scene in self._scenes
            if scene.image.layer in self.viewer.layers and scene.image.layer.data is scene.image.plane.source
        ]

    @property
    def current(self) -> Scene | None:
        """What was found in the image in view, the top one of several; None where there is none."""
        shown = self._in_view(self.here)
        return shown[0] if shown else None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is computed, and nothing is still to be written into layers."""
        return not (self.job.is_busy or self._turns.is_busy or self._patience.isActive())

    def obstacle(self) -> str:
        """Return why there is nothing to work with in view, nothing if there is."""
        if not self.here:
            return "press Find objects"
        return "" if self.current is not None else "show an image in which objects were found"

    def cut_of(self, scene: Scene) -> SceneCut:
        """Return a scene at the scale; made once."""
        if scene not in self._cuts:
            self._cuts[scene] = scene.cut(self.scale)
        return self._cuts[scene]

    def find(self) -> None:
        """Start to find objects in the ticked images."""
        if obstacle := layers_obstacle(self.source.chosen, self.viewer.dims):
            self.job.refuse(obstacle)
            return
        try:
            images = [plane for layer in self.source.chosen for plane in self._planes_of(layer)]
        except ValueError as error:  # the slider is beyond one of them
            self.job.refuse(str(error))
            return
        first = in_view(self.viewer, images)
        ordered = [*first, *(image for image in images if image not in first)]
        self.job.run(
            scenes_steps(ordered, self.network),
            on_done=self._on_found,
            on_preview=self._keep,
            title=f"Looking at {len(images)} image{'' if len(images) == 1 else 's'}",
        )

    def look_by(self, network: Network) -> None:
        """Take a network for the next Find."""
        self.network = network

    def look_at_all_planes(self, is_wanted: bool) -> None:
        """Have the next Find look at all planes of stacks, or at the one in view."""
        self.all_planes = is_wanted

    def cut_at(self, scale: float) -> None:
        """Show what was found at another scale: labels in view at once, all else when the hand rests."""
        if scale == self.scale:
            return
        self.scale = scale
        self._cuts.clear()
        self._skipped.clear()
        shown = self._in_view(self.here)
        for scene in shown:
            self._write_labels(scene)
        self._behind = [scene for scene in self.here if scene not in shown]
        self._patience.start()
        self.shown.emit()

    def propose_from(self, score: float) -> None:
        """Propose boxes of at least a score."""
        self.least_score = score
        self._skipped.clear()
        self._write_all_boxes()
        self.shown.emit()

    def show_ground(self, is_wanted: bool) -> None:
        """Have the ground in the layers of labels, or objects alone."""
        self.with_ground = is_wanted
        self._put_labels(self.here)

    def toggle(self, label: int) -> None:
        """Let a class of the image in view be ground where it is an object, and the other way round."""
        if (scene := self.current) is not None:
            self._take(scene, scene.toggled(label, self.scale))

    def rename(self, label: int, name: str) -> None:
        """Call a class of the image in view otherwise; an empty name takes back what it was called."""
        if (scene := self.current) is not None:
            self._take(scene, scene.renamed(label, name, self.scale))

    def toggle_at(self, position: Position, layers: Iterable[Layer]) -> None:
        """Toggle the class at a position in the world, in the top image in view that has any."""
        for scene in self._in_view(self.here):
            own = {scene.image.layer, *layers_of(self.viewer, scene.image)}
            piece = scene.piece_at(position)
            if piece is not None and own & set(layers):
                label = self.cut_of(scene).label_of(piece)
                self._take(scene, scene.toggled(label, self.scale))
                return

    def boxes(self) -> list[JudgedBox]:
        """Return the boxes in the image in view."""
        scene = self.current
        return [] if scene is None else self._boxes_of(scene)

    def judge(self, boxes: Sequence[JudgedBox]) -> None:
        """Take what is thought of some boxes in the image in view."""
        if (scene := self.current) is not None:
            self._take(scene, scene.with_judged(boxes))

    def proposed(self) -> JudgedBox | None:
        """Return the box that a key would judge: the first that is proposed, skipped ones last."""
        waiting = [box for box in self.boxes() if box.status == "proposed"]
        fresh = [box for box in waiting if box not in self._skipped]
        return next(iter(fresh or waiting), None)

    def skip(self) -> None:
        """Go on to the next box that is proposed, and after the last one to the first."""
        if (box := self.proposed()) is None:
            return
        waiting = [own for own in self.boxes() if own.status == "proposed"]
        self._skipped = [own for own in self._skipped if own in waiting and own != box] + [box]
        if set(self._skipped) >= set(waiting):
            self._skipped.clear()
        if (scene := self.current) is not None:
            self._write_boxes(scene.image.layer)
        self.shown.emit()

    def cancel(self) -> None:
        """Cancel what runs."""
        self.job.cancel()
        self._turns.forget()
        self._patience.stop()

    def _planes_of(self, layer: Image) -> list[LayerImage]:
        if self.all_planes:
            return planes_of(layer, self.viewer.dims)
        return [LayerImage(layer, read_plane(layer, self.viewer.dims), layer.name)]

    def _on_found(self, count: int) -> str:
        n_with_any = sum(bool(self.cut_of(scene).objects) for scene in self._scenes[-count:])
        if not n_with_any:
            return "no object was found."
        where = "" if count == 1 else f" in {n_with_any} of {count} images"
        return f"labels and boxes{where} are layers."

    def _keep(self, scene: Scene) -> None:
        """Take what was found in an image, in place of what was found there before."""
        before = next((own for own in self._scenes if own.is_of(scene)), None)
        if before is not None and before.run is scene.run:
            scene = before.found_anew(scene)
        self._scenes = [*(own for own in self._scenes if own is not before), scene]
        if scene in self.here:
            place_found(self.viewer, scene.image)
            self._write_labels(scene)
            self._put_boxes(scene.image.layer)
        self.shown.emit()

    def _take(self, before: Scene, scene: Scene) -> None:
        """Take what was decided."""
        self._scenes = [scene if own is before else own for own in self._scenes]
        self._cuts.pop(before, None)
        self._write_labels(scene)
        self._write_boxes(scene.image.layer)
        self.shown.emit()

    def _catch_up(self) -> None:
        """Write what was left behind while the scale changed, in turns with the viewer."""
        self._put_labels(self._behind)
        self._behind = []
        self._write_all_boxes()

    def _put_labels(self, scenes: Iterable[Scene]) -> None:
        for scene in scenes:
            key = (scene.image.layer, str(scene.image.plane.index))
            self._turns.put(key, partial(self._write_labels, scene))

    def _write_all_boxes(self) -> None:
        for layer in dict.fromkeys(scene.image.layer for scene in self.here):
            self._put_boxes(layer)

    def _boxes_of(self, scene: Scene) -> list[JudgedBox]:
        return scene.boxes(self.cut_of(scene), self.least_score)

    def _put_boxes(self, layer: Image) -> None:
        self._turns.put(layer, partial(self._write_boxes, layer))

    def _write_labels(self, scene: Scene) -> None:
        """Write the labels of what was found in an image, unless that is something else by now."""
        if scene in self.here:
            write_found(self.viewer, scene, self.cut_of(scene), with_ground=self.with_ground)

    def _write_boxes(self, layer: Image) -> None:
        """Write the boxes in all planes of a layer; the one that a key would judge stands out."""
        own = [scene for scene in self.here if scene.image.layer is layer]
        if not own:
            return
        current, proposed = self.current, self.proposed()
        rows = [(scene, box) for scene in own for box in self._boxes_of(scene)]
        at = None
        if current is not None and proposed is not None and current in own:
            at = rows.index((current, proposed))
        write_boxes(self.viewer, own[0].image, rows, at)

    def _name_classes(self) -> None:
        """Give layers the names of the classes in view: the planes of a stack have different ones."""
        for scene in self._in_view(self.here):
            layer = found_layer(self.viewer, scene.image)
            if layer is not None:
                dress_found(layer, scene, self.cut_of(scene))

    def _in_view(self, scenes: Iterable[Scene]) -> list[Scene]:
        by_image = {scene.image: scene for scene in scenes}
        return [by_image[image] for image in in_view(self.viewer, by_image)]

    def _on_dims_event(self, _: Event) -> None:
        self._soon.ask()

    def _on_layer_event(self, event: Event) -> None:
        if event.type in ("inserted", "removed", "data", "visible"):
            self._soon.ask()

    def _on_changed(self) -> None:
        if not isalive(self.source):  # the window may have gone before its turn came
            return
        self.job.allow(layers_obstacle(self.source.chosen, self.viewer.dims))
        image = None if self.current is None else self.current.image
        if image is not self._looked_at:
            self._looked_at = image
            self._skipped.clear()
            self._write_all_boxes()
            self._name_classes()
            self.shown.emit()
        self.changed.emit()
