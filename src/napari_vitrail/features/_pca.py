"""Principal components of ViT features: fewer channels that say nearly as much."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from napari_vitrail.grid import FeatureGrid


@dataclass(frozen=True)
class Projection:
    """The leading principal components of some features.

    Attributes
    ----------
    mean : (D,) float32
    basis : (D, k) float32
    """

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]

    @classmethod
    def of(cls, rows: NDArray[np.float32], n_components: int) -> Projection:
        """Return the projection of rows (n, D) to at most `n_components`; 0 keeps all directions."""
        count = min(n_components or rows.shape[1], *rows.shape)
        pca = PCA(count, svd_solver="covariance_eigh").fit(rows.astype(np.float64))
        return cls(pca.mean_.astype(np.float32), pca.components_.T.astype(np.float32))

    @property
    def width(self) -> int:
        """Number of components."""
        return int(self.basis.shape[1])

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values (..., D) in components (..., k)."""
        return (values - self.mean) @ self.basis

    def of_grid(self, features: FeatureGrid) -> FeatureGrid:
        """Return a grid of features in components.

        Interpolation commutes with linear maps, so this is done on the coarse grid of the tokens.
        """
        channels = {"vit": slice(0, self.width)}
        return replace(features, values=self(features.values), channels=channels)
