"""A map of tokens: those alike lie together, whichever image they are from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from napari_vitrail.features._pca import check_same_width, chosen, picked_rows
from napari_vitrail.features._projection import Projection
from napari_vitrail.progress import Progress, Steps, drain

if TYPE_CHECKING:
    from napari_vitrail.grid import FeatureGrid

N_COMPONENTS = 50
"""Principal components that t-SNE sees, as its authors recommend: less noise, and much faster."""
PERPLEXITY = 30.0
EXAGGERATION = 12.0
START = 1e-4
"""Spread of the positions at first, so small that t-SNE is free to leave them."""
ITERATIONS = 250
"""Of each of the rounds; scikit-learn allows no fewer."""
ROUNDS = 4


@dataclass(frozen=True)
class TokenMap:
    """Tokens of some images and where each lies on the map.

    Attributes
    ----------
    positions : (n, 2) float32
        On the map; only which are near to each other means something.
    images : (n,) int
        Which of the images each token is of.
    cells : (n, 2) int
        Row and column in the grid of its image.
    """

    positions: NDArray[np.float32]
    images: NDArray[np.intp]
    cells: NDArray[np.intp]


def token_map(features: Sequence[FeatureGrid], *, n_tokens: int = 2000, random_state: int = 0) -> TokenMap:
    """Place the tokens of some images in a plane by t-SNE.

    Parameters
    ----------
    features : sequence of FeatureGrid
    n_tokens : int
        At most so many, chosen at random from all images together.
    random_state : int

    Returns
    -------
    token_map : TokenMap

    Raises
    ------
    ValueError
        If there is no image, if the features of two images differ in number, or if there are fewer
        than four tokens in all.

    References
    ----------
    van der Maaten and Hinton (2008), "Visualizing Data using t-SNE"; of ViT features, Amir et al.
    (2021), "Deep ViT Features as Dense Visual Descriptors", Fig. 4.

    Notes
    -----
    The 1000 iterations come in four rounds, the first with early exaggeration, each from where the
    last has ended: scikit-learn's t-SNE cannot be stopped, a round can be the last.
    """
    return drain(token_map_steps(features, n_tokens=n_tokens, random_state=random_state))


def token_map_steps(
    features: Sequence[FeatureGrid], *, n_tokens: int = 2000, random_state: int = 0
) -> Steps[TokenMap]:
    """Yield Progress; return what `token_map` returns."""
    check_same_width(features)
    cells = [np.indices(grid.grid.shape).reshape(2, -1).T for grid in features]
    images = np.repeat(np.arange(len(features)), [len(part) for part in cells])
    picked = chosen(len(images), n_tokens, random_state)
    if len(picked) < 4:
        raise ValueError(f"a map needs at least 4 tokens, got {len(picked)}")
    rows = picked_rows([grid.values.reshape(-1, grid.width) for grid in features], picked)
    positions = yield from _embedded_steps(rows, random_state)
    return TokenMap(positions, images[picked], np.concatenate(cells)[picked])


def _embedded_steps(rows: NDArray[np.float32], random_state: int) -> Steps[NDArray[np.float32]]:
    """Yield Progress after every round of t-SNE; return positions (n, 2)."""
    components = Projection.of(rows, N_COMPONENTS)(rows)
    spread = float(components[:, 0].std()) or 1.0
    positions = np.zeros((len(rows), 2), np.float32)
    positions[:, : components.shape[1]] = components[:, :2] / spread * START
    for done in range(ROUNDS):
        yield Progress(done, ROUNDS, "rounds of t-SNE")
        tsne = TSNE(
            init=positions,
            perplexity=min(PERPLEXITY, (len(rows) - 1) / 3),
            early_exaggeration=EXAGGERATION if done == 0 else 1.0,
            learning_rate=max(len(rows) / EXAGGERATION / 4, 50.0),
            max_iter=ITERATIONS,
            random_state=random_state,
        )
        positions = tsne.fit_transform(components)
    yield Progress(ROUNDS, ROUNDS, "rounds of t-SNE")
    return positions


def majority(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the most frequent label but 0 in each row (n, k); 0 where there is no other.

    Of equally frequent ones it is the smallest.
    """
    known = np.setdiff1d(labels, 0)
    if not len(known):
        return np.zeros(len(labels), np.int64)
    votes = np.stack([np.count_nonzero(labels == label, axis=1) for label in known])
    return np.where(votes.any(axis=0), known[votes.argmax(axis=0)], 0)
