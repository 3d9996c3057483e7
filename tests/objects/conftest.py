"""Images that were seen, made by hand: descriptors of a few kinds, looked at as one wishes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail.grid import Grid
from napari_vitrail.objects import SeenScene


def scene(kinds, looked, *, noise=0.05, seed=0, cell=8):
    """Return an image of cells (h, w), each of a kind, and how much each kind is looked at.

    Parameters
    ----------
    kinds : (h, w) int array
    looked : sequence of float
        For each kind.
    """
    kinds, rng = np.asarray(kinds), np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(12, 12)))[0][: len(looked)] + 0.4 * rng.normal(size=12)
    rows = directions[kinds] + rng.normal(0, noise, (*kinds.shape, 12))
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    density = np.asarray(looked, np.float32)[kinds]
    grid = Grid(kinds.shape, ((cell - 1) / 2, (cell - 1) / 2), (float(cell), float(cell)))
    shape = (cell * kinds.shape[0], cell * kinds.shape[1])
    return SeenScene(shape, grid, rows.astype(np.float16), density / density.mean(), "nearest")


@pytest.fixture
def meadow():
    """Return kinds (14, 18): grass 0 below sky 1, and two things of kinds 2 and 3, one apart, one in two."""
    kinds = np.zeros((14, 18), int)
    kinds[:5] = 1
    kinds[6:11, 2:6] = 2
    kinds[6:11, 10:13] = 2
    kinds[6:11, 13:16] = 3
    return kinds


@pytest.fixture
def seen_meadow(meadow):
    """Return the meadow, whose things are looked at four times as much."""
    return scene(meadow, [0.5, 0.4, 2.0, 1.8])


@pytest.fixture(scope="session")
def thing():
    """Return an image (72, 96) uint8 with a chequered square on a calm ground."""
    image = np.full((72, 96), 60, np.uint8)
    rows, columns = np.indices((32, 32)) // 4
    image[24:56, 40:72] = np.where((rows + columns) % 2, 230, 20)
    return image
