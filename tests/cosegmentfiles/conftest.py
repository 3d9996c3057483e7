"""A folder of images that share a chequered square, one of them damaged, and a recipe for a tiny network."""

from __future__ import annotations

from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest

from napari_vitrail.cosegmentation import AMIR_COSEGMENTATION, COSEGMENTATION

TINY = replace(
    COSEGMENTATION, descriptor=replace(COSEGMENTATION.descriptor, layer=2, stride=4), side=64, n_components=0
)


def chequered(side, top, left):
    """Return a grey image (side, side + 8) with a chequered square on a calm ground."""
    image = np.full((side, side + 8), 60, np.uint8)
    rows, columns = np.indices((24, 24)) // 4
    image[top : top + 24, left : left + 24] = np.where((rows + columns) % 2, 230, 20)
    return image


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the working folder: ``set`` holds three images of different sizes."""
    (tmp_path / "set").mkdir()
    for name, at in {"a": (64, 16, 24), "b": (80, 32, 8), "c": (72, 24, 24)}.items():
        iio.imwrite(tmp_path / "set" / f"{name}.png", chequered(*at))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(monkeypatch, tiny_backbone):
    """Let the command find a tiny network and recipes that fit it; return that of ours."""
    published = replace(AMIR_COSEGMENTATION.descriptor, layer=2, stride=4)
    monkeypatch.setattr("napari_vitrail.backbones.load_backbone", lambda *_, **__: tiny_backbone)
    monkeypatch.setattr("napari_vitrail.cosegmentation.COSEGMENTATION", TINY)
    monkeypatch.setattr(
        "napari_vitrail.cosegmentation.AMIR_COSEGMENTATION",
        replace(AMIR_COSEGMENTATION, descriptor=published, side=64),
    )
    return TINY
