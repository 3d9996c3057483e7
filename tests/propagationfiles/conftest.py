"""A movie on disk with labels of its first frame, and a spec for a tiny network."""

from __future__ import annotations

from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest

from napari_vitrail import DINO_PROPAGATION, PROPAGATION

TINY = replace(
    PROPAGATION, descriptor=replace(PROPAGATION.descriptor, stride=4, layer=2), side=64, refinement=None
)
LEFTS = (4, 8, 12, 16, 20, 24)
"""Left side of the square in each frame."""


def scene(left):
    """Return a frame (48, 64) of a chequered square on a calm ground."""
    frame = np.full((48, 64), 60, np.uint8)
    rows, columns = np.indices((24, 24)) // 4
    frame[12:36, left : left + 24] = np.where((rows + columns) % 2, 230, 20)
    return frame


def square(left, own=7):
    labels = np.zeros((48, 64), np.uint8)
    labels[12:36, left : left + 24] = own
    return labels


MOVIE = np.stack([scene(left) for left in LEFTS])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the working folder: ``movie`` holds six frames, first.png and last.png labels of two."""
    (tmp_path / "movie").mkdir()
    for number, frame in enumerate(MOVIE):
        iio.imwrite(tmp_path / "movie" / f"t{number + 7}.png", frame)
    iio.imwrite(tmp_path / "first.png", square(LEFTS[0]))
    iio.imwrite(tmp_path / "last.png", square(LEFTS[5]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(monkeypatch, tiny_backbone):
    """Let the command find a tiny network and recipes that fit it; return that of ours."""
    published = replace(DINO_PROPAGATION, descriptor=replace(DINO_PROPAGATION.descriptor, stride=8), side=64)
    monkeypatch.setattr("napari_vitrail.backbones.load_backbone", lambda *_, **__: tiny_backbone)
    monkeypatch.setattr("napari_vitrail.propagation.PROPAGATION", TINY)
    monkeypatch.setattr("napari_vitrail.propagation.DINO_PROPAGATION", published)
    return TINY
