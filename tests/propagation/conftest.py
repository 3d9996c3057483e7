"""Stacks of a chequered square on a calm ground that moves, and labels on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.color import rgb2gray
from skimage.data import astronaut, brick

from napari_vitrail import PROPAGATION

SHAPE = (64, 96)
TINY = replace(PROPAGATION, descriptor=replace(PROPAGATION.descriptor, stride=4, layer=2), side=80)
"""For the tiny ViT, whose patches are 8 pixels."""
REAL = replace(PROPAGATION, side=160)
"""For the real one, which is to see enough of small frames."""


def scene(left=None, striped=None):
    """Return a frame (64, 96) uint8 of a chequered square, 24 pixels wide, and a striped one, if any."""
    frame = np.full(SHAPE, 60, np.uint8)
    rows, columns = np.indices((24, 24)) // 4
    if left is not None:
        frame[24:48, left : left + 24] = np.where((rows + columns) % 2, 230, 20)
    if striped is not None:
        frame[24:48, striped : striped + 24] = np.where(rows % 2, 190, 110)
    return frame


def square(left, own=7):
    """Return the labels (64, 96) uint16 of such a square."""
    labels = np.zeros(SHAPE, np.uint16)
    labels[24:48, left : left + 24] = own
    return labels


def overlap(labels, left, own=7):
    """Return the area of both a label and a square, of the area of either."""
    truth = square(left) > 0
    return np.logical_and(labels == own, truth).sum() / np.logical_or(labels == own, truth).sum()


def faces_on_bricks(*lefts):
    """Return frames (t, 256, 384) uint8 of a face, 110 x 85 pixels, before a wall, and where it is, bool."""
    face = (rgb2gray(astronaut()[0:220:2, 130:300:2]) * 255).astype(np.uint8)
    stack = np.stack([brick()[:256, :384]] * len(lefts))
    truth = np.zeros(stack.shape, bool)
    for frame, own, left in zip(stack, truth, lefts, strict=True):
        if left is not None:
            frame[60:170, left : left + 85] = face
            own[60:170, left : left + 85] = True
    return stack, truth


@pytest.fixture
def moving():
    """Return six frames of a square that moves to the right by eight pixels each."""
    return np.stack([scene(8 + 8 * index) for index in range(6)])
