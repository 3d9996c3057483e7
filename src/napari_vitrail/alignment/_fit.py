"""Transforms from the pixels of one image to those of another, fitted to pairs of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_vitrail.alignment._consensus import (
    LEAST_PAIRS,
    Pairs,
    agreeing_pairs,
    check_spread,
    distances_between,
    fitted_matrix,
    moved_points,
    trusted_pairs,
)
from napari_vitrail.alignment._thinplate import MOST_POINTS, ThinPlate
from napari_vitrail.pairs import as_points
from napari_vitrail.world import Frame

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_vitrail.alignment._consensus import AlignmentKind


class Layer(Protocol):
    """What says where the pixels of a layer lie in the world."""

    ndim: int
    scale: Any
    translate: Any
    rotate: Any
    shear: Any
    affine: Any


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where the pixels of a moving image lie in a fixed one, and how well the pairs say so.

    Attributes
    ----------
    kind : str
        Such as ``"affine"``.
    residuals : (n,) float array, pixels of the fixed image
        From each moved point to its partner. For a thin plate, which can go through any point, of a plate
        that does not know the pair.
    inliers : (n,) bool array
        The pairs that agree with each other; only they were fitted.
    matrix : (3, 3) float array or None
        From moving to fixed pixels, for ``(row, column, 1)``, as napari has it; None for a thin plate.
    """

    kind: AlignmentKind
    residuals: NDArray[np.float64]
    inliers: NDArray[np.bool_]
    matrix: NDArray[np.float64] | None
    _plates: tuple[ThinPlate, ThinPlate] | None = None

    @property
    def affine(self) -> NDArray[np.float64]:
        """The (3, 3) matrix for a layer's ``affine``; ValueError for projective and thin-plate.

        As it stands for layers without scale and translate; `layer_affine` is for any.
        """
        if self.matrix is None or self.kind == "projective":
            raise ValueError(f"no layer's affine can be {self.kind}: warp the image with warp_image instead")
        return self.matrix

    def layer_affine(self, moving: Layer, fixed: Layer) -> NDArray[np.float64]:
        """Return what to write into the ``affine`` of the moving layer to see it on the fixed one.

        Parameters
        ----------
        moving, fixed : napari layers
            Or whatever has the same ``ndim, scale, translate, rotate, shear`` and ``affine``. The last two
            axes count, which napari takes for rows and columns of (3, 3) matrices.

        Returns
        -------
        affine : (3, 3) float array
            It replaces the moving layer's own, which makes no difference to it.

        Raises
        ------
        ValueError
            If the kind is projective or thin-plate, which no layer can show, or if a layer is turned out of
            the plane of its rows and columns.
        """
        own = _plane_matrix("moving", moving, ("scale", "translate", "rotate", "shear"))
        world = _plane_matrix("fixed", fixed, ("scale", "translate", "rotate", "shear", "affine"))
        return world @ self.affine @ np.linalg.inv(own)

    def to_fixed(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return where points (n, 2) of the moving image lie in the fixed one.

        Rows are NaN where a projective alignment has no place for them.
        """
        return self._moved(as_points("points", points), 0)

    def to_moving(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return where points (n, 2) of the fixed image lie in the moving one.

        The inverse of `to_fixed`; of a thin plate nearly so, as it is a plate of its own.
        """
        return self._moved(as_points("points", points), 1)

    def _moved(self, points: NDArray[np.float64], way: int) -> NDArray[np.float64]:
        if self._plates is not None:
            return self._plates[way](points)
        matrix = np.asarray(self.matrix)
        return moved_points(np.asarray(np.linalg.inv(matrix)) if way else matrix, points)


def fit_alignment(
    moving: ArrayLike,
    fixed: ArrayLike,
    kind: AlignmentKind = "affine",
    *,
    threshold: float | None = 5.0,
    random_state: int = 0,
) -> Alignment:
    """Fit the transform that moves points of one image onto their partners in another.

    Parameters
    ----------
    moving, fixed : (n, 2) float array, pixels
        Row and column of each point in the image that is to be moved, and of its partner in the image that
        stays. Of `Correspondences` in which image 1 moves these are ``points1, points0``.
    kind : {"translation", "rigid", "similarity", "affine", "projective", "thin-plate"}
        Rigid turns and shifts, a similarity also scales. They take at least 1, 2, 2, 3, 4 and 3 pairs, and
        more to tell which are wrong. A thin plate bends, as little as it can, to what the pairs have in
        common; it is as smooth as predicts them best.
    threshold : float or None, pixels of the fixed image
        A pair that is farther off is an outlier and left out of the fit; None fits all pairs. Of a thin plate
        those stay, too, that are no farther off than pairs as dense as these let expect.
    random_state : int
        Of RANSAC.

    Returns
    -------
    alignment : Alignment

    Raises
    ------
    ValueError
        If the arrays do not fit each other, hold NaN, have fewer different points than the kind takes, lie on
        a line where the kind needs a plane, or if no more pairs agree than always do.

    References
    ----------
    Fischler and Bolles (1981), RANSAC; Umeyama (1991) for rigid and similarity; both from scikit-image.
    Geman and McClure (1987), weights, for the thin plate.
    """
    pairs = _checked(Pairs(as_points("moving", moving), as_points("fixed", fixed)), kind, threshold)
    if kind == "thin-plate":
        return _fitted_plate(pairs, threshold, random_state)
    everything = np.ones(len(pairs.moving), bool)
    inliers = everything if threshold is None else agreeing_pairs(pairs, kind, threshold, random_state)
    matrix = fitted_matrix(pairs.where(inliers), kind)
    residuals = distances_between(moved_points(matrix, pairs.moving), pairs.fixed)
    return Alignment(kind, residuals, inliers, matrix)


def _fitted_plate(pairs: Pairs, threshold: float | None, random_state: int) -> Alignment:
    """Return the thin plate that pairs agree on, and one of those for the way back."""
    everything = np.ones(len(pairs.moving), bool)
    inliers = everything if threshold is None else trusted_pairs(pairs, threshold, random_state)
    known, alike = pairs.where(inliers), np.ones(int(inliers.sum()))
    plates = ThinPlate.of(*known, alike), ThinPlate.of(known.fixed, known.moving, alike)
    residuals = distances_between(plates[0](pairs.moving), pairs.fixed)
    residuals[inliers] = plates[0].left_out
    return Alignment("thin-plate", residuals, inliers, None, plates)


def _plane_matrix(name: str, layer: Layer, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the (3, 3) matrix of what a layer does to its rows and columns."""
    matrix = Frame.of({part: getattr(layer, part) for part in names}, layer.ndim).matrix
    plane = matrix[-3:, -3:]
    if np.any(matrix[-3:-1, :-3]) or np.any(matrix[:-3, -3:-1]):
        raise ValueError(f"{name} must not be turned out of the plane of its rows and columns")
    return plane


def _checked(pairs: Pairs, kind: AlignmentKind, threshold: float | None) -> Pairs:
    """Return pairs that can be fitted."""
    count0, count1 = len(pairs.moving), len(pairs.fixed)
    if kind not in LEAST_PAIRS:
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(LEAST_PAIRS)}")
    if threshold is not None and not threshold > 0:
        raise ValueError(f"threshold must be more than 0 pixels, or None to fit all pairs, got {threshold}")
    if count0 != count1:
        raise ValueError(f"moving and fixed must be as many points, got {count0} and {count1}")
    if kind == "thin-plate" and count0 > MOST_POINTS:
        raise ValueError(f"thin-plate takes at most {MOST_POINTS} pairs, got {count0}; keep the best of them")
    check_spread(pairs, kind, "the pairs")
    return pairs
