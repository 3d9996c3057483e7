"""What else can be made of what was found: layers, the elbow, strokes for Paint to segment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.widgets import ClassifierWidget
from napari_vitrail.widgets._layers import class_names, is_result
from tests.widgets.common_parts.conftest import PLACES
from tests.widgets.common_parts.hands import by_votes, click_picture, find, set_parts, settle
from tests.widgets.driving import button, says


def test_saliency_and_score_become_layers_over_their_images(qtbot, viewer, found):
    for kind in ("Saliency", "Score"):
        button(found, kind).click()
        settle(qtbot, found)
        for number in range(3):
            layer = viewer.layers[f"photo {number} {kind.lower()}"]
            assert is_result(layer)
            assert layer.data.shape == (64, 72)
            assert layer.data.min() >= 0 < layer.data.max() <= 1
            np.testing.assert_array_equal(layer.scale, (2, 3))


def test_an_image_that_is_looked_at_much_does_not_darken_the_others(
    qtbot, viewer, widget, steps, monkeypatch
):
    def looked_at_more(*arguments, **options):
        seen = yield from steps(*arguments, **options)
        first, second, third = seen.pictures
        second = replace(second, saliency=100 * second.saliency)
        return replace(seen, pictures=(first, second, third))

    monkeypatch.setattr("napari_vitrail.cosegmentation.see_set_steps", looked_at_more)
    find(qtbot, widget)
    button(widget, "Saliency").click()
    settle(qtbot, widget)
    assert viewer.layers["photo 0 saliency"].data.max() > 0.5
    assert viewer.layers["photo 1 saliency"].data.max() == 1


@pytest.mark.slow
def test_clusters_and_their_curve_are_there_once_they_are_voted_for(qtbot, viewer, found):
    assert "choose Votes" in button(found, "Clusters").toolTip().replace("\n", " ")
    assert not found._how.curve.isVisible()
    by_votes(qtbot, found)
    assert found._how.curve.isVisible()
    button(found, "▸  Elbow").click()
    counts = found._sharing.found.voted.curve.counts
    by_votes(qtbot, found, 4)
    assert found._sharing.found.voted.curve.chosen == 4
    assert found._how._elbow[1].counts.tolist() == counts.tolist()
    button(found, "Clusters").click()
    settle(qtbot, found)
    assert set(np.unique(viewer.layers["photo 0 clusters"].data)) <= {1, 2, 3, 4}


@pytest.mark.slow
def test_names_come_back_with_the_number_of_parts(qtbot, found):
    found._sharing.edit(found._sharing.naming.renamed(1, "tile"))
    set_parts(qtbot, found, 2)
    assert found._sharing.naming.name(1) == "part 1"
    set_parts(qtbot, found, 1)
    assert found._sharing.naming.name(1) == "tile"


def test_parts_are_sent_to_paint_to_segment_as_strokes(qtbot, viewer, found):
    found._sharing.edit(found._sharing.naming.renamed(1, "tile"))
    button(found, "Send parts to Paint to segment").click()
    settle(qtbot, found)
    assert says(found, "strokes on 3 image layers")
    for number, (top, left) in enumerate(PLACES):
        strokes, parts = viewer.layers[f"photo {number} strokes"], viewer.layers[f"photo {number} parts"]
        assert class_names(strokes) == {1: "tile", 2: "background"}
        np.testing.assert_array_equal(strokes.translate, parts.translate)
        assert (parts.data[strokes.data == 1] == 1).all()
        assert (parts.data[strokes.data == 2] == 0).all()
        assert 0 < (strokes.data == 1).sum() < 0.5 * (parts.data == 1).sum()
        assert strokes.data[top + 8 : top + 16, left + 8 : left + 16].any()
    painter = found.window().findChild(ClassifierWidget)
    assert painter._bench.layers.image == viewer.layers["photo 0"]
    assert painter._bench.layers.strokes == viewer.layers["photo 0 strokes"]
    assert viewer.layers.selection.active == viewer.layers["photo 0 strokes"]
    assert painter._bench.obstacle() == ""


@pytest.mark.slow
def test_strokes_that_a_hand_has_painted_stay_as_they_are(qtbot, viewer, found, images):
    own = np.zeros((64, 72), np.uint8)
    own[5, 5] = 3
    viewer.add_labels(own.copy(), name="photo 1 strokes")
    button(found, "Send parts to Paint to segment").click()
    settle(qtbot, found)
    assert says(found, "Painted strokes stay as they are on photo 1")
    np.testing.assert_array_equal(viewer.layers["photo 1 strokes"].data, own)


@pytest.mark.parametrize("name", ["Saliency", "Send parts to Paint to segment"])
def test_what_needs_layers_says_how_to_get_them(qtbot, viewer, found, name):
    for number in range(3):
        viewer.layers.remove(f"photo {number}")
    assert "double-click it in the gallery" in button(found, name).toolTip().replace("\n", " ")


@pytest.mark.slow
def test_a_picture_that_is_opened_hides_what_lies_over_it(qtbot, viewer, found):
    click_picture(found, 0, (3, 3), twice=True)
    shown = [layer.name for layer in viewer.layers if layer.visible]
    assert shown == ["photo 0", "photo 0 parts"]


def test_a_part_is_the_same_in_all_images(qtbot, viewer, found):
    set_parts(qtbot, found, 2)
    shares = []
    for number, (top, left) in enumerate(PLACES):
        square = viewer.layers[f"photo {number} parts"].data[top : top + 24, left : left + 24]
        shares.append([np.mean(square == part) for part in (0, 1, 2)])
    assert np.ptp(shares, axis=0).max() < 0.35
    assert set(np.unique(viewer.layers["photo 0 parts"].data)) == {0, 1, 2}
