"""One object of one image, found without a label as others do it: LOST and TokenCut, from their papers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from skimage.measure import label

from napari_vitrail.features import unit_rows

Cells = NDArray[np.bool_]
SEEDS = 100
"""Patches of fewest neighbours among which LOST looks for more of the object (its parameter k)."""
WEAKEST = 1e-5
"""The edge between patches that are not alike in TokenCut."""


class Found(NamedTuple):
    """What stands out in an image, on its patch grid.

    Attributes
    ----------
    scores : (h, w) float
        How much of the object each patch is; their sign and scale differ between methods.
    partition : (h, w) bool
        All patches that are taken for the object's.
    main : (h, w) bool
        The connected component of the seed, by which the object is boxed.
    """

    scores: NDArray[np.float64]
    partition: Cells
    main: Cells


def lost(descriptors: NDArray[np.floating]) -> Found:
    """Find an object: patches alike to the patch that is like the fewest others.

    Parameters
    ----------
    descriptors : (h, w, D) float array
        Keys of the last block; only the signs of their products count.

    References
    ----------
    Siméoni et al. (2021), "Localizing Objects with Self-Supervised Transformers and no Labels",
    section 3.2.
    """
    shape = descriptors.shape[:2]
    rows = descriptors.reshape(-1, descriptors.shape[2]).astype(np.float64)
    products = rows @ rows.T
    degrees = (products >= 0).sum(axis=1)
    seed = int(degrees.argmin())
    candidates = np.argsort(degrees, kind="stable")[:SEEDS]
    seeds = candidates[products[candidates, seed] >= 0]
    scores = products[:, seeds].sum(axis=1)
    partition = (scores >= 0).reshape(shape)
    return Found(scores.reshape(shape), partition, _component(partition, seed))


def token_cut(descriptors: NDArray[np.floating], threshold: float = 0.2) -> Found:
    """Find an object: the side of the normalised cut of the patch graph that has the largest entry.

    Parameters
    ----------
    descriptors : (h, w, D) float array
        Keys of the last block, compared by cosine similarity.
    threshold : float
        Patches are alike from this similarity on (the paper's tau).

    References
    ----------
    Wang et al. (2022), "Self-Supervised Transformers for Unsupervised Object Discovery using Normalized
    Cut", section 3.2.
    """
    shape = descriptors.shape[:2]
    rows = unit_rows(descriptors.reshape(-1, descriptors.shape[2]).astype(np.float64))
    vector = second_eigenvector(np.where(rows @ rows.T >= threshold, 1.0, WEAKEST))
    seed = int(np.abs(vector).argmax())
    vector = vector * np.sign(vector[seed])
    partition = (vector > vector.mean()).reshape(shape)
    return Found(vector.reshape(shape), partition, _component(partition, seed))


def second_eigenvector(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the second smallest solution (n,) of (D - E) y = w D y, by which E is cut in two."""
    scale = 1 / np.sqrt(edges.sum(axis=1))
    laplacian = np.eye(len(edges)) - scale[:, None] * edges * scale
    _, vectors = eigh(laplacian, subset_by_index=[1, 1])
    return np.asarray(scale * vectors[:, 0])


def _component(partition: Cells, seed: int) -> Cells:
    """Return the 4-connected component of a partition that a cell lies in; none if it lies outside."""
    components = label(partition, connectivity=1)
    own = components.flat[seed]
    return np.asarray((components == own) & partition)
