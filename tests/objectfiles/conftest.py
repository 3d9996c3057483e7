"""A folder of images with things in them, and a spec for a tiny network."""

from __future__ import annotations

from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest

from napari_vitrail.objects import DOCHERTY_OBJECTS, OBJECTS, BoxRule, DenseClusters

TINY = replace(OBJECTS, descriptor=replace(OBJECTS.descriptor, stride=8), side=64, boxes=BoxRule(min_area=20))


def things(height, width, *corners):
    """Return a grey image with a chequered square at each corner, on a calm ground."""
    image = np.full((height, width), 60, np.uint8)
    rows, columns = np.indices((16, 16)) // 4
    for top, left in corners:
        image[top : top + 16, left : left + 16] = np.where((rows + columns) % 2, 230, 20)
    return image


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the working folder: ``set`` holds three images of different sizes."""
    (tmp_path / "set").mkdir()
    images = {
        "a": things(64, 72, (24, 24)),
        "b": things(48, 88, (8, 8), (24, 60)),
        "c": np.dstack([things(72, 64, (40, 30))] * 3),
    }
    for name, image in images.items():
        iio.imwrite(tmp_path / "set" / f"{name}.png", image)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(monkeypatch, tiny_backbone):
    """Let the command find a tiny network and recipes that fit it; return that of ours."""
    published = replace(
        DOCHERTY_OBJECTS,
        descriptor=replace(DOCHERTY_OBJECTS.descriptor, stride=4, shifts="none", flips="none"),
        side=64,
        how=DenseClusters(n_clusters=8),
    )
    monkeypatch.setattr("napari_vitrail.backbones.load_backbone", lambda *_, **__: tiny_backbone)
    monkeypatch.setattr("napari_vitrail.objects.OBJECTS", TINY)
    monkeypatch.setattr("napari_vitrail.objects.DOCHERTY_OBJECTS", published)
    return TINY
