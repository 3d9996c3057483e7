"""Images as they come, in a real viewer: each is painted on, segmented in view, and lies in its place."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_vitrail.widgets import ClassifierWidget
from napari_vitrail.widgets._planes import plane_index
from tests.widgets.conftest import SIDE
from tests.widgets.driving import button, combo, says


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


def dock(viewer, gear="Manual") -> ClassifierWidget:
    widget = ClassifierWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Paint to segment")
    combo(widget, "Classical").setCurrentText("Classical")
    combo(widget, "Live").setCurrentText(gear)
    return widget


def stacked(plane, *sides):
    """Return a stack of one plane, each a little brighter than the one before."""
    steps = np.arange(np.prod(sides)).reshape(*sides, 1, 1).astype(plane.dtype)
    return plane + steps


def coloured(plane, alpha=False):
    parts = [plane, plane // 2, 255 - plane, *([np.full_like(plane, 255)] if alpha else [])]
    return np.stack(parts, -1)


PIXELS = {
    "8-bit": lambda t, _: (t, {}),
    "16-bit": lambda t, _: (t.astype(np.uint16) * 200, {}),
    "signed": lambda t, _: (t.astype(np.int16) - 120, {}),
    "int64": lambda t, _: ((t.astype(np.int64) - 100) * 10**12, {}),
    "uint64": lambda t, _: (t.astype(np.uint64) << np.uint64(55), {}),
    "float": lambda t, _: (t.astype(np.float32) / 255 - 0.5, {}),
    "float16": lambda t, _: (t.astype(np.float16), {}),
    "big endian": lambda t, _: (t.astype(">u2"), {}),
    "not a number": lambda t, _: (np.where(np.indices(t.shape)[0] < 5, np.nan, t).astype(np.float32), {}),
    "RGB": lambda t, _: (coloured(t), {"rgb": True}),
    "RGBA": lambda t, _: (coloured(t, alpha=True), {"rgb": True}),
    "RGB of 16 bit": lambda t, _: (coloured(t).astype(np.uint16) * 200, {"rgb": True}),
    "RGB stack": lambda t, _: (np.stack([coloured(t)] * 3), {"rgb": True}),
    "z": lambda t, _: (stacked(t // 2, 3), {}),
    "t z": lambda t, _: (stacked(t // 2, 2, 3).astype(np.float32), {}),
    "five axes": lambda t, _: (stacked(t // 2, 2, 3, 2), {}),
    "five axes, dask": lambda t, _: (
        da.from_array(stacked(t // 2, 2, 3, 2), chunks=(1, 1, 1, 32, 32)),
        {"contrast_limits": (0, 255)},
    ),
    "four axes, zarr": lambda t, path: (
        zarr.create_array(path / "it.zarr", data=stacked(t // 2, 2, 3)),
        {"contrast_limits": (0, 255)},
    ),
    "pyramid": lambda t, _: ([t, t[::2, ::2], t[::4, ::4]], {"multiscale": True}),
    "RGB pyramid": lambda t, _: (
        [coloured(t), coloured(t)[::2, ::2]],
        {"multiscale": True, "rgb": True},
    ),
    "z pyramid, dask": lambda t, _: (
        [da.from_array(stacked(t // 2, 3)[:, ::step, ::step], chunks=(1, 32, 32)) for step in (1, 2)],
        {"multiscale": True, "contrast_limits": (0, 255)},
    ),
}
"""What pixels there are: function of the textures and a folder, to data and arguments of `add_image`."""


def put(strokes, dims, labels=(1, 2)) -> None:
    """Paint two bars on the plane in view, as the tools do."""
    index = plane_index(strokes, dims)
    for label, column in zip(labels, (8, 50), strict=True):
        box = iter(np.mgrid[10:50, column : column + 4].reshape(2, -1))
        strokes.data_setitem(
            tuple(next(box) if isinstance(at, slice) else np.full(160, at) for at in index), label
        )


def agreement(layer, dims) -> float:
    truth = np.where(np.arange(SIDE) < SIDE // 2, 1, 2) * np.ones((SIDE, 1))
    return float((np.asarray(layer.data[plane_index(layer, dims)]) == truth).mean())


@pytest.mark.parametrize("gear", [pytest.param("Manual", marks=pytest.mark.slow), "After stroke"])
@pytest.mark.parametrize("kind", list(PIXELS))
def test_pixels_of_every_kind(kind, gear, qtbot, viewer, textures, tmp_path, notes):
    data, arguments = PIXELS[kind](textures, tmp_path)
    image = viewer.add_image(data, name="it", **arguments)
    viewer.dims.current_step = tuple(0 for _ in viewer.dims.current_step)
    widget = dock(viewer, gear)
    button(widget, "New").click()
    strokes = viewer.layers["it strokes"]
    put(strokes, viewer.dims)
    if gear == "Manual":
        button(widget, "Segment").click()
    qtbot.waitUntil(lambda: "it segmentation" in viewer.layers, timeout=60_000)
    result = viewer.layers["it segmentation"]
    qtbot.waitUntil(lambda: agreement(result, viewer.dims) > 0.9, timeout=60_000)
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert result.data.shape == strokes.data.shape
    others = np.asarray(result.data).copy()
    others[plane_index(result, viewer.dims)] = 0
    assert not others.any()  # other planes are computed when they are looked at
    np.testing.assert_array_equal(result.extent.world, image.extent.world)
    assert [note.message for note in notes if note.severity == "error"] == []


@pytest.mark.parametrize("kind", ["five axes", "five axes, dask", "z pyramid, dask"])
def test_slices_are_computed_as_they_are_looked_at(kind, qtbot, viewer, textures, tmp_path, notes):
    data, arguments = PIXELS[kind](textures, tmp_path)
    viewer.add_image(data, name="it", **arguments)
    viewer.dims.current_step = tuple(0 for _ in viewer.dims.current_step)
    widget = dock(viewer, "After stroke")
    button(widget, "New").click()
    put(viewer.layers["it strokes"], viewer.dims)
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=60_000)
    result = viewer.layers["it segmentation"]
    for step in (1, 2):
        viewer.dims.set_current_step(viewer.dims.ndim - 3, min(step, data[0].shape[-3] - 1))
        qtbot.waitUntil(lambda: agreement(result, viewer.dims) > 0.9, timeout=60_000)
    assert notes == []


ORDERS = [(0, 1, 2, 3, 4), (2, 1, 0, 3, 4), (1, 0, 2, 4, 3)]


@pytest.mark.parametrize("order", ORDERS)
def test_five_axes_are_looked_at_in_any_order(order, qtbot, viewer, textures, notes):
    """The plane's own axes may come anywhere; the viewer shows them where it is told to."""
    stack = stacked(textures // 2, 2, 3, 2)
    where = np.argsort(order)
    viewer.add_image(np.transpose(stack, order), name="it")
    viewer.dims.order = tuple(int(at) for at in where)
    viewer.dims.current_step = (0,) * 5
    widget = dock(viewer)
    button(widget, "New").click()
    strokes = viewer.layers["it strokes"]
    for label, column in ((1, 8), (2, 50)):
        rows, columns = np.mgrid[10:50, column : column + 4].reshape(2, -1)
        own = [np.zeros(160, int), np.zeros(160, int), np.zeros(160, int), rows, columns]
        strokes.data_setitem(tuple(own[axis] for axis in order), label)
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    found = np.transpose(viewer.layers["it segmentation"].data, where)
    truth = np.where(np.arange(SIDE) < SIDE // 2, 1, 2) * np.ones((SIDE, 1))
    assert (found[0, 0, 0] == truth).mean() > 0.9
    assert not found[1].any()
    assert notes == []


TURN = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
PLACES = {
    "scale": ({"scale": (0.5, 0.25)}, {}),
    "negative scale": ({"scale": (-2, 3)}, {}),
    "rotated": ({"rotate": 30}, {}),
    "sheared": ({"shear": (0.4,)}, {}),
    "affine that turns": ({"affine": TURN}, {}),
    "units": ({"scale": (0.1, 0.1), "units": "um"}, {}),
    "strokes at another scale": ({}, {"scale": (0.5, 0.5), "translate": (-0.25, -0.25)}),
    "strokes elsewhere": ({}, {"translate": (-10, -20)}),
    "strokes that turn": ({}, {"affine": [[0, 1, 0], [-1, 0, SIDE - 1], [0, 0, 1]]}),
}
"""Where image and strokes lie: arguments of `add_image` and, unless New makes them, of `add_labels`."""


@pytest.mark.parametrize("place", list(PLACES))
def test_strokes_count_where_they_lie(place, qtbot, viewer, textures, notes):
    """Painted are the same places in the world, whatever image and strokes are turned and scaled by."""
    of_image, of_strokes = PLACES[place]
    image = viewer.add_image(textures, name="it", **of_image)
    widget = dock(viewer)
    if of_strokes:
        strokes = viewer.add_labels(np.zeros((3 * SIDE, 3 * SIDE), np.uint8), name="it strokes", **of_strokes)
        combo(widget, "it strokes").setCurrentText("it strokes")
    else:
        button(widget, "New").click()
        strokes = viewer.layers["it strokes"]
    for label, column in ((1, 8), (2, 50)):
        for at in np.mgrid[10:50:0.5, column : column + 4 : 0.5].reshape(2, -1).T:  # halves: some are finer
            row, beside = np.floor(strokes.world_to_data(image.data_to_world(at)) + 1e-6).astype(int)
            assert min(row, beside) >= 0, "the test paints beside the layer"
            strokes.data[row, beside] = label
    button(widget, "Segment").click()
    qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=60_000)
    result = viewer.layers["it segmentation"]
    assert agreement(result, viewer.dims) > 0.9
    np.testing.assert_allclose(result.extent.world, image.extent.world)
    np.testing.assert_allclose(result.data_to_world((3, 5)), image.data_to_world((3, 5)))
    assert result.units == image.units
    assert notes == []


@pytest.mark.parametrize("name", ["a/b\\c: d?", "", "<b>x</b> & {y}", "im [1] (.*"])
def test_an_image_of_any_name(name, qtbot, viewer, textures, notes):
    viewer.add_image(textures, name=name)
    [image] = viewer.layers
    widget = dock(viewer)
    button(widget, "New").click()
    strokes = viewer.layers.selection.active
    for _ in range(2):
        put(strokes, viewer.dims)
        button(widget, "Segment").click()
        qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == [
        image.name,
        f"{image.name} segmentation",
        f"{image.name} strokes",
    ]
    assert agreement(widget._bench.result(), viewer.dims) > 0.9
    assert notes == []
