"""Methods, section 12, in plain loops beside ours: what one frame takes from those before it."""

import math

import numpy as np
import pytest

from napari_vitrail.features import unit_rows
from napari_vitrail.grid import Grid
from napari_vitrail.propagation import CarriedFrame, Pass, PropagationSpec, SeenFrame

GRID = Grid((9, 21), (3.5, 3.5), (8.0, 8.0))
K = 3


def in_loops(frame, context, radius, topk, temperature, window):
    """Return the values (h, w, k) of a frame: cells within the radius of any frame vote, the topk first."""
    rows, columns = frame.grid.shape
    values = np.zeros((rows, columns, K))
    for row in range(rows):
        for column in range(columns):
            votes = []
            for other in context:
                for i in range(rows):
                    for j in range(columns):
                        near = abs(i - row) <= radius and abs(j - column) <= radius
                        if (not radius or near) and other.values[i, j].any():
                            cosine = float(
                                np.dot(
                                    frame.descriptors[row, column].astype(np.float64),
                                    other.frame.descriptors[i, j].astype(np.float64),
                                )
                            )
                            weight = math.exp(cosine / temperature)
                            if window == "gaussian" and radius:
                                weight *= math.exp(-((i - row) ** 2 + (j - column) ** 2) / (2 * radius**2))
                            votes.append((weight, other.values[i, j].astype(float)))
            if not votes:
                continue
            least = sorted((weight for weight, _ in votes), reverse=True)[:topk][-1]
            kept = [(weight, value) for weight, value in votes if weight >= least * (1 - 1e-6)]
            total = sum(weight for weight, _ in kept)
            values[row, column] = sum(weight * value for weight, value in kept) / total
    return values


def drawn_frame(index, rng, radius):
    descriptors = unit_rows(rng.normal(size=(*GRID.shape, 6))).astype(np.float16)
    return SeenFrame(index, (72, 168), GRID, descriptors, np.ones(GRID.shape), reach=8.0 * radius)


@pytest.mark.parametrize("radius", [0, 2])
@pytest.mark.parametrize("known", [1.0, 0.1], ids=["all known", "few known"])
@pytest.mark.parametrize("window", ["flat", "gaussian"])
def test_a_frame_takes_its_labels_as_published(radius, known, window):
    rng = np.random.default_rng(0)
    spec = PropagationSpec(
        n_context=2, radius=float(radius), topk=3, context="all", window=window, gone_below=0.0
    )
    shares = rng.dirichlet(np.ones(K), GRID.shape) * (rng.random((*GRID.shape, 1)) < known)
    source = CarriedFrame(drawn_frame(0, rng, radius), shares.astype(np.float16))
    carrying, passed = Pass(source, spec), []
    for index in range(1, 5):
        frame = drawn_frame(index, rng, radius)
        carried = carrying.step(frame)
        expected = in_loops(frame, [source, *passed[-2:]], radius, 3, 0.1, window)
        np.testing.assert_allclose(carried.values, expected, atol=1e-3)
        passed.append(carried)


def test_places_as_similar_as_the_last_one_vote_too():
    descriptors = np.zeros((*GRID.shape, 2), np.float16)
    descriptors[..., 0] = 1  # all the same: everyone in the window votes
    values = np.zeros((*GRID.shape, 1), np.float16)
    values[4, 10] = 1
    values[0, 0] = 0.5
    frame = SeenFrame(0, (72, 168), GRID, descriptors, np.ones(GRID.shape), reach=8.0)
    spec = PropagationSpec(n_context=0, radius=1.0, topk=1, context="all", gone_below=0.0, window="flat")
    background = np.concatenate([values, 1 - values], axis=-1)
    found = Pass(CarriedFrame(frame, background), spec).step(frame).values[..., 0]
    np.testing.assert_allclose(found[3:6, 9:12], 1 / 9, atol=1e-3)
    np.testing.assert_allclose(found[:2, :2], [[1 / 8, 1 / 12], [1 / 12, 1 / 18]], atol=1e-3)
