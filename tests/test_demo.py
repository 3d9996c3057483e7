import numpy as np
import pytest

from napari_vitrail.demo import Score, compare_steps, score
from napari_vitrail.progress import drain
from napari_vitrail.samples import Sample, histology


@pytest.fixture
def two_halves():
    """Return an image with a dark and a bright half, and strokes on both."""
    rows = np.arange(40)[:, None]
    noise = np.random.default_rng(0).integers(0, 60, (40, 50))
    image = (noise + 150 * (rows >= 20)).astype(np.uint8)
    labels, held_out = np.zeros((2, 40, 50), np.uint8)
    labels[5, 5:20], labels[30, 5:20] = 2, 7
    held_out[8, 30:45], held_out[34, 30:45] = 2, 7
    return Sample(image, labels, held_out, {2: "dark", 7: "bright"})


def test_score_counts_labelled_pixels_only():
    labels = np.array([[2, 2, 2, 0], [7, 7, 0, 0]])
    found = np.array([[2, 2, 7, 7], [7, 7, 2, 2]])
    result = score(found, labels)
    assert result == Score(4 / 5, {2: 2 / 3, 7: 2 / 3})
    assert result.mean_iou == pytest.approx(2 / 3)


def test_there_is_no_score_without_labels():
    assert score(np.ones((2, 2), int), np.zeros((2, 2), int)) is None


def test_every_feature_set_has_its_outcome(two_halves, default_named_backbone):
    outcomes = drain(compare_steps(two_halves, backbone=default_named_backbone)).outcomes
    assert [outcome.spec.features for outcome in outcomes] == ["classical", "vit", "hybrid", "auto"]
    assert outcomes[0].score.mean_iou > 0.9
    assert set(np.unique(outcomes[0].segmentation)) == {2, 7}
    assert outcomes[0].choice


def test_progress_names_the_feature_set(two_halves, default_named_backbone):
    said = {step.what for step in compare_steps(two_halves, backbone=default_named_backbone)}
    assert {"ViT features", "classical classifier", "auto classifier"} <= said


@pytest.mark.slow
def test_vit_features_beat_classical_ones_on_histology():
    outcomes = drain(compare_steps(histology(), device="cpu")).outcomes
    ious = {outcome.spec.features: outcome.score.mean_iou for outcome in outcomes}
    assert list(ious) == ["classical", "vit", "hybrid", "auto"]
    assert ious["classical"] > 0.85
    assert ious["vit"] > ious["classical"] + 0.03
    assert ious["auto"] > 0.9
