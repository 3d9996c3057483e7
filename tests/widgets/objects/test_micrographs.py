"""Micrographs of each kind, real weights, the real viewer: what is found lies on what is there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from skimage.color import rgb2hed
from skimage.data import immunohistochemistry
from skimage.io import imread

from napari_vitrail.objects import find_objects_steps
from tests.widgets.driving import button, says
from tests.widgets.objects.hands import dock, settle

pytestmark = pytest.mark.slow

DATA = os.environ.get("VITRAIL_EVAL_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="VITRAIL_EVAL_DATA names no folder of micrographs")


@pytest.fixture(autouse=True)
def steps(monkeypatch, real_backbone):
    """Have the real network look, in place of the tiny one of the other stories."""
    monkeypatch.setattr("napari_vitrail.objects.find_objects_steps", find_objects_steps)
    monkeypatch.setattr("napari_vitrail.backbones.load_backbone", lambda name: real_backbone)


@pytest.fixture
def look(qtbot, make_napari_viewer_proxy):
    """Return a function that shows an image and finds objects; it returns labels, and boxes (n, 4)."""

    def look(image):
        viewer = make_napari_viewer_proxy(show=True)
        viewer.add_image(image, name="micrograph")
        widget = dock(qtbot, viewer)
        button(widget, "Find objects").click()
        qtbot.waitUntil(lambda: says(widget, "Done in"), timeout=300_000)
        settle(qtbot, widget)
        shapes = viewer.layers["micrograph boxes"].data
        found = [[*(shape.min(axis=0) + 0.5), *(shape.max(axis=0) + 0.5)] for shape in shapes]
        boxes = np.array(found).reshape(-1, 4).astype(int)
        labels = np.asarray(viewer.layers["micrograph found objects"].data)
        assert labels.shape == image.shape[:2]
        assert labels.dtype == np.uint8  # a byte a pixel, however large the image
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= labels.shape).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert all((labels[y0:y1, x0:x1] > 0).any() for y0, x0, y1, x1 in boxes)
        return labels, boxes

    return look


def spread(values, classes) -> float:
    """Return the share of the variance of values that classes explain: 0 to 1."""
    means = np.bincount(classes.ravel(), values.ravel()) / np.maximum(np.bincount(classes.ravel()), 1)
    return float(means[classes].var() / values.var())


def test_histology_is_told_apart_by_what_stains_it(look):
    image = immunohistochemistry()
    labels, boxes = look(image)
    assert len(boxes)
    assert 0.02 < (labels > 0).mean() < 0.98
    stain = rgb2hed(image)[..., 2]
    shuffled = np.roll(labels, (131, 197), (0, 1))  # the same areas elsewhere
    assert spread(stain, labels) > 2 * spread(stain, shuffled)


def test_boxes_in_an_image_of_4096_pixels_are_no_smaller_than_what_the_network_sees(look):
    image = np.tile(immunohistochemistry(), (8, 8, 1))
    labels, boxes = look(image)
    assert labels.any()
    assert ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) > 200 * (4096 / 448) ** 2).all()


@needs_data
def test_pores_in_an_sem_micrograph_of_a_coating_are_darker_than_the_rest(look):
    image = imread(min((Path(DATA) / "nasa_sem" / "images").glob("ebc*")))
    labels, boxes = look(image)
    assert len(boxes)
    assert image[labels > 0].mean() < image[labels == 0].mean()


@needs_data
def test_classes_of_an_em_slice_tell_membranes_from_cells_better_than_chance(look):
    folder = Path(DATA) / "isbi2012_em"
    image = imread(min((folder / "images").iterdir()))
    membranes = imread(min((folder / "labels").iterdir())) == 1
    labels, _ = look(image)
    assert spread(membranes.astype(float), labels) > spread(
        membranes.astype(float), np.roll(labels, (131, 197), (0, 1))
    )
