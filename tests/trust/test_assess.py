"""What the features contribute, what more strokes would, and which of several candidates wins."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from napari_vitrail.progress import drain
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.trust import (
    ablation_steps,
    advice,
    assess,
    assess_steps,
    compare_steps,
    curve_steps,
    held_out_steps,
    importance_steps,
)
from tests.trust.conftest import CLASSICAL

INFORMED = 3


@pytest.fixture(scope="module")
def one_informed(rows):
    """Return rows of noise in which only the group `far` tells the class."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(len(rows.ids), 12)).astype(np.float32)
    noise[:, INFORMED] += 3 * rows.ids
    channels = [f"gaussian_{sigma}_sobel" for sigma in (1, 2, 4)]
    return replace(rows, classical=noise, channels=(*channels, "far: raw", *["raw"] * 4, *["other"] * 4))


def test_the_only_informed_group_is_the_important_one(one_informed):
    held_out = drain(held_out_steps(one_informed))
    found = {own.group: own for own in drain(importance_steps(held_out))}
    assert list(found) == list(one_informed.groups)
    assert found["+ far"].loss > 0.4
    assert found["+ far"].interval[0] > 0.3
    assert all(abs(own.loss) < 0.1 for group, own in found.items() if group != "+ far")


def test_ablation_of_the_only_informed_group_drops_the_score(one_informed):
    held_out = drain(held_out_steps(one_informed))
    without = drain(ablation_steps(held_out, "+ far"))
    assert without.held_out.rows.classical.shape[1] == 11
    np.testing.assert_array_equal(without.held_out.folds, held_out.folds)
    assert without.loss == pytest.approx(held_out.accuracy - without.held_out.accuracy)
    assert without.loss > 0.4
    assert "it is needed" in without.summary
    assert "no clear difference" in drain(ablation_steps(held_out, "+ other")).summary


def test_there_is_nothing_without_the_only_group(one_informed):
    single = replace(one_informed, classical=one_informed.classical[:, :1], channels=("raw",))
    with pytest.raises(ValueError, match="only group"):
        single.without("intensity")
    with pytest.raises(ValueError, match=r"one of 'intensity', got 'ViT'"):
        single.without("ViT")


def test_more_strokes_do_not_harm_where_it_is_easy(rows, monkeypatch):
    monkeypatch.setattr("napari_vitrail.trust._curve.LEAST_ORDERS", 40)  # a mean, free of luck
    rng = np.random.default_rng(0)
    own_look = rng.normal(size=(len(rows.stroke_ids), 3))  # each stroke differs from others of its class
    look = rows.ids[:, None] + own_look[rows.strokes]
    easy = replace(rows, classical=look.astype(np.float32), channels=("raw",) * 3)
    held_out = drain(held_out_steps(easy, "ridge"))
    curve = drain(curve_steps(held_out))
    np.testing.assert_array_equal(curve.n_strokes, [1, 2, 3, 4])
    assert curve.accuracy[-1] == pytest.approx(held_out.accuracy)
    assert all(more > fewer - 0.02 for fewer, more in pairwise(curve.accuracy))
    assert curve.accuracy[-1] > curve.accuracy[0] + 0.05
    assert ((curve.low <= curve.accuracy) & (curve.accuracy <= curve.high)).all()


def test_the_class_that_is_missed_needs_paint(rows):
    held_out = drain(held_out_steps(rows, "ridge"))
    is_missed = (rows.ids == 2) & (rows.painted[0].positions[:, 1] > 50)  # four columns of five
    said = advice(replace(held_out, predicted=np.where(is_missed, 1, rows.ids)))
    assert said[0].class_id == 2
    assert said[0].sentence == "middle: 20% of it found, 80% taken for class 1; 5 strokes, IoU 0.20."
    assert said[0].gain == pytest.approx((1 - 1 / 5) * (1 - np.sqrt(5 / 6)))


def test_of_two_classes_alike_the_one_with_fewer_strokes_needs_paint(grounds):
    image, labels = grounds
    labels = labels.copy()
    labels[64:, 40:80] = 0  # two strokes of class 2 are left
    trust = assess([image], [labels], CLASSICAL, estimator="ridge", class_names={2: "middle"})
    assert trust.advice[0].class_id == 2
    assert "middle needs more paint" in trust.summary


def test_what_is_known_of_nothing_comes_first(grounds):
    image, labels = grounds
    labels = np.where((labels == 5) & (np.arange(160)[:, None] > 30), 0, labels)
    trust = assess([image], [labels], CLASSICAL, estimator="ridge")
    assert trust.advice[0].class_id == 5
    assert "class 5 needs more paint: not judged, with a single stroke" in trust.summary


