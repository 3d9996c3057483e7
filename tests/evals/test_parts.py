"""Parts of faces, and how they are scored."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from evals.parts import (
    KINDS,
    agreement,
    counts_of,
    cut_out,
    mirrored,
    mutual_information,
    parts_section,
    rand_index,
    scores,
)


@pytest.fixture
def labellings():
    """Return six kinds of pixels, and labels that have to do with them."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 6, (40, 30))
    labels = np.where(rng.random(truth.shape) < 0.5, truth // 2, rng.integers(0, 5, truth.shape))
    return truth, labels


def test_agreement_is_that_of_scikit_learn(labellings):
    truth, labels = labellings
    counts = counts_of(truth, labels, 5)
    assert mutual_information(counts) == pytest.approx(
        normalized_mutual_info_score(truth.ravel(), labels.ravel())
    )
    assert rand_index(counts) == pytest.approx(adjusted_rand_score(truth.ravel(), labels.ravel()))


def test_kinds_match_one_label_each_however_the_labels_are_called(labellings):
    truth, _ = labellings
    perfect = scores(counts_of(truth, (truth + 2) % 6, 6))
    assert all(value == pytest.approx(1) for value in perfect.values())
    merged = scores(counts_of(truth, np.minimum(truth, 4), 5))  # nose and mouth in one
    assert merged["hair"] == pytest.approx(1)
    assert min(merged["nose"], merged["mouth"]) == 0
    assert merged["iou"] == pytest.approx(np.mean([merged[kind] for kind in KINDS]))


def test_a_view_and_its_labels_are_changed_alike(labellings):
    truth, _ = labellings
    photograph = np.repeat(truth[..., None], 3, axis=2)
    for changed in (mirrored, cut_out(photograph.shape, 5)):
        np.testing.assert_array_equal(changed(photograph)[..., 1], changed(truth))
    assert cut_out(photograph.shape, 5)(truth).shape == (32, 24)
    np.testing.assert_array_equal(mirrored(truth)[:, 0], truth[:, -1])


def test_agreement_is_of_the_pixels_with_a_part_before_or_after():
    before, after = np.array([[0, 1, 1, 2, 0]]), np.array([[0, 1, 2, 2, 2]])
    assert agreement(before, after) == 2 / 4
    assert agreement(np.zeros((1, 5)), np.zeros((1, 5))) == 1


def test_the_page_has_a_table_of_each_kind_of_row(labellings):
    truth, labels = labellings
    row = {"set": "faces", "images": 10, "recipe": "ours", "parts": 4}
    fit = row | scores(counts_of(truth, labels, 5))
    text = parts_section([fit], "a command", "weights")
    assert "10 images of faces" in text
    assert "| ours | 4 |" in text
    assert "landmarks" not in text
    regression = row | {"five": 12.34, "all": 13.0, "missing": 0.5}
    consistency = row | {"views": 6, "mirrored": 0.9, "cut out": 0.8}
    text = parts_section([fit, regression, consistency], "a command", "weights")
    assert "| ours | 4 | 12.3 | 13.0 | 0.5 |" in text
    assert "| ours | 4 | 0.900 | 0.800 |" in text
