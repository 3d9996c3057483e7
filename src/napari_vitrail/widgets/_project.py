"""A project in a file: strokes, classes, settings and classifier, saved together and taken up again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari.layers import Labels, Layer
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_vitrail.annotations import Annotations, save_annotations
from napari_vitrail.cleanup import ChosenCleanUp
from napari_vitrail.errors import VitrailError
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._annotations import Captured, annotations_steps, named_pairs
from napari_vitrail.widgets._autosave import Autosave
from napari_vitrail.widgets._cleanup import CleanUp
from napari_vitrail.widgets._dialogs import VITRAIL, ask_path
from napari_vitrail.widgets._form import allow, wrapped
from napari_vitrail.widgets._layers import MARK
from napari_vitrail.widgets._opening import opened
from napari_vitrail.widgets._rechosen import channels_taken_up
from napari_vitrail.widgets._runner import Job, Runner
from napari_vitrail.widgets._timer import timer
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier
    from napari_vitrail.project import Project

_SAVE_HELP = (
    "Save strokes, classes, settings and classifier as one .vitrail file, which names the images; to be "
    "opened here, by a double click or by the command line"
)
_OPEN_HELP = "Open a .vitrail file: its images, the strokes on them, the settings and the classifier"


class ProjectFile(QWidget):
    """Two buttons: one saves all that was painted and learned, one opens it again.

    Projects that napari itself has opened are taken up too: by their strokes layers it knows them.

    Parameters
    ----------
    bench : Workbench
    autosave : Autosave
        Which is told what was saved.
    clean_up : CleanUp
        Whose setting is kept, too.
    """

    def __init__(self, bench: Workbench, autosave: Autosave, clean_up: CleanUp) -> None:
        super().__init__()
        self._bench = bench
        self._autosave, self._clean_up = autosave, clean_up
        self._path = ""  # of the project at hand
        self._known: set[str] = set()  # openings of projects of which layers are here
        self._waiting: WeakSet[Labels] = WeakSet()  # whose channels are taken up once their image is here
        self._save = QPushButton("Save project...")
        self._open = QPushButton("Open project...")
        self._soon = timer(self, 0, self._take_up)
        self._runner = Runner(
            on_progress=_pass_over, on_error=_say, on_warning=show_warning, on_idle=self._allow
        )
        self._save.clicked.connect(self._on_save_clicked)
        self._open.clicked.connect(self._on_open_clicked)
        self._open.setToolTip(wrapped(_OPEN_HELP))
        bench.changed.connect(self._allow)
        bench.viewer.layers.events.inserted.connect(self._on_inserted)
        bench.viewer.layers.events.removed.connect(self._on_removed)
        self.destroyed.connect(self._runner.retire)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self._save, self._open):
            layout.addWidget(button, 1)
        self._allow()
        self._soon.start()

    def open(self, path: str | Path) -> list[Layer]:
        """Add the layers of a project to the viewer, but for images that are there; say what has changed."""
        project = Path(path).absolute()
        added = self._add(project, is_project=True)
        if added == []:
            self._load(str(project))
        return added or []

    def restore(self, path: Path) -> None:
        """Open unsaved strokes, and keep them as such."""
        added = self._add(path, is_project=False)
        if added:
            self._choose(added)
            self._autosave.supersede(path, [layer for layer in added if isinstance(layer, Labels)])

    def _add(self, path: Path, *, is_project: bool) -> list[Layer] | None:
        """Add the layers in a file and say what has changed; return None if it cannot be opened."""
        try:
            found = opened(path, self._bench.viewer.layers, is_project=is_project)
        except (VitrailError, OSError, ValueError) as error:
            show_error(str(error))
            return None
        added = [Layer.create(*each) for each in found.layers]
        for layer in added:
            self._bench.viewer.add_layer(layer)
        if found.remarks:
            show_warning("\n".join(found.remarks))
        return added

    def _allow(self) -> None:
        """Let be saved what can be; else the tooltip says what stands in the way."""
        painted = self._bench.layers.strokes is not None and self._bench.layers.image is not None
        obstacle = "" if painted else "open an image, press New and paint"
        allow(self._save, _SAVE_HELP, "it is being saved" if self._runner.is_busy else obstacle)

    def _on_save_clicked(self) -> None:
        image = self._bench.layers.image
        if image is None:
            return
        name = re.sub(r"[^\w .-]", "_", image.name)
        path = ask_path(self, "Save project", VITRAIL, self._path or f"{name}.vitrail")
        if path:
            self._save_as(path)

    def _save_as(self, path: str) -> None:
        """Write all that was painted on the images of the viewer, and the classifier at hand."""
        form = self._bench.form
        pairs = self._bench.layers.pairs
        captured = self._bench.layers.captured(pairs)
        chosen = self._clean_up.chosen
        steps = save_steps(path, captured, form.valid_spec, form.estimator, chosen, self._bench.classifier)
        on_done = partial(self._on_saved, path, self._autosave.revision, [strokes for strokes, _ in pairs])
        self._runner.start(Job(steps, on_done, f"Saving {Path(path).name}"))
        self._allow()

    def _on_saved(self, path: str, revision: int, strokes: Sequence[Labels], saved: Annotations) -> None:
        self._path = path
        self._autosave.forget(revision, strokes)
        others = take_into(path, strokes)
        homeless = [each.image.name for each in saved.images if not (each.image.path or each.image.sample)]
        text = f"The project is saved as {path}."
        if homeless:
            names = ", ".join(map(repr, dict.fromkeys(homeless)))
            text += f" It cannot open {names}, which has no file: save the image too, and open it before."
        if others:
            text += f" It holds the strokes of {', '.join(others)} too."
        show_info(text)

    def _on_open_clicked(self) -> None:
        if path := ask_path(self, "Open project", VITRAIL):
            self.open(path)

    def _on_inserted(self) -> None:
        self._soon.start()

    def _on_removed(self) -> None:
        self._known &= self._openings().keys()

    def _take_up(self) -> None:
        """Choose strokes of a project that have come into the viewer, and load what was learned from them.

        Of several projects the one that was opened last is at hand.
        """
        here = self._openings()
        come = [opening for opening in here if opening not in self._known]  # a copy of a layer brings none
        self._known = set(here)
        for opening in come:
            self._choose(here[opening])
            self._load(here[opening][0].metadata[MARK]["project"])
        self._take_up_channels()

    def _openings(self) -> dict[str, list[Labels]]:
        """Return the openings of projects of which strokes are in the viewer, and these."""
        here: dict[str, list[Labels]] = {}
        for layer in self._bench.viewer.layers:
            if opening := layer.metadata.get(MARK, {}).get("opening"):
                here.setdefault(opening, []).append(layer)
        return here

    def _choose(self, layers: Sequence[Layer]) -> None:
        """Choose the strokes among some layers that have an image, the first of them last."""
        images = dict(named_pairs(self._bench.viewer.layers))
        strokes = [layer for layer in layers if isinstance(layer, Labels)]
        self._waiting.update(strokes)
        self._take_up_channels()
        for own in reversed(strokes):
            if own in images:
                self._bench.layers.choose(images[own], own)

    def _take_up_channels(self) -> None:
        """Choose the channels of images that strokes were opened with, and that are here by now."""
        if not self._waiting:
            return
        images = dict(named_pairs(self._bench.viewer.layers))
        for strokes in [own for own in self._waiting if own in images]:
            self._waiting.discard(strokes)
            channels, remark = channels_taken_up(strokes, images[strokes], self._bench.viewer.layers)
            if channels is not None:
                self._bench.layers.choose_channels(images[strokes], channels)
            if remark:
                show_warning(remark)

    def _load(self, path: str) -> None:
        """Start to load settings and classifier of a project."""
        self._path = path
        self._bench.forget()
        self._bench.job.run(
            load_steps(path),
            on_done=partial(self._on_loaded, Path(path).name),
            title=f"Opening {Path(path).name}",
        )

    def _on_loaded(self, name: str, project: Project) -> str:
        annotations, classifier = project.annotations, project.classifier
        if annotations.spec is not None:
            self._bench.form.show(annotations.spec, annotations.estimator)
        if annotations.clean_up is not None:
            self._clean_up.choose(annotations.clean_up)
        if classifier is None:
            return f"{name}, strokes on {len(annotations.images)} images and no classifier: press Segment."
        self._bench.keep(classifier, name)
        return f"{name}, {classifier.report}"


def take_into(path: str, strokes: Iterable[Labels]) -> list[str]:
    """Let strokes be those of the project that they are saved in; return of which others they were."""
    came_from: dict[str, None] = {}
    for layer in strokes:
        marked = layer.metadata.get(MARK, {})
        if marked.get("project", path) != path:
            came_from[Path(marked["project"]).name] = None
            marked["project"] = path
    return list(came_from)


def save_steps(
    path: str,
    captured: Sequence[Captured],
    spec: FeatureSpec | None,
    estimator: str | None,
    clean_up: ChosenCleanUp,
    classifier: PixelClassifier | None,
) -> Steps[Annotations]:
    """Yield Progress; write a project and return what was painted."""
    annotations = yield from annotations_steps(captured, spec, estimator, clean_up)
    yield Progress(0, 1, "writing")
    if classifier is None:
        save_annotations(path, annotations)
    else:
        from napari_vitrail.project import Project, save_project  # loads torch

        save_project(path, Project(annotations, classifier))
    return annotations


def load_steps(path: str) -> Steps[Any]:
    """Yield Progress; return the project in a file."""
    yield Progress(0, 1, "opening the project")
    from napari_vitrail.project import load_project  # loads torch

    return load_project(path)


def _say(error: Exception) -> None:
    show_error(str(error) or type(error).__name__)


def _pass_over(_: Progress) -> None:
    """Show no progress: a save takes a moment."""
