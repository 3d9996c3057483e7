"""Positions at any place: the table that the plain pass adds, read bilinearly, in plain loops."""

import numpy as np
import pytest
import torch
from timm.layers import resample_abs_pos_embed

from napari_vitrail.backbones._vit import _sampled


def read_bilinearly(table, row, column):
    """Return the table's value at a fractional place; the border continues."""
    rows, columns = table.shape[:2]
    row, column = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
    total = 0
    for i in range(rows):
        for j in range(columns):
            weight = max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j))
            total = total + weight * table[i, j]
    return total


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 5)], ids=str)
def test_the_table_is_read_bilinearly(shape):
    table = np.random.default_rng(0).standard_normal((*shape, 6)).astype(np.float32)
    places = np.random.default_rng(1).uniform(-2, 6, (30, 2)).astype(np.float32)
    ours = _sampled(torch.tensor(table).permute(2, 0, 1)[None], torch.tensor(places))
    expected = [read_bilinearly(table, *place) for place in places]
    np.testing.assert_allclose(ours[0] if ours.ndim == 3 else ours, expected, atol=1e-5)


@pytest.mark.parametrize("grid", [(6, 6), (5, 7), (3, 4), (12, 9)], ids=str)
def test_on_the_patch_grid_it_is_what_timm_adds(tiny_backbone, grid):
    table = tiny_backbone._position_table(grid)
    timms = resample_abs_pos_embed(tiny_backbone._model.pos_embed, list(grid), num_prefix_tokens=1)[:, 1:]
    np.testing.assert_allclose(table[0].flatten(1).T, timms[0].detach(), atol=1e-5)
    whole = torch.tensor(np.indices(grid).reshape(2, -1).T)
    np.testing.assert_array_equal(_sampled(table, whole.float()).reshape(-1, 48), table[0].flatten(1).T)


def test_positions_of_patches_alone_are_not_shifted_by_registers(tiny_registers):
    table = tiny_registers._position_table((6, 6))
    np.testing.assert_array_equal(table[0].flatten(1).T, tiny_registers._model.pos_embed[0].detach())


def test_rotary_backbones_have_no_table(tiny_rotary):
    assert tiny_rotary._position_table((6, 6)) is None


def test_rotations_follow_the_centre_of_the_patch(tiny_rotary):
    """DINOv3: angle = 2 pi coordinate / period, coordinate from -1 to 1 over the image, y before x."""
    image = np.zeros((40, 56, 3), np.float32)
    context = tiny_rotary.context(image, margin=0)
    corner = (11, 30)
    sine_cosine = tiny_rotary._rotation_at(context, torch.tensor([corner]))[0].numpy()
    angles = []
    for side, start in zip((40, 56), corner, strict=True):
        coordinate = 2 * (start + 4) / side - 1
        for k in range(4):  # a head is 16 wide: 4 periods for each axis, tiled twice
            angles.append(2 * np.pi * coordinate / 100 ** (2 * k / 8))
    expected = np.concatenate([np.sin(angles * 2), np.cos(angles * 2)])
    np.testing.assert_allclose(sine_cosine, expected, atol=1e-5)
