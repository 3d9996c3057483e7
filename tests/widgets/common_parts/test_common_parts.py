"""Press Find, and what images share has one colour in all of them: stories in a real viewer."""

from __future__ import annotations

from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest

from napari_vitrail.widgets._gallery import Gallery
from napari_vitrail.widgets._layers import class_names
from tests.widgets.common_parts.conftest import PLACES
from tests.widgets.common_parts.hands import (
    choose_folder,
    click_cell,
    click_picture,
    dock,
    find,
    overlap,
    rows_of,
    set_parts,
    settle,
    show_grid,
)
from tests.widgets.driving import button, click, draw, says


def names_in(widget) -> list[str]:
    table = rows_of(widget)
    return [table.item(row, 1).text() for row in range(table.rowCount())]


def test_what_images_share_becomes_a_layer_right_above_each(viewer, found):
    for number, place in enumerate(PLACES):
        image, layer = viewer.layers[f"photo {number}"], viewer.layers[f"photo {number} parts"]
        assert viewer.layers.index(layer) == viewer.layers.index(image) + 1
        np.testing.assert_array_equal(layer.scale, image.scale)
        np.testing.assert_array_equal(layer.translate, image.translate)
        assert overlap(layer.data, place) > 0.5
        assert class_names(layer) == {1: "object"}
    assert says(found, "found in 3 of 3 images")
    assert names_in(found) == ["object"]


def test_a_stack_in_is_a_stack_out(qtbot, make_napari_viewer_proxy, images):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack(images), name="stack", scale=(5, 2, 2))
    widget = dock(qtbot, viewer)
    find(qtbot, widget)
    layer = viewer.layers["stack parts"]
    assert layer.data.shape == (3, 64, 72)
    np.testing.assert_array_equal(layer.scale, (5, 2, 2))
    assert min(map(overlap, layer.data, PLACES)) > 0.5
    viewer.dims.set_point(0, 0)
    click_picture(widget, 2, (4, 4), twice=True)
    assert viewer.dims.point[0] == 10


def test_files_of_a_folder_are_opened_from_the_gallery(
    qtbot, make_napari_viewer_proxy, images, tmp_path, notes
):
    for number, image in enumerate(images):
        iio.imwrite(tmp_path / f"photo_{number}.png", image)
    (tmp_path / "broken.png").write_bytes(b"no image")
    viewer = make_napari_viewer_proxy(show=True)
    widget = dock(qtbot, viewer)
    choose_folder(widget, tmp_path)
    find(qtbot, widget)
    assert len(viewer.layers) == 0
    assert says(widget, "found in 3 of 3 images")
    assert any(
        "1 of 4 images are left out" in note.message and "broken.png" in note.message for note in notes
    )
    click_picture(widget, 1, (2, 2), twice=True)
    settle(qtbot, widget)
    assert [layer.name for layer in viewer.layers] == ["photo_1", "photo_1 parts"]
    assert overlap(viewer.layers["photo_1 parts"].data, PLACES[1]) > 0.5


def test_a_folder_without_an_image_is_said_to_be_so(qtbot, widget, tmp_path):
    choose_folder(widget, tmp_path)
    button(widget, "Find").click()
    assert says(widget, "holds no image")


def test_a_part_that_is_clicked_stands_out_everywhere(qtbot, viewer, found):
    gallery, small = found.findChild(Gallery), found._sharing.found.small
    before = gallery.model()._draw(0).toImage()
    inside = np.argwhere(small[1] == 1).mean(axis=0).astype(int)
    click_picture(found, 1, tuple(inside))
    settle(qtbot, found)
    assert found._sharing.highlighted == {1}
    assert {item.row() for item in rows_of(found).selectedItems()} == {0}
    assert gallery.model()._draw(0).toImage() != before
    for number in range(3):
        colours = viewer.layers[f"photo {number} parts"].colormap.colors
        assert colours[1, 3] == 1
        assert colours[2:, 3].max() < 0.1
    click_picture(found, 1, tuple(inside))
    settle(qtbot, found)
    assert found._sharing.highlighted == frozenset()
    assert viewer.layers["photo 0 parts"].colormap.colors[2, 3] == 1


def test_a_click_in_the_viewer_highlights_too_but_a_drag_does_not(qtbot, viewer, found):
    button(found, "Saliency").click()
    settle(qtbot, found)
    viewer.layers.selection.active = viewer.layers["photo 2"]
    layer = viewer.layers["photo 2 parts"]
    inside = np.array(layer.data_to_world(np.argwhere(layer.data).mean(axis=0)))
    click(viewer, found, inside)
    assert found._sharing.highlighted == {1}
    draw(viewer, found, inside, inside + 20)
    assert found._sharing.highlighted == {1}
    click(viewer, found, layer.data_to_world((1, 1)))
    assert found._sharing.highlighted == frozenset()
    listening = len(viewer.mouse_drag_callbacks)
    viewer.window.remove_dock_widget(found)
    assert len(viewer.mouse_drag_callbacks) == listening - 1


@pytest.mark.parametrize("stride", [1, 2])
def test_in_the_grid_view_a_click_means_the_images_of_its_cell(qtbot, viewer, found, stride):
    show_grid(viewer, stride)
    qtbot.wait(300)
    cells = (2, 3) if stride == 1 else (2, 2)
    layer = viewer.layers["photo 2 parts"]  # the last but one of the layers, or in the third pair
    inside = layer.data_to_world(np.argwhere(layer.data).mean(axis=0))
    click_cell(viewer, found, (1, 1) if stride == 1 else (1, 0), cells, inside)
    qtbot.waitUntil(lambda: found._sharing.highlighted == {1})
    click_cell(viewer, found, (0, 0), cells, inside)  # there is nothing of it in that image
    qtbot.waitUntil(lambda: found._sharing.highlighted == frozenset())


