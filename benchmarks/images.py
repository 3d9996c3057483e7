"""What is measured on: real images of any size."""

from __future__ import annotations

import numpy as np
from skimage.data import immunohistochemistry
from skimage.transform import resize


def micrograph(side: int) -> np.ndarray:
    """Return a real micrograph, resized to a square."""
    return (resize(immunohistochemistry(), (side, side), anti_aliasing=True) * 255).astype(np.uint8)
