"""Classes have names: in the table, in the layer, at every detail, and in the strokes that are sent."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from napari_vitrail.widgets._layers import class_names
from tests.widgets.driving import activate, button
from tests.widgets.objects.hands import dock, find, rows_of, settle, slide

_LABEL, _OBJECT, _NAME = 0, 1, 2


def names(widget) -> dict[int, str]:
    """Return what the table calls each label."""
    table = rows_of(widget)
    return {
        int(table.item(row, _LABEL).text()): table.item(row, _NAME).text() for row in range(table.rowCount())
    }


def rename(widget, label: int, name: str):
    """Write a name into the table."""
    rows_of(widget).item(list(names(widget)).index(label), _NAME).setText(name)


def test_a_name_that_is_typed_is_in_the_table_and_in_the_layer(qtbot, viewer, found):
    activate(qtbot, found)
    table = rows_of(found)
    table.setFocus()
    table.setCurrentCell(0, _OBJECT)
    qtbot.keyClick(table, Qt.Key.Key_F2)
    editor = table.findChild(QLineEdit)
    qtbot.keyClicks(editor, "gold grain")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    label = next(iter(names(found)))
    qtbot.waitUntil(lambda: names(found)[label] == "gold grain")
    assert class_names(viewer.layers["photo found objects"])[label] == "gold grain"


def test_an_empty_name_gives_the_first_one_back(found):
    label = next(iter(names(found)))
    rename(found, label, "tile")
    rename(found, label, " ")
    assert names(found)[label] == f"class {label}"


def test_a_name_stays_with_most_of_what_it_was_given_to_at_every_detail(qtbot, viewer, found):
    label = next(iter(names(found)))
    area = viewer.layers["photo found objects"].data == label
    rename(found, label, "tile")
    slide(qtbot, found, 40)
    fine = viewer.layers["photo found objects"].data
    named = [own for own, name in names(found).items() if name == "tile"]
    np.testing.assert_array_equal(np.isin(fine, named), area)
    slide(qtbot, found, 4)
    assert names(found)[label] == "tile"


def test_a_name_outlives_another_look_at_the_image(qtbot, viewer, widget, may_go):
    button(widget, "Find objects").click()
    qtbot.waitUntil(lambda: "photo boxes" in viewer.layers, timeout=60_000)
    rename(widget, next(iter(names(widget))), "tile")
    may_go.set()
    settle(qtbot, widget)
    assert "tile" in names(widget).values()


def test_what_has_a_name_is_a_class_of_strokes_of_that_name(qtbot, viewer, found):
    slide(qtbot, found, 40)
    first, second, *_ = names(found)
    for label in (first, second):
        rename(found, label, "tile")
    labels = viewer.layers["photo found objects"].data
    button(found, "Send to Paint to segment").click()
    settle(qtbot, found)
    strokes = viewer.layers["photo strokes"]
    numbers = {name: number for number, name in class_names(strokes).items()}
    is_tile = strokes.data == numbers["tile"]
    assert is_tile.any()
    assert np.isin(labels[is_tile], (first, second)).all()
    assert list(numbers)[-1] == "ground"


@pytest.mark.slow
def test_planes_of_a_stack_have_names_of_their_own(qtbot, make_napari_viewer_proxy, things):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(np.stack(things), name="stack")
    viewer.dims.set_point(0, 0)
    widget = dock(qtbot, viewer)
    find(qtbot, widget)
    viewer.dims.set_point(0, 1)
    find(qtbot, widget)
    layer, label = viewer.layers["stack found objects"], next(iter(names(widget)))
    rename(widget, label, "tile")
    assert class_names(layer)[label] == "tile"
    viewer.dims.set_point(0, 0)
    qtbot.waitUntil(lambda: class_names(layer)[label] == f"class {label}")
    viewer.dims.set_point(0, 1)
    qtbot.waitUntil(lambda: class_names(layer)[label] == "tile")
