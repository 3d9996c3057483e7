"""Methods, section 12, in plain loops beside ours: what one frame takes from those before it."""

import math
from itertools import product

import numpy as np
import pytest

from napari_vitrail.features import unit_rows
from napari_vitrail.grid import Grid
from napari_vitrail.propagation import CarriedFrame, Pass, PropagationSpec, SeenFrame
from napari_vitrail.propagation._motion import COVERED, SLOWNESS, TOGETHER, motion_between

GRID = Grid((9, 21), (3.5, 3.5), (8.0, 8.0))
K = 3


def in_loops(frame, context, radius, topk, temperature, window, moved=None):
    """Return the values (h, w, k) of a frame: cells within the radius of any frame vote, the topk first.

    `moved` has, for each frame of the context, where else in it each cell looks: offsets (h, w, 2), cells.
    """
    rows, columns = frame.grid.shape
    values = np.zeros((rows, columns, K))
    for row in range(rows):
        for column in range(columns):
            votes = []
            for number, other in enumerate(context):
                middles = [(row, column)]
                if moved is not None:
                    middles.append((row, column) + moved[number][row, column])
                for i in range(rows):
                    for j in range(columns):
                        apart = [(i - y, j - x) for y, x in middles]
                        apart = [(y, x) for y, x in apart if abs(y) <= radius and abs(x) <= radius]
                        near = bool(apart)
                        if (not radius or near) and other.values[i, j].any():
                            cosine = float(
                                np.dot(
                                    frame.descriptors[row, column].astype(np.float64),
                                    other.frame.descriptors[i, j].astype(np.float64),
                                )
                            )
                            weight = math.exp(cosine / temperature)
                            if window == "gaussian" and radius:
                                squared = min(y**2 + x**2 for y, x in apart)
                                weight *= math.exp(-squared / (2 * radius**2))
                            votes.append((weight, other.values[i, j].astype(float)))
            if not votes:
                continue
            least = sorted((weight for weight, _ in votes), reverse=True)[:topk][-1]
            kept = [(weight, value) for weight, value in votes if weight >= least * (1 - 1e-6)]
            total = sum(weight for weight, _ in kept)
            values[row, column] = sum(weight * value for weight, value in kept) / total
    return values


def drawn_frame(index, rng):
    descriptors = unit_rows(rng.normal(size=(*GRID.shape, 6))).astype(np.float16)
    return SeenFrame(index, (72, 168), GRID, descriptors, np.ones(GRID.shape), patch=8.0)


@pytest.mark.parametrize("radius", [0, 2])
@pytest.mark.parametrize("known", [1.0, 0.1], ids=["all known", "few known"])
@pytest.mark.parametrize("window", ["flat", "gaussian"])
def test_a_frame_takes_its_labels_as_published(radius, known, window):
    rng = np.random.default_rng(0)
    spec = PropagationSpec(
        n_context=2, motion=0.0, radius=float(radius), topk=3, context="all", window=window, gone_below=0.0
    )
    shares = rng.dirichlet(np.ones(K), GRID.shape) * (rng.random((*GRID.shape, 1)) < known)
    source = CarriedFrame(drawn_frame(0, rng), shares.astype(np.float16))
    carrying, passed = Pass(source, spec), []
    for index in range(1, 5):
        frame = drawn_frame(index, rng)
        carried = carrying.step(frame)
        expected = in_loops(frame, [source, *passed[-2:]], radius, 3, 0.1, window)
        np.testing.assert_allclose(carried.values, expected, atol=1e-3)
        passed.append(carried)


