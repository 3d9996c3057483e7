"""What the tests of trust share: strokes on textures, many of each class."""

from __future__ import annotations

import numpy as np
import pytest

from napari_vitrail.progress import drain
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.trust import PaintedRows, painted_rows_steps

CLASSICAL = FeatureSpec(features="classical")


@pytest.fixture(scope="session")
def grounds():
    """Return an image of three brightnesses under noise, in columns, and five strokes of each: 1, 2 and 5."""
    rng = np.random.default_rng(0)
    image = np.repeat([60, 120, 200], 40)[None] + rng.normal(0, 25, (160, 120))
    labels = np.zeros(image.shape, np.uint8)
    for top in range(5, 160, 32):
        for column, label in ((10, 1), (50, 2), (90, 5)):
            labels[top : top + 12, column : column + 5] = label
    return image.clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="session")
def rows(grounds) -> PaintedRows:
    """Return the classical features of the strokes on the grounds."""
    image, labels = grounds
    return drain(painted_rows_steps([image], [labels], CLASSICAL, class_names={2: "middle"}))
