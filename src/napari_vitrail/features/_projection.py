"""Fewer channels that say as much: affine maps of ViT features, principal components above all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

if TYPE_CHECKING:
    from napari_vitrail.grid import FeatureGrid


@dataclass(frozen=True)
class Projection:
    """An affine map of features: ``values @ basis + offset``.

    Attributes
    ----------
    basis : (D, k) float32
    offset : (k,) float32
    """

    basis: NDArray[np.float32]
    offset: NDArray[np.float32]

    @classmethod
    def of(cls, rows: NDArray[np.float32], n_components: int) -> Projection:
        """Return the projection of rows (n, D) on their leading principal components; 0 changes nothing."""
        if n_components == 0:
            return cls.from_affine(np.eye(rows.shape[1]), np.zeros(rows.shape[1]))
        count = min(n_components, *rows.shape)
        with np.errstate(invalid="ignore"):  # a blank image has no variance to be shared out
            pca = PCA(count, svd_solver="covariance_eigh").fit(rows.astype(np.float64))
        return cls.from_affine(pca.components_.T, -pca.mean_ @ pca.components_.T)

    @classmethod
    def from_affine(cls, basis: NDArray[np.float64], offset: NDArray[np.float64]) -> Projection:
        """Return the map of a basis (D, k) and an offset (k,) of any precision."""
        return cls(np.ascontiguousarray(basis, np.float32), np.ascontiguousarray(offset, np.float32))

    @property
    def width(self) -> int:
        """Number of channels that it returns."""
        return int(self.basis.shape[1])

    def __call__(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return values (..., D) mapped to (..., k)."""
        return np.asarray(values @ self.basis + self.offset, np.float32)

    def beside(self, other: Projection) -> Projection:
        """Return both maps in one, this one's channels first."""
        basis = np.concatenate([self.basis, other.basis], axis=1)
        return Projection(basis, np.concatenate([self.offset, other.offset]))

    def of_grid(self, features: FeatureGrid) -> FeatureGrid:
        """Return a grid of features, mapped.

        Interpolation commutes with affine maps, so this is done on the coarse grid of the tokens.
        """
        channels = {"vit": slice(0, self.width)}
        return replace(features, values=self(features.values), channels=channels)
