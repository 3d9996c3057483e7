"""The moving image beside the fixed one, so that both are seen; and back where it was."""

from __future__ import annotations

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtWidgets import QCheckBox

from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._matching import Matching
from napari_vitrail.widgets._plane_points import world_box

_HINT = (
    "Show the moving image, and its points, right of the fixed one. It is only shifted, by its translate, "
    "and goes back when this is unticked or the widget is closed"
)
_GAP = 0.03  # of the width of the fixed image


class SideBySide(QCheckBox):
    """Shifts the moving image beside the fixed one while it is ticked.

    Parameters
    ----------
    matching : Matching
    """

    def __init__(self, matching: Matching) -> None:
        super().__init__("Side by side")
        self.setToolTip(wrapped(_HINT))
        self._matching = matching
        self._images: tuple[Image, Image] | None = None  # while one of them is shifted
        self._before = self._after = np.zeros(0)
        self.toggled.connect(self._follow)
        matching.changed.connect(self._follow)
        matching.began.connect(self._on_began)

    def give_back(self) -> None:
        """Put the image back where it was, and be unticked; what somebody else has shifted since stays so."""
        self.setChecked(False)

    def _on_began(self) -> None:
        """Be ticked where one image would hide the other."""
        fixed, moving = self._matching.images
        if fixed is not None and moving is not None and _overlap(fixed, moving):
            self.setChecked(True)
        else:
            self._matching.viewer.reset_view()

    def _follow(self) -> None:
        """Shift the image that is chosen, if any is to be shifted, and no other."""
        images = self._matching.images
        wanted = self.isChecked() and None not in images and images[0] != images[1]
        if wanted and images == self._images:
            return
        self._put_back()
        if wanted:
            self._shift(*images)

    def _shift(self, fixed: Image, moving: Image) -> None:
        """Put an image right of another, at the same height, and both into view."""
        at, own = world_box(fixed), world_box(moving)
        right = at[1, 1] + _GAP * (at[1, 1] - at[0, 1]) - own[0, 1]
        down = at[:, 0].mean() - own[:, 0].mean()
        self._images, self._before = (fixed, moving), np.array(moving.translate)
        self._after = self._before + _before_affine(moving, np.array([down, right]))
        moving.translate = self._after
        self._matching.viewer.reset_view()

    def _put_back(self) -> None:
        if self._images is not None:
            image, self._images = self._images[1], None
            moved = np.array(image.translate) - self._after
            image.translate = self._before + moved if moved.any() else self._before


def _overlap(first: Image, second: Image) -> bool:
    """Whether the boxes of two images in the world have more than an edge in common."""
    one, other = world_box(first), world_box(second)
    shared = np.minimum(one[1], other[1]) - np.maximum(one[0], other[0])
    return bool((shared > _GAP * (one[1] - one[0])).all())


def _before_affine(image: Image, step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much to translate an image to take it a step (2,) in the world, its affine being last."""
    whole = np.zeros(image.ndim)
    whole[-2:] = step
    linear = np.asarray(image.affine.affine_matrix, float)[:-1, :-1]
    solved: NDArray[np.float64] = np.linalg.solve(linear, whole)
    return solved