def test_the_accuracy_is_known_before_the_rest(grounds):
    image, labels = grounds
    steps = assess_steps([image], [labels], CLASSICAL, estimator="ridge")
    so_far = [progress.so_far for progress in steps if progress.so_far is not None]
    assert [bool(own.importance) for own in so_far] == [False, True]
    assert so_far[0].summary == so_far[1].summary


def test_progress_never_goes_back_and_ends_in_time(grounds):
    image, labels = grounds
    shares = [
        step.done / step.total for step in assess_steps([image], [labels], CLASSICAL, estimator="ridge")
    ]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1


def test_figures_are_plain_json(grounds):
    image, labels = grounds
    trust = assess([image], [labels], CLASSICAL, estimator="ridge", class_names={1: "dark"})
    figures = json.loads(json.dumps(trust.to_dict(), allow_nan=False))
    assert figures["classes"] == {"1": "dark", "2": "class 2", "5": "class 5"}
    assert figures["accuracy"] == pytest.approx(trust.held_out.accuracy)
    assert np.sum(figures["confusion_pixels"]) == np.count_nonzero(labels)
    assert figures["learning_curve"]["n_strokes"] == [1, 2, 3, 4]
    assert set(figures["importance"]) == set(trust.held_out.rows.groups)


def test_the_same_seed_gives_the_same_figures(grounds):
    image, labels = grounds
    first, second = (
        assess([image], [labels], CLASSICAL, estimator="ridge", random_state=3).to_dict() for _ in range(2)
    )
    assert first == second


@pytest.fixture(scope="module")
def both(grounds, default_named_backbone):
    """Return rows with features of a tiny ViT, too."""
    from napari_vitrail.trust import painted_rows_steps

    image, labels = grounds
    spec = FeatureSpec(stride=8)
    return drain(painted_rows_steps([image], [labels], spec, backbone=default_named_backbone))


def test_the_vit_is_a_group_of_its_own(both):
    assert len(both.groups["ViT"]) == both.vit.shape[1]
    columns = np.concatenate(list(both.groups.values()))
    np.testing.assert_array_equal(np.sort(columns), np.arange(both.vit.shape[1] + both.classical.shape[1]))
    assert "ViT" not in both.without("ViT").groups
    held_out = drain(held_out_steps(both.without("ViT"), "ridge"))
    assert all(fitted.projection is None for fitted in held_out.fitted)


def test_importance_and_ablation_cover_the_vit(both):
    held_out = drain(held_out_steps(both, "ridge"))
    assert [own.group for own in drain(importance_steps(held_out))] == list(both.groups)
    assert drain(ablation_steps(held_out, "ViT")).held_out.rows.vit is None


@pytest.mark.slow
def test_all_feature_sets_meet_on_the_same_strokes(both):
    known = drain(held_out_steps(both))
    found = drain(compare_steps(both, known=known))
    assert [str(candidate) for candidate in found.candidates] == ["auto", "hybrid", "vit", "classical"]
    assert found.candidates[0].held_out is known
    assert found.candidates[0].gain == 0
    for candidate in found.candidates:
        np.testing.assert_array_equal(candidate.held_out.folds, known.folds)
        own = drain(held_out_steps(both.restricted(candidate.features)))
        assert candidate.held_out.accuracy == own.accuracy
    assert found.leader.held_out.accuracy == max(own.held_out.accuracy for own in found.candidates)


def test_estimators_meet_too(rows):
    found = drain(compare_steps(rows, ("ridge", "logistic")))
    names = [str(candidate) for candidate in found.candidates]
    assert names == ["classical", "classical + ridge", "classical + logistic"]


def test_a_small_lead_is_no_reason_to_leave_the_default(one_informed):
    found = drain(compare_steps(one_informed, ("ridge",)))
    small = replace(found.candidates[1], gain=0.01, interval=(-0.01, 0.03))
    small = replace(small, held_out=replace(small.held_out, predicted=one_informed.ids))
    close = replace(found, candidates=(found.candidates[0], small))
    assert close.leader is small
    assert close.winner is close.candidates[0]
    assert "stay with classical" in close.summary
    clear = replace(close, candidates=(found.candidates[0], replace(small, interval=(0.01, 0.03))))
    assert clear.winner is clear.leader
    assert "a clear lead" in clear.summary
