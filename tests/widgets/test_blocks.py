"""Painting on planes too large to be worked on as a whole, in a real viewer."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.layers import Image, Labels

from napari_vitrail.progress import drain
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.tiling import Tile
from napari_vitrail.widgets._blocks import block_of, painted_steps
from napari_vitrail.widgets._counts import count_in_view
from napari_vitrail.widgets._image_plane import Channels
from napari_vitrail.widgets._packed import empty_pyramid, write_levels
from napari_vitrail.widgets._planes import planes_with_strokes, read_plane, shown_window
from tests.widgets.driving import button, combo, dock, draw, says

SIDE = 2048
CLASSICAL = FeatureSpec(features="classical")


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Let planes be large, and blocks small, at sizes that a test has time for."""
    monkeypatch.setattr("napari_vitrail.blocks.WHOLE_PIXELS", 1 << 20)
    monkeypatch.setattr("napari_vitrail.widgets._counts._COUNTED_AT_ONCE", 1 << 20)
    monkeypatch.setattr("napari_vitrail.widgets._counts._SAMPLED", 1 << 18)
    monkeypatch.setattr("napari_vitrail.widgets._packed._DRAWN_SIDE", 1024)
    monkeypatch.setattr("napari_vitrail.widgets._blocks.CELL_SIDE", 256)
    monkeypatch.setattr("napari_vitrail.widgets._blocks.SEEN_SIDE", 400)
    monkeypatch.setattr("napari_vitrail.widgets._blocks.STROKES_SIDE", 512)


@pytest.fixture
def computed():
    """Return the blocks of the lazy plane that were computed."""
    return []


