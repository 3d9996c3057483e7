"""Projects opened again, and one after the other: whose strokes and classifier are at hand is clear."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog

from napari_vitrail import fit_classifier
from napari_vitrail.annotations import Annotation, Annotations, load_annotations
from napari_vitrail.project import Project, load_project, save_project
from napari_vitrail.reference import ImageReference, pixels_digest
from napari_vitrail.sparse import SparseLabels
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets import ClassifierWidget
from tests.widgets.driving import button, says

SPEC = FeatureSpec(features="classical")


@pytest.fixture
def project(tmp_path, textures):
    """Return a function that writes a project whose image is called cells, like those of all."""
    labels = np.zeros((64, 64), np.uint8)
    labels[10:50, 8:12], labels[10:50, 50:54] = 1, 2

    def write(name, pixels, *, learned=True):
        folder = tmp_path / name
        folder.mkdir()
        tifffile.imwrite(folder / "cells.tif", pixels)
        digest = pixels_digest(pixels)
        path = str(folder / "cells.tif")
        image = ImageReference("cells", (64, 64), "uint8", digest=digest, path=path)
        annotation = Annotation("cells strokes", SparseLabels.of(labels), image)
        classifier = fit_classifier([pixels], [labels], SPEC, estimator="ridge") if learned else None
        own = Project(Annotations((annotation,), spec=SPEC, estimator="ridge"), classifier)
        save_project(folder / f"{name}.vitrail", own)
        return folder / f"{name}.vitrail"

    return write


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer):
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    return widget


def dropped(qtbot, viewer, widget, path):
    """Open a project as napari does when it is dropped, and wait until it is taken up."""
    viewer.open(path, plugin=None)
    qtbot.waitUntil(lambda: widget._project._path == str(path))
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy and says(widget, f"{path.name}, "), timeout=60_000)


def chosen(widget) -> tuple[str, str]:
    layers = widget._bench.layers
    return layers.image.name, layers.strokes.name


def test_a_project_dropped_again_brings_its_strokes_and_its_classifier_again(
    qtbot, viewer, widget, project, textures
):
    path = project("first", textures)
    dropped(qtbot, viewer, widget, path)
    learned = widget._bench.classifier
    viewer.layers["cells strokes"].data[:] = 0  # spoilt: back to what was saved
    widget._bench.forget()
    dropped(qtbot, viewer, widget, path)
    assert widget._bench.classifier is not learned
    assert widget._bench.classifier_name == "first.vitrail"
    assert chosen(widget) == ("cells [1]", "cells strokes [1]")
    pairs = {strokes.name: image.name for strokes, image in widget._bench.layers.pairs}
    assert pairs == {"cells strokes": "cells", "cells strokes [1]": "cells [1]"}


def test_the_project_opened_last_is_at_hand_and_the_others_strokes_stay_on_their_image(
    qtbot, viewer, widget, project, textures
):
    dropped(qtbot, viewer, widget, project("first", textures))
    dropped(qtbot, viewer, widget, project("second", textures.T.copy()))
    assert widget._bench.classifier_name == "second.vitrail"
    assert chosen(widget) == ("cells [1]", "cells strokes [1]")
    np.testing.assert_array_equal(widget._bench.layers.image.data, textures.T)
    pairs = {strokes.name: image.name for strokes, image in widget._bench.layers.pairs}
    assert pairs == {"cells strokes": "cells", "cells strokes [1]": "cells [1]"}


def test_a_project_without_a_classifier_leaves_none_of_another_at_hand(
    qtbot, viewer, widget, project, textures
):
    dropped(qtbot, viewer, widget, project("first", textures))
    assert button(widget, "Save classifier...").isEnabled()
    dropped(qtbot, viewer, widget, project("second", textures.T.copy(), learned=False))
    assert widget._bench.classifier is None
    assert not button(widget, "Save classifier...").isEnabled()
    assert says(widget, "no classifier: press Segment")


def test_saving_two_projects_as_one_says_so_once(
    qtbot, viewer, widget, project, textures, notes, monkeypatch
):
    first, second = project("first", textures), project("second", textures.T.copy())
    dropped(qtbot, viewer, widget, first)
    dropped(qtbot, viewer, widget, second)
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda dialog: [str(second)])
    for said in (True, False):
        notes.clear()
        button(widget, "Save project...").click()
        qtbot.waitUntil(lambda: notes != [], timeout=60_000)
        qtbot.waitUntil(button(widget, "Save project...").isEnabled)
        assert ("It holds the strokes of first.vitrail too." in notes[0].message) == said
    images = load_annotations(second).images
    assert [each.image.path for each in images] == [
        str(path.with_name("cells.tif")) for path in (second, first)
    ]
    assert load_project(second).classifier is not None
    assert load_annotations(first).images[0].strokes.ids.size
