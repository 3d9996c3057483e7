"""Which pairs of points agree with each other, on a matrix or on a thin plate."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from skimage.measure import ransac
from skimage.transform import AffineTransform, EuclideanTransform, ProjectiveTransform, SimilarityTransform

from napari_vitrail.alignment._thinplate import ThinPlate

if TYPE_CHECKING:
    from numpy.typing import NDArray

AlignmentKind: TypeAlias = Literal[
    "translation", "rigid", "similarity", "affine", "projective", "thin-plate"
]  # from stiff to supple
LEAST_PAIRS = dict(zip(get_args(AlignmentKind), (1, 2, 2, 3, 4, 3), strict=True))
"""How many pairs each kind takes at least."""
_TRIALS = 2000
_SURE = 0.9999  # that RANSAC has looked at a sample without outliers, when it stops early
_ROUNDS = 10
_FLAT = 1e-3  # of the length of a cloud of points, its width: less is a line
_REACH = 0.1  # of the extent of the points, how far a thin plate may be off an affine transform
_UNUSUAL = 4.0  # times the median
_TYPICAL = 3.0  # times the median distance: where pairs are sparse, a plate cannot come closer
_SHRINK, _TRIFLE = 0.77, 1e-6  # of the scale from step to step; the least weight


class Pairs(NamedTuple):
    """Points (n, 2) of a moving image and their partners (n, 2) in a fixed one."""

    moving: NDArray[np.float64]
    fixed: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Return the pairs that a mask (n,) chooses."""
        return Pairs(self.moving[chosen], self.fixed[chosen])


