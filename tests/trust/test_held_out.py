"""Whole strokes are held out, and no pixel is scored by what was trained on its stroke."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from napari_vitrail.image import LayeredImage
from napari_vitrail.progress import drain
from napari_vitrail.strokes import joined, painted
from napari_vitrail.trust import NEVER, assess, group_of, held_out_steps, interval, painted_rows_steps
from tests.trust.conftest import CLASSICAL


class Spy(ClassifierMixin, BaseEstimator):
    """Answers with the most frequent class; remembers what it was trained on and asked about."""

    seen: ClassVar[list[tuple[set[bytes], set[bytes]]]] = []

    def fit(self, rows, ids):
        self.classes_ = np.unique(ids)
        self.trained_ = {row.tobytes() for row in rows}
        return self

    def predict(self, rows):
        Spy.seen.append((self.trained_, {row.tobytes() for row in rows}))
        return np.full(len(rows), self.classes_[0])


@pytest.fixture
def spy():
    Spy.seen.clear()
    return Spy()


def test_no_pixel_is_scored_that_was_trained_on(rows, spy):
    held_out = drain(held_out_steps(rows, spy))
    assert len(Spy.seen) == 5
    assert all(not trained & asked for trained, asked in Spy.seen)
    asked = set().union(*(asked for _, asked in Spy.seen))
    assert asked == {row.tobytes() for row in rows.classical}
    assert held_out.scored.all()


def test_a_fold_holds_whole_strokes_one_of_each_class(rows):
    held_out = drain(held_out_steps(rows, "ridge"))
    for fold in range(5):
        here = held_out.folds == fold
        strokes = np.unique(rows.strokes[here])
        assert sorted(rows.stroke_ids[strokes]) == [1, 2, 5]
        assert not np.isin(rows.strokes[~here], strokes).any()


def test_many_strokes_share_ten_folds(grounds):
    image, labels = grounds
    labels = np.zeros_like(labels)
    for top in range(0, 160, 12):
        labels[top, 10], labels[top, 90] = 1, 2
    rows = drain(painted_rows_steps([image], [labels], CLASSICAL))
    held_out = drain(held_out_steps(rows, "ridge"))
    assert len(rows.stroke_ids) == 28
    assert len(held_out.fitted) == 10
    assert held_out.scored.all()


def test_a_class_of_one_stroke_is_trained_on_and_never_scored(grounds, spy):
    image, labels = grounds
    labels = labels.copy()
    labels[32:, 80:] = 0  # one stroke of class 5 is left
    rows = drain(painted_rows_steps([image], [labels], CLASSICAL))
    held_out = drain(held_out_steps(rows, spy))
    single = rows.ids == 5
    assert (held_out.folds[single] == NEVER).all()
    assert not held_out.scored[single].any()
    known = {row.tobytes() for row in rows.classical[single]}
    assert all(known <= trained for trained, _ in Spy.seen)
    np.testing.assert_array_equal(held_out.n_held_out, [5, 5, 0])
    assert np.isnan(held_out.by_stroke.iou[2])
    assert held_out.by_stroke.counts.sum() == pytest.approx(10)


def test_single_strokes_only_cannot_be_held_out(grounds):
    image, labels = grounds
    with pytest.raises(ValueError, match=r"no stroke can be held out.*second stroke"):
        assess([image], [np.where(np.arange(160)[:, None] < 32, labels, 0)], CLASSICAL)


def test_whole_images_are_held_out_where_there_are_three(grounds):
    image, labels = grounds
    rows = drain(painted_rows_steps([image] * 3, [labels] * 3, CLASSICAL))
    held_out = drain(held_out_steps(rows, "ridge"))
    assert len(held_out.fitted) == 3
    sizes = [len(own.ids) for own in rows.painted]
    np.testing.assert_array_equal(held_out.folds, np.repeat([0, 1, 2], sizes))
    assert len(rows.stroke_ids) == 45


def test_very_many_pixels_are_thinned_and_every_stroke_keeps_some(grounds):
    image, labels = grounds
    labels = labels.copy()
    labels[:, :8] = 1
    big = np.kron(labels, np.ones((4, 4), np.uint8))
    rows = drain(painted_rows_steps([np.kron(image, np.ones((4, 4), np.uint8))], [big], CLASSICAL))
    own = painted(big)
    assert np.count_nonzero(rows.ids == 1) < np.count_nonzero(own.ids == 1)
    assert len(rows.stroke_ids) == len(np.unique(joined(own).strokes))


@pytest.mark.parametrize(("gap", "n_strokes"), [(0, 1), (7, 1), (8, 2), (30, 2)], ids=str)
def test_parts_of_a_class_near_each_other_are_one_stroke(gap, n_strokes):
    labels = np.zeros((20, 80), np.uint8)
    labels[5:9, 10:20] = 1
    labels[5:9, 20 + gap : 30 + gap] = 1
    labels[:, 22:24] = np.where(labels[:, 22:24] == 1, 1, 2) if gap else labels[:, 22:24]
    own = joined(painted(labels))
    assert len(np.unique(own.strokes[own.ids == 1])) == n_strokes


def test_parts_of_other_classes_stay_apart_and_chains_hang_together():
    labels = np.zeros((20, 90), np.uint8)
    for start, label in ((0, 1), (10, 1), (20, 1), (23, 2), (60, 1)):
        labels[5:9, start : start + 3] = label
    own = joined(painted(labels))
    assert len(np.unique(own.strokes)) == 3
    assert len(np.unique(own.strokes[own.positions[:, 1] < 23])) == 1


def test_scores_equal_those_of_plain_loops(rows):
    held_out = drain(held_out_steps(rows, "ridge"))
    for found, is_by_stroke in ((held_out.by_pixel, False), (held_out.by_stroke, True)):
        counts = np.zeros((3, 3))
        for truth, answer, stroke in zip(rows.ids, held_out.predicted, rows.strokes, strict=True):
            weight = 1 / np.count_nonzero(rows.strokes == stroke) if is_by_stroke else 1
            counts[[1, 2, 5].index(truth), [1, 2, 5].index(answer)] += weight
        np.testing.assert_allclose(found.counts, counts)
        for k in range(3):
            union = sum(counts[k]) + sum(counts[:, k]) - counts[k, k]
            assert found.iou[k] == pytest.approx(counts[k, k] / union)
            assert found.recall[k] == pytest.approx(counts[k, k] / sum(counts[k]))
            assert found.precision[k] == pytest.approx(counts[k, k] / sum(counts[:, k]))
        assert found.accuracy == pytest.approx(counts.trace() / counts.sum())
    assert 0.5 < held_out.accuracy < 1


def test_a_large_stroke_counts_as_a_small_one(grounds):
    image, labels = grounds
    labels = labels.copy()
    labels[125:160, 5:35] = 1
    rows = drain(painted_rows_steps([image], [labels], CLASSICAL))
    held_out = drain(held_out_steps(rows, "ridge"))
    assert held_out.by_stroke.counts.sum() == pytest.approx(len(held_out.strokes))
    assert held_out.by_stroke.accuracy == pytest.approx(held_out.right_shares(held_out.predicted).mean())
    assert held_out.by_pixel.counts.sum() == len(rows.ids)


def test_the_interval_holds_the_mean_and_shrinks_with_strokes():
    rng = np.random.default_rng(0)
    widths = []
    for n_strokes in (6, 60):
        shares = rng.uniform(0.5, 1, n_strokes)
        low, high = interval(shares, np.arange(n_strokes) % 2)
        assert low < shares.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_alike_strokes_leave_no_doubt():
    assert interval(np.full(4, 0.75), np.array([1, 1, 2, 2])) == (0.75, 0.75)


def test_groups_partition_the_features(rows):
    columns = np.concatenate(list(rows.groups.values()))
    np.testing.assert_array_equal(np.sort(columns), np.arange(rows.classical.shape[1]))
    expected = {"intensity", "lines", "edges", *(f"edges {sigma}" for sigma in (1, 2, 4, 8, 16))}
    assert set(rows.groups) == expected


def test_further_channels_are_groups_of_their_names(grounds):
    image, labels = grounds
    layered = LayeredImage(image, {"DAPI": image, "depth map": 255 - image})
    rows = drain(painted_rows_steps([layered], [labels], CLASSICAL))
    columns = np.concatenate(list(rows.groups.values()))
    np.testing.assert_array_equal(np.sort(columns), np.arange(rows.classical.shape[1]))
    assert len(rows.groups["+ DAPI"]) == len(rows.groups["+ depth map"]) == 58
    without = rows.without("+ DAPI")
    np.testing.assert_array_equal(without.classical, np.delete(rows.classical, rows.groups["+ DAPI"], axis=1))


@pytest.mark.parametrize(
    ("channel", "group"),
    [
        ("raw", "intensity"),
        ("gaussian_16", "intensity"),
        ("raw_hessian_eigenvalue_0", "edges"),
        ("gaussian_4_sobel", "edges 4"),
        ("gaussian_16_minus_8", "edges 16"),
        ("gaussian_1_minus_8", "edges 8"),
        ("membrane_std", "lines"),
        ("DAPI: raw", "+ DAPI"),
        ("depth_map: gaussian_2_hessian_trace", "+ depth_map"),
        ("raw: membrane_min", "+ raw"),
        ("colour red", "+ colour red"),
    ],
)
def test_a_channel_tells_its_group(channel, group):
    assert group_of(channel) == group