def test_a_part_is_renamed_in_the_table_and_in_all_layers(qtbot, viewer, found):
    rows_of(found).item(0, 1).setText("tile")
    settle(qtbot, found)
    assert [class_names(viewer.layers[f"photo {number} parts"]) for number in range(3)] == [{1: "tile"}] * 3
    button(found, "Undo").click()
    assert names_in(found) == ["object"]
    button(found, "Redo").click()
    assert names_in(found) == ["tile"]


@pytest.mark.parametrize("action", ["Delete", "Background"])
def test_a_part_that_is_taken_away_leaves_all_layers_until_undone(qtbot, viewer, found, action):
    before = viewer.layers["photo 0 parts"].data.copy()
    rows_of(found).selectRow(0)
    button(found, action).click()
    settle(qtbot, found)
    assert not any(viewer.layers[f"photo {number} parts"].data.any() for number in range(3))
    assert names_in(found) == []
    button(found, "Undo").click()
    settle(qtbot, found)
    np.testing.assert_array_equal(viewer.layers["photo 0 parts"].data, before)


@pytest.mark.slow
def test_parts_that_are_merged_are_one_in_all_layers_until_undone(qtbot, viewer, found):
    set_parts(qtbot, found, 3)
    layer, table = viewer.layers["photo 0 parts"], rows_of(found)
    before = layer.data.copy()
    assert names_in(found) == ["part 1", "part 2", "part 3"]
    np.testing.assert_array_equal(np.unique(before), [0, 1, 2, 3])
    table.item(1, 1).setText("tile")
    table.selectAll()
    button(found, "Merge").click()
    settle(qtbot, found)
    assert names_in(found) == ["tile"]
    np.testing.assert_array_equal(layer.data, before > 0)
    assert class_names(layer) == {1: "tile"}
    button(found, "Undo").click()
    settle(qtbot, found)
    np.testing.assert_array_equal(layer.data, before)


@pytest.mark.slow
def test_only_pictures_in_view_are_drawn(qtbot, make_napari_viewer_proxy, images):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack(images * 15), name="stack")
    widget = dock(qtbot, viewer)
    find(qtbot, widget)
    gallery = widget.findChild(Gallery)
    qtbot.waitUntil(lambda: gallery.drawn > 0)
    assert gallery.model().rowCount() == 45
    assert gallery.drawn < 30
    gallery.scrollToBottom()
    qtbot.waitUntil(lambda: 44 in gallery.model()._drawn)


def test_a_find_that_is_cancelled_changes_no_layer(qtbot, viewer, widget, may_go):
    button(widget, "Find").click()
    button(widget, "Cancel").click()
    may_go.set()
    settle(qtbot, widget)
    assert says(widget, "Cancelled; no layer was changed")
    assert len(viewer.layers) == 3


def test_an_image_that_is_removed_meanwhile_gets_no_layer(qtbot, viewer, widget, may_go):
    button(widget, "Find").click()
    viewer.layers.remove("photo 1")
    may_go.set()
    settle(qtbot, widget)
    assert "photo 1 parts" not in viewer.layers
    assert "photo 2 parts" in viewer.layers
    click_picture(widget, 1, (4, 4), twice=True)
    assert says(widget, "'photo 1' was changed or removed")


@pytest.mark.slow
def test_the_slider_counts_that_is_moved_while_the_network_looks(qtbot, viewer, found, may_go):
    button(found, "Find").click()
    set_parts(qtbot, found, 2, is_settled=False)
    may_go.set()
    settle(qtbot, found)
    assert names_in(found) == ["part 1", "part 2"]


@pytest.mark.slow
def test_the_slider_counts_again_as_soon_as_a_find_is_cancelled(qtbot, viewer, found, may_go):
    button(found, "Find").click()
    button(found, "Cancel").click()
    set_parts(qtbot, found, 2, is_settled=False)
    may_go.set()
    settle(qtbot, found)
    assert names_in(found) == ["part 1", "part 2"]


def test_of_images_that_are_the_same_the_parts_are_the_same(qtbot, make_napari_viewer_proxy, images):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack([images[0]] * 3), name="stack")
    widget = dock(qtbot, viewer)
    find(qtbot, widget)
    layer = viewer.layers["stack parts"]
    assert overlap(layer.data[0], PLACES[0]) > 0.5
    np.testing.assert_array_equal(layer.data[1:], layer.data[:2])


def test_where_nothing_stands_out_that_is_said_and_there_is_no_part(
    qtbot, viewer, widget, steps, monkeypatch, notes
):
    def looked_at_alike(*arguments, **options):
        seen = yield from steps(*arguments, **options)
        even = (replace(own, saliency=np.ones_like(own.saliency)) for own in seen.pictures)
        return replace(seen, pictures=tuple(even))

    monkeypatch.setattr("napari_vitrail.cosegmentation.see_set_steps", looked_at_alike)
    find(qtbot, widget)
    assert says(widget, "found in 0 of 3 images")
    assert any("all masks are empty" in note.message for note in notes)
    assert names_in(widget) == []
    assert not viewer.layers["photo 0 parts"].data.any()
    assert button(widget, "Send parts to Paint to segment").toolTip() == "Not yet: there is no part"


@pytest.mark.slow
def test_one_image_is_looked_at_with_a_warning(qtbot, make_napari_viewer_proxy, images, notes):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(images[0], name="photo")
    widget = dock(qtbot, viewer)
    find(qtbot, widget)
    assert any("one image shares nothing" in note.message for note in notes)
    assert "photo parts" in viewer.layers