class _Translation:
    """The mean shift, in the form that scikit-image's RANSAC takes; it has none of its own."""

    def __init__(self) -> None:
        self.params = np.eye(3)

    @classmethod
    def from_estimate(cls, source: NDArray[np.float64], target: NDArray[np.float64]) -> _Translation:
        shift = cls()
        shift.estimate(source, target)
        return shift

    def estimate(self, source: NDArray[np.float64], target: NDArray[np.float64]) -> bool:
        self.params[:2, 2] = (target - source).mean(axis=0)
        return True

    def residuals(self, source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
        return distances_between(source + self.params[:2, 2], target)


# scikit-image's x and y may as well be row and column here: with the axes swapped, a transform of each of
# these kinds is one of the same kind. So matrices come out in napari's order, and nothing is turned.
_MODELS: dict[str, Any] = {
    "translation": _Translation,
    "rigid": EuclideanTransform,
    "similarity": SimilarityTransform,
    "affine": AffineTransform,
    "projective": ProjectiveTransform,
}


def agreeing_pairs(
    pairs: Pairs, kind: AlignmentKind, threshold: float, random_state: int
) -> NDArray[np.bool_]:
    """Return which pairs (n,) a matrix moves to within a threshold, in pixels, of their partners."""
    inliers = _consensus(pairs, kind, threshold, random_state)
    for _ in range(_ROUNDS):  # RANSAC asked as few as the kind takes; now all that agree are
        _check_count(inliers, kind, threshold)
        known = pairs.where(inliers)
        check_spread(known, kind, "the pairs that agree")
        moved = moved_points(fitted_matrix(known, kind), pairs.moving)
        closer = distances_between(moved, pairs.fixed) <= threshold
        if (closer == inliers).all():
            break
        inliers = closer
    return inliers


def trusted_pairs(pairs: Pairs, threshold: float, random_state: int) -> NDArray[np.bool_]:
    """Return which pairs (n,) agree on a thin plate, to a threshold in pixels or as far as they are dense.

    First it bends to all that an affine transform takes roughly to their partners, then step by step more to
    those that are close to it: the scale of Geman and McClure's weights shrinks.
    """
    scale = max(threshold, _REACH * float(np.ptp(pairs.fixed, axis=0).max()))
    rough = pairs.where(agreeing_pairs(pairs, "affine", scale, random_state))
    distances = distances_between(moved_points(fitted_matrix(rough, "affine"), pairs.moving), pairs.fixed)
    weights = np.where(distances <= scale, 1.0, _TRIFLE)
    while True:
        plate = ThinPlate.of(*pairs, weights)
        distances = plate.left_out * plate.told
        weights = np.maximum(1 / (1 + (distances / scale) ** 2) ** 2, _TRIFLE)
        smaller = max(scale * _SHRINK, threshold, _TYPICAL * float(np.median(distances)))
        if smaller >= scale:
            break
        scale = smaller
    plate = ThinPlate.of(*pairs, weights)
    known = weights >= 0.25  # no farther off than the scale
    surprise = plate.left_out * np.sqrt(plate.told)  # where others say little, a pair may well be far off
    inliers = plate.left_out <= max(threshold, _UNUSUAL * float(np.median(plate.left_out[known])))
    inliers |= surprise <= _UNUSUAL * np.median(surprise[known])
    inliers &= known
    check_spread(pairs.where(inliers), "thin-plate", "the pairs that agree")
    return inliers


def fitted_matrix(pairs: Pairs, kind: AlignmentKind) -> NDArray[np.float64]:
    """Return the (3, 3) matrix that fits the pairs best, with the sign that puts them before the horizon."""
    model = _MODELS[kind]
    if hasattr(model, "from_estimate"):  # scikit-image 0.26, where `estimate` is deprecated
        found = model.from_estimate(*pairs)
        done = bool(found)
    else:
        found = model()
        done = found.estimate(*pairs)
    if not done or not np.isfinite(found.params).all() or np.linalg.cond(found.params) > 1e12:
        raise ValueError(
            f"the {len(pairs.moving)} pairs determine no {kind} transform: too many points are on a line, or "
            f"the same; more pairs or a stiffer kind would do"
        )
    matrix = np.asarray(found.params, np.float64)
    depth = pairs.moving @ matrix[2, :2] + matrix[2, 2]
    return matrix * np.sign(np.median(depth))


def moved_points(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points (n, 2) as a matrix maps them; NaN on and beyond the horizon of a projective one."""
    flat = points @ matrix[:2, :2].T + matrix[:2, 2]
    depth = points @ matrix[2, :2] + matrix[2, 2]
    moved: NDArray[np.float64] = np.full_like(flat, np.nan)
    seen = depth > 0
    moved[seen] = flat[seen] / depth[seen, None]
    return moved


def distances_between(points0: NDArray[np.float64], points1: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance (n,) of each pair of points, infinite where there is no place for one."""
    distances: NDArray[np.float64] = np.linalg.norm(points0 - points1, axis=1)
    return np.nan_to_num(distances, nan=np.inf, posinf=np.inf)


def check_spread(pairs: Pairs, kind: AlignmentKind, what: str) -> None:
    """Raise ValueError unless points of both images are as many and as spread as a kind takes."""
    least = LEAST_PAIRS[kind]
    different = min(len(np.unique(points, axis=0)) for points in pairs)
    if different < least:
        others = [name for name, count in LEAST_PAIRS.items() if count <= different]
        raise ValueError(
            f"{what} must have {least} or more different points in each image for {kind}, got {different}; "
            f"{' or '.join(others) or 'more pairs'} would do"
        )
    if least > 2 and any(_on_a_line(points) for points in pairs):
        raise ValueError(
            f"{what} must not lie on one line for {kind}, and do; translation, rigid or similarity would do"
        )


def _consensus(pairs: Pairs, kind: AlignmentKind, threshold: float, random_state: int) -> NDArray[np.bool_]:
    """Return the largest set of pairs found that agree with a few of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No inliers found", UserWarning)  # _check_count says so
        _, inliers = ransac(
            tuple(pairs),
            _MODELS[kind],
            LEAST_PAIRS[kind],
            threshold,
            max_trials=_TRIALS,
            stop_probability=_SURE,
            rng=random_state,
        )
    return np.zeros(len(pairs.moving), bool) if inliers is None else np.asarray(inliers, bool)


def _check_count(inliers: NDArray[np.bool_], kind: AlignmentKind, threshold: float) -> None:
    """Raise where no more pairs agree than any few do."""
    count = int(inliers.sum())
    if count <= LEAST_PAIRS[kind] and count < len(inliers):
        raise ValueError(
            f"only {count} of {len(inliers)} pairs agree on one {kind} transform within {threshold:g} "
            f"pixels, as many as always do; a larger threshold, a suppler kind or better pairs would do"
        )


def _on_a_line(points: NDArray[np.float64]) -> bool:
    length, width = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(width <= _FLAT * length)