@pytest.fixture
def lazy(computed) -> da.Array:
    """Return a plane of chequers, coarse and fine in turn every 256 columns, that says what is computed."""

    def chequers(block_info=None):
        where = block_info[None]["array-location"]
        computed.append(tuple(start for start, _ in where))
        rows, columns = np.ogrid[tuple(slice(*part) for part in where)]
        pitch = np.where(columns // 256 % 2, 2, 9)
        return ((rows // pitch + columns // pitch) % 2 * 180 + 20).astype(np.uint8)

    chunks = ((256,) * (SIDE // 256),) * 2
    return da.map_blocks(chequers, chunks=chunks, dtype=np.uint8, meta=np.empty((0, 0), np.uint8))


@pytest.fixture
def pyramid(lazy) -> list[da.Array]:
    return [lazy, lazy[::8, ::8]]


def look_at(viewer, row, column, zoom=2.0):
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
    camera.center, camera.zoom = (0, row, column), zoom


def paint(qtbot, viewer, widget, row, column):
    """Look at a place of the chequers where the coarse ones end, and paint on both."""
    look_at(viewer, row, column)
    qtbot.wait(100)
    button(widget, "New").click()
    strokes = widget._bench.layers.strokes
    strokes.brush_size = 6
    for label, offset in ((1, -30), (2, 30)):
        strokes.selected_label = label
        draw(viewer, widget, (row - 30, column + offset), (row + 30, column + offset + 2))
    return strokes


def press(qtbot, widget, text, done="Done in"):
    button(widget, text).click()
    qtbot.waitUntil(lambda: not widget._bench.job.is_busy, timeout=300_000)
    assert says(widget, done)


@pytest.fixture
def viewer(make_napari_viewer_proxy, pyramid):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(pyramid, name="slide", multiscale=True, contrast_limits=(0, 255))
    return viewer


@pytest.fixture
def widget(viewer):
    widget = dock(viewer)
    widget._bench.layers._channels._choose(Channels(level=0))
    return widget


@pytest.mark.slow
def test_a_large_plane_is_segmented_in_view_and_then_as_a_whole(qtbot, viewer, widget, computed):
    strokes = paint(qtbot, viewer, widget, 700, 768)
    assert strokes.data.shape == (512, 512)
    computed.clear()
    press(qtbot, widget, "Segment", "only the part in view was looked at")
    assert (widget._live._visible_only.enabled, widget._live._visible_only.value) == (False, True)
    result = viewer.layers["slide segmentation"]
    assert result.multiscale
    assert isinstance(result.data[0], zarr.Array)
    seen = np.asarray(result.data[0])
    assert set(np.unique(seen[650:750, 650:890])) == {1, 2}
    assert not seen[1300:].any()
    assert not seen[:, 1300:].any()

    press(qtbot, widget, "Segment all slices", "1 slice of slide segmented")
    whole = np.asarray(result.data[0])
    assert whole.all()
    truth = np.broadcast_to(1 + np.arange(SIDE) // 256 % 2, whole.shape)
    assert max((whole == truth).mean(), (whole == 3 - truth).mean()) > 0.97
    np.testing.assert_array_equal(result.data[-1], whole[::4, ::4])


def test_of_a_pyramid_what_is_in_view_counts_not_what_is_loaded(qtbot, viewer, widget):
    look_at(viewer, 700, 768)
    plane = widget._bench.plane()
    rows, columns = shown_window(viewer, viewer.layers["slide"], plane)
    height, width = viewer.canvas.size
    first = plane.position((rows.start, columns.start))
    assert np.abs(np.subtract(first, (700 - height / 4, 768 - width / 4))).max() <= 1
    assert rows.stop - rows.start <= height / 2 + 4


@pytest.mark.slow
def test_reading_what_is_in_view_computes_a_little_around_it(qtbot, viewer, widget, computed):
    paint(qtbot, viewer, widget, 700, 768)
    press(qtbot, widget, "Segment")
    computed.clear()
    press(qtbot, widget, "Uncertainty")
    assert computed
    assert max(row for row, _ in computed) <= 1280
    assert viewer.layers["slide uncertainty"].multiscale
    values = np.asarray(viewer.layers["slide uncertainty"].data[0])
    assert values[650:750, 700:800].any()
    assert not values[1300:].any()


def test_strokes_on_several_layers_of_a_large_plane_all_count(qtbot, viewer, widget):
    first = paint(qtbot, viewer, widget, 700, 768)
    second = paint(qtbot, viewer, widget, 1500, 1536)
    assert first is not second
    np.testing.assert_array_equal(second.translate, (1500 - 256, 1536 - 256))
    assert [own.strokes for own in widget._bench.layers.painted] == [second, first]
    painted = drain(widget._bench.painted())
    counted = sum(np.count_nonzero(labels) for _, labels in painted)
    assert counted == sum(np.count_nonzero(strokes.data[:]) for strokes in (first, second))


def test_a_stroke_is_learned_from_and_shown_at_once(qtbot, viewer, widget, computed):
    combo(widget, "Live").setCurrentText("After stroke")
    paint(qtbot, viewer, widget, 700, 768)
    qtbot.waitUntil(lambda: widget._live.is_settled, timeout=300_000)
    result = viewer.layers["slide segmentation"]
    seen = np.asarray(result.data[0])
    assert seen[660:740, 700:830].all()
    assert not seen[1300:].any()
    look_at(viewer, 1500, 1536)
    qtbot.waitUntil(lambda: bool(np.asarray(result.data[0][1480:1520, 1510:1560]).all()), timeout=300_000)


def test_the_choice_of_the_visible_area_comes_back_with_a_small_image(viewer, widget):
    box = widget._live._visible_only
    small = viewer.add_image(np.zeros((64, 64), np.uint8), name="small")
    for image, wished in (("small", False), ("slide", True), ("small", False)):
        combo(widget, "small").setCurrentText(image)
        assert (box.enabled, box.value) == (image == "small", wished)
    box.value = True
    combo(widget, "small").setCurrentText("slide")
    viewer.layers.remove(small)
    assert (box.enabled, box.value) == (False, True)


@pytest.mark.slow
def test_objects_and_clean_up_are_those_of_the_part_in_view(qtbot, viewer, widget):
    paint(qtbot, viewer, widget, 700, 768)
    press(qtbot, widget, "Segment")
    press(qtbot, widget, "Apply", "pixels have another class")
    press(qtbot, widget, "Find objects", "cut at the edge of the part in view")
    objects = viewer.layers["slide objects"]
    table = objects.features
    inside = table["row"].between(300, 1300) & table["column"].between(300, 1300)
    assert len(table) > 0
    assert inside.all()
    press(qtbot, widget, "Probabilities", "probabilities of 2 classes")
    press(qtbot, widget, "Most uncertain spot", "Least sure round row")


def test_strokes_across_a_cut_count_once(lazy, dims):
    labels = np.zeros((512, 512), np.uint8)
    labels[200:300, 100:400] = 3
    strokes, image = Labels(labels, translate=(300, 300)), Image([lazy, lazy[::8, ::8]], multiscale=True)
    planes = planes_with_strokes(strokes, image, dims())
    painted = drain(painted_steps(planes, image, CLASSICAL))
    assert len(painted) > 1
    assert sum(np.count_nonzero(own) for _, own in painted) == np.count_nonzero(labels)
    found = np.zeros((SIDE, SIDE), np.uint8)
    for plane, own in painted:
        found[plane.block.outer] |= own
    np.testing.assert_array_equal(found[300:812, 300:812], labels)


def test_blocks_of_a_stack_with_channels_and_a_further_layer_are_read_as_they_lie(dims):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 4000, (2, 3, 1100, 1200), np.uint16)
    depth = rng.random((550, 600)).astype(np.float32)
    image = Image(da.from_array(data, chunks=(1, 1, 300, 300)), name="stack")
    channels = Channels(1, (0, 2), (Image(depth, name="depth", scale=(2, 2)),))
    plane = read_plane(image, dims(4, point=(1, 0, 0, 0)), channels)
    whole = plane.read()
    tile = Tile(
        (slice(200, 700), slice(300, 900)), (slice(300, 600), slice(400, 800)),
        (slice(100, 400), slice(100, 500)),
    )  # fmt: skip
    block = block_of(plane, image, tile)
    part = block.read()
    assert block.index == (1, 0, slice(300, 600), slice(400, 800))
    assert block.position((0, 0)) == (300, 400)
    for name in ("channel 0", "channel 2", "depth"):
        np.testing.assert_allclose(part.extra[name], whole.extra[name][tile.outer], rtol=1e-5)
    assert part.overview.shape[2] == 3
    assert block.read().overview.image is not None


def test_areas_of_a_large_result_are_estimated_from_a_coarse_level(dims):
    levels = empty_pyramid((9000, 3000), np.dtype(np.uint8), (0, 1))
    assert [level.shape for level in levels] == [(9000, 3000), (2250, 750), (563, 188)]
    write_levels(levels, (slice(1, 6001), slice(1500, 3000)), np.full((6000, 1500), 2, np.uint8))
    counts = count_in_view(Labels(levels, multiscale=True), dims())
    assert counts[2] == pytest.approx(9_000_000, rel=0.01)
    assert count_in_view(Labels(levels[0]), dims()) == {}


def test_every_level_of_a_pyramid_has_every_so_many_pixels():
    rng = np.random.default_rng(0)
    levels = empty_pyramid((5000, 2, 4100), np.dtype(np.uint8), (0, 2))
    whole = np.zeros((5000, 2, 4100), np.uint8)
    for rows, columns in ((slice(3, 1702), slice(0, 4100)), (slice(1702, 5000), slice(17, 2999))):
        values = rng.integers(0, 9, (rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        whole[rows, 1, columns] = values
        write_levels(levels, (rows, 1, columns), values)
    for level in levels:
        factor = -(-5000 // level.shape[0])
        np.testing.assert_array_equal(level[:], whole[::factor, :, ::factor])
