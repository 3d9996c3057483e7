"""What the parts of Paint to segment share: the viewer, what is chosen, the job, the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari import Viewer
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_vitrail.presets import preset
from napari_vitrail.progress import Steps, part_of
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._blocks import block_in_view, has_large_planes, painted_steps
from napari_vitrail.widgets._choice import LayerChoice, PaintedImage
from napari_vitrail.widgets._cleaning import Cleaning
from napari_vitrail.widgets._form import SpecForm
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._layers import result_of
from napari_vitrail.widgets._paintable import add_copy, copied_steps
from napari_vitrail.widgets._painted import painted_planes
from napari_vitrail.widgets._planes import Painted, planes_with_strokes, read_plane
from napari_vitrail.widgets._settings import preference

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier


def preferred_spec() -> FeatureSpec:
    """Return the features that Preferences name."""
    return preset(preference("painting", "preset"), preference("painting", "backbone"))


class Workbench(QObject):
    """The viewer, the layers and features that are chosen in it, the job, and the classifier at hand.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.

    Attributes
    ----------
    viewer : napari.Viewer
    layers : LayerChoice
        The image and the strokes.
    form : SpecForm
        The features and the estimator.
    job : JobPanel
        Runs the work, one job at a time; the newest wins.
    cleaning : Cleaning
        What finished results are cleaned up by.
    classifier : PixelClassifier or None
        The one that was trained or applied last.
    classifier_name : str
        What it was trained on, or the file it came from.
    """

    changed = Signal()
    """Another layer, plane or value may be chosen."""
    learned = Signal()
    """There is another classifier."""
    shown = Signal()
    """A part of a segmentation was written."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.layers = LayerChoice(viewer, on_change=self._on_changed, on_copy=self._copy)
        self.form = SpecForm(preferred_spec(), on_change=self._on_changed)
        self.job = JobPanel(
            "Segment",
            "Learn from the strokes and segment the plane in view",
            "Paint a few strokes of each class, one label for each.",
        )
        self.cleaning = Cleaning(viewer, self.shown)
        self.classifier: PixelClassifier | None = None
        self.classifier_name = ""
        viewer.dims.events.connect(self._on_changed)

    def plane(self) -> ImagePlane:
        """Return the plane of the chosen image that is in view, of a large one the part that is.

        See `image_obstacle` first.
        """
        plane = read_plane(self.layers.image, self.viewer.dims, self.layers.channels)
        return block_in_view(self.viewer, plane, self.layers.image, self._spec)

    def painted(self) -> Steps[list[Painted]]:
        """Return the work of reading the strokes to learn from; see `obstacle` first."""
        self.layers.note_use()
        return _joined_steps(
            [self._strokes_steps(own, clipped=number > 0) for number, own in enumerate(self.layers.painted)]
        )

    def _strokes_steps(self, own: PaintedImage, *, clipped: bool) -> Steps[list[Painted]]:
        planes = planes_with_strokes(own.strokes, own.image, self.viewer.dims, own.channels, clipped=clipped)
        return painted_steps(planes, own.image, self._spec)

    @property
    def _spec(self) -> FeatureSpec:
        """What is to be learned, by which large planes are cut."""
        return self.form.valid_spec or preferred_spec()

    def painted_anew(self) -> Steps[list[Painted]]:
        """Return the same, with what scripts have written into planes out of view and told nobody."""
        for own in self.layers.painted:
            painted_planes(own.strokes).forget()
        return self.painted()

    def _copy(self, strokes: Labels) -> None:
        """Start to copy strokes that cannot be painted on."""

        def on_done(data: Any) -> str:
            copy = add_copy(self.viewer, strokes, data)
            if self.layers.image is image:
                self.layers.choose(image, copy)
            return f"{copy.name} can be painted on."

        image = self.layers.image
        self.job.run(copied_steps(strokes), on_done=on_done, title=f"Copying {strokes.name}")

    def result(self) -> Labels | None:
        """Return the layer that holds the segmentation of the chosen image, if there is one."""
        return result_of(self.viewer.layers, self.layers.image, self.layers.channels)

    def image_obstacle(self) -> str:
        """Return why there is no plane to work on, nothing if there is one."""
        return self.layers.image_obstacle(self.viewer.dims)

    def obstacle(self) -> str:
        """Return why nothing can be learned from what is chosen, nothing if it can."""
        try:
            self.form.spec  # noqa: B018  asks whether the values go together
        except ValueError as error:
            return str(error)
        return self.layers.obstacle(self.viewer.dims)

    def classifier_obstacle(self) -> str:
        """Return why a classifier cannot be asked about the plane in view, nothing if it can."""
        if self.classifier is None:
            return "let it learn from strokes, or apply a classifier"
        return self.image_obstacle() or self.channels_obstacle(self.classifier)

    def channels_obstacle(self, classifier: PixelClassifier) -> str:
        """Return why the plane in view is not of the kind that a classifier knows, nothing if it is."""
        learned, chosen = classifier.intensity.extra_names, self.layers.channels.names
        if learned == chosen:
            return ""
        return f"it was learned with {_spoken(learned)}, and {_spoken(chosen)} are chosen"

    def keep(self, classifier: PixelClassifier, name: str) -> None:
        """Take a classifier: it can be saved from now on, and be asked about planes."""
        self.classifier, self.classifier_name = classifier, name
        self.learned.emit()

    def forget(self) -> None:
        """Have no classifier: another project is opened, to which the one at hand does not belong."""
        self.classifier, self.classifier_name = None, ""
        self.learned.emit()

    def report(self, plane: ImagePlane, report: str) -> str:
        """Return what to say of a result, and of its image if that has gone, is another one, or large."""
        name = plane.layer_name
        image = next((layer for layer in self.viewer.layers if layer.name == name), None)
        if image is None:
            return f"{report} {name!r} was removed meanwhile; its segmentation is kept."
        if image.data is not plane.source:
            return f"{report} {name!r} has other pixels by now; this was made of those that it had."
        if plane.block is not None:
            seen = "only the part in view was looked at; Segment all slices takes all of it."
            return f"{report.rstrip('.')}. The plane is large: {seen}"
        return report

    def has_large_planes(self) -> bool:
        """Whether planes of the chosen image are too large to be worked on as a whole."""
        image = self.layers.image
        return image is not None and has_large_planes(image, self.viewer.dims, self.layers.channels)

    def _on_changed(self) -> None:
        self.changed.emit()


def _spoken(names: Sequence[str]) -> str:
    return ", ".join(names) or "no further channels"


def _joined_steps(reading: Sequence[Steps[list[Painted]]]) -> Steps[list[Painted]]:
    """Yield Progress; return what all of them return in one list."""
    painted = []
    for number, steps in enumerate(reading):
        painted += yield from part_of(steps, number, len(reading))
    return painted
