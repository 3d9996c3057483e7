"""Stacks are warped as a whole: stories in a real viewer."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from tests.widgets.driving import button, says
from tests.widgets.match.hands import GRID, SHIFT, dock, set_pairs


def grey_stack(image):
    """Return three planes (3, H, W): an image, as it is, darker and negative."""
    grey = image.mean(axis=2).astype(np.uint8)
    return np.stack([grey, grey // 2, 255 - grey])


@pytest.mark.parametrize("form", ["in memory", "lazy", "in colour"])
def test_all_planes_of_a_stack_are_warped_as_the_one_in_view_when_they_are_looked_at(
    qtbot, make_napari_viewer_proxy, photographs, form
):
    computed = []

    def counted(block, block_info=None):
        computed.append(block_info[0]["chunk-location"][0])
        return block

    stack = grey_stack(photographs[1])
    if form == "in colour":
        stack = np.stack([photographs[1], photographs[1][:, :, ::-1], 255 - photographs[1]])
    lazy = da.from_array(stack, chunks=(1, -1, -1)) if form == "lazy" else None
    viewer = make_napari_viewer_proxy(show=True)
    viewer.add_image(photographs[0], name="left", scale=(0.5, 0.5), translate=(3, 4))
    right = viewer.add_image(
        stack if lazy is None else lazy.map_blocks(counted, dtype=np.uint8),
        name="right",
        scale=(4, 2, 2),
        translate=(8, 0, 0),
        contrast_limits=None if form == "in colour" else (0, 200),
    )
    viewer.dims.set_point(0, 12)
    widget = dock(qtbot, viewer)
    set_pairs(widget, GRID)
    computed.clear()
    button(widget, "Warp").click()
    qtbot.waitUntil(lambda: says(widget, "right warped lies on left"), timeout=20_000)
    warped = viewer.layers["right warped"]
    assert warped.ndim == right.ndim
    assert isinstance(warped.data, da.Array)
    assert set(computed) <= {1}
    assert warped.data.shape == (3, *photographs[0].shape[: stack.ndim - 1])
    for plane, before in enumerate(stack):
        moved = np.asarray(warped.data[plane])[20:120, 10:110]
        np.testing.assert_allclose(moved, before[20 - SHIFT[0] :, 10 - SHIFT[1] :][:100, :100], atol=1)
        np.testing.assert_allclose(warped.data_to_world((plane, 6, 8)), (8 + 4 * plane, 6, 8))
    assert warped.rgb == right.rgb
