"""Parts of faces, and how they are scored."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from evals.parts import KINDS, counts_of, mutual_information, parts_section, rand_index, scores


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


def test_the_page_says_of_how_many_images(labellings):
    truth, labels = labellings
    row = {"set": "faces", "images": 10, "recipe": "ours", "parts": 4, **scores(counts_of(truth, labels, 5))}
    text = parts_section([row], "a command", "weights")
    assert "10 images of faces" in text
    assert "| ours | 4 |" in text