def motion_in_loops(frame, before, farthest):
    """Return by how many cells (h, w, 2) windows look most like those of another frame, in the mean."""
    rows, columns = frame.grid.shape
    own, others = frame.descriptors.astype(np.float64), before.descriptors.astype(np.float64)
    steps = range(-farthest, farthest + 1)
    weight = [math.exp(-(d**2) / (2 * TOGETHER**2)) for d in range(int(4 * TOGETHER) + 1)]
    whole = (2 * sum(weight) - weight[0]) ** 2
    motion = np.zeros((rows, columns, 2))
    for row in range(rows):
        for column in range(columns):
            likeness = {}
            for shift in product(steps, steps):
                total = covered = 0.0
                for i in range(rows):
                    for j in range(columns):
                        y, x = i + shift[0], j + shift[1]
                        if (
                            abs(i - row) < len(weight) > abs(j - column)
                            and 0 <= y < rows
                            and 0 <= x < columns
                        ):
                            share = weight[abs(i - row)] * weight[abs(j - column)] / whole
                            total += share * float(own[i, j] @ others[y, x])
                            covered += share
                cost = SLOWNESS * (shift[0] ** 2 + shift[1] ** 2)
                likeness[shift] = total / max(covered, COVERED) - cost
            best = max(likeness, key=likeness.get)
            for axis in (0, 1):
                step = (1 - axis, axis)
                low, high = (
                    likeness.get((best[0] + side * step[0], best[1] + side * step[1])) for side in (-1, 1)
                )
                part = 0.0
                if low is not None and high is not None:
                    part = (low - high) / (2 * (low - 2 * likeness[best] + high))
                motion[row, column, axis] = best[axis] + part
    return motion


def test_motion_is_where_windows_look_most_alike():
    rng = np.random.default_rng(1)
    before, frame = (drawn_frame(index, rng) for index in range(2))
    frame.descriptors[1:, 2:] = before.descriptors[:-1, :-2]
    expected = motion_in_loops(frame, before, 2)
    found = motion_between(frame, before, 2.0).values
    np.testing.assert_allclose(found / 8, expected, atol=2e-3)
    np.testing.assert_allclose(expected[4, 10], (-1, -2), atol=0.5)


def test_windows_go_with_what_moves():
    rng = np.random.default_rng(2)
    spec = PropagationSpec(n_context=2, motion=1.0, radius=1.0, topk=3, context="all", gone_below=0.0)
    shares = rng.dirichlet(np.ones(K), GRID.shape)
    source = CarriedFrame(drawn_frame(0, rng), shares.astype(np.float16))
    carrying, passed, steps = Pass(source, spec), [source], []
    for index in range(1, 4):
        frame = drawn_frame(index, rng)
        steps.append(motion_between(frame, passed[-1].frame, 1.0).values / 8)
        moved = [followed_back(steps[number:]) for number in range(index)]
        numbers = [0, *range(max(index - 2, 1), index)]
        expected = in_loops(
            frame, [passed[number] for number in numbers], 1, 3, 0.1, "gaussian",
            [moved[number] for number in numbers],
        )  # fmt: skip
        carried = carrying.step(frame)
        np.testing.assert_allclose(carried.values, expected, atol=2e-3)
        passed.append(carried)


def followed_back(steps):
    """Return where what each cell shows was before some steps from frame to frame: offsets (h, w, 2)."""
    rows, columns = GRID.shape
    found = steps[0]
    for step in steps[1:]:
        earlier, found = found, step.copy()
        for row in range(rows):
            for column in range(columns):
                y = min(max(row + step[row, column, 0], 0), rows - 1)
                x = min(max(column + step[row, column, 1], 0), columns - 1)
                top, left = min(int(y), rows - 2), min(int(x), columns - 2)
                for i, j in product((0, 1), (0, 1)):
                    share = (1 - abs(y - top - i)) * (1 - abs(x - left - j))
                    found[row, column] += share * earlier[top + i, left + j]
    return found


def test_places_as_similar_as_the_last_one_vote_too():
    descriptors = np.zeros((*GRID.shape, 2), np.float16)
    descriptors[..., 0] = 1  # all the same: everyone in the window votes
    values = np.zeros((*GRID.shape, 1), np.float16)
    values[4, 10] = 1
    values[0, 0] = 0.5
    frame = SeenFrame(0, (72, 168), GRID, descriptors, np.ones(GRID.shape), patch=8.0)
    spec = PropagationSpec(
        n_context=0, radius=1.0, topk=1, context="all", motion=0.0, gone_below=0.0, window="flat"
    )
    background = np.concatenate([values, 1 - values], axis=-1)
    found = Pass(CarriedFrame(frame, background), spec).step(frame).values[..., 0]
    np.testing.assert_allclose(found[3:6, 9:12], 1 / 9, atol=1e-3)
    np.testing.assert_allclose(found[:2, :2], [[1 / 8, 1 / 12], [1 / 12, 1 / 18]], atol=1e-3)
