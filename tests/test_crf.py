"""The dense CRF, beside plain sums over all pairs of pixels, and in a process of its own."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_vitrail import ComputeError, DenseCRF, LayeredImage, MissingExtra, drain, refine, refine_steps
from napari_vitrail.crf import infer


@pytest.fixture
def package():
    """Skip a test where the extra is not installed."""
    pytest.importorskip("pydensecrf", reason="the extra crf is not installed")


@pytest.fixture(scope="module")
def guide():
    """Return coloured noise."""
    return np.random.default_rng(0).integers(0, 60, (24, 24, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def probabilities():
    """Return the probabilities of three classes in smooth patches."""
    rng = np.random.default_rng(1)
    rough = np.stack([gaussian_filter(rng.normal(size=(24, 24)), 2) for _ in range(3)])
    return (np.exp(8 * rough) / np.exp(8 * rough).sum(axis=0)).astype(np.float32)


def by_pairs(probabilities, guide, crf):
    """Return what mean-field inference makes of probabilities, in plain sums over all pairs."""
    count, height, columns = probabilities.shape
    places = np.argwhere(np.ones((height, columns))).astype(float)
    colours = guide.reshape(-1, 3).astype(float)
    apart = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    unlike = ((colours[:, None] - colours[None]) ** 2).sum(axis=2)
    near = np.exp(-apart / crf.near_distance**2 / 2)
    alike = np.exp(-apart / crf.colour_distance**2 / 2 - unlike / crf.colour_difference**2 / 2)
    kernels = [own / np.sqrt(np.outer(own.sum(axis=1), own.sum(axis=1))) for own in (near, alike)]
    weights = (crf.near_weight, crf.colour_weight)
    own = np.log(np.maximum(probabilities, 1e-5)).reshape(count, -1)
    beliefs = softmax(own)
    for _ in range(crf.n_iterations):
        said = [weight * beliefs @ kernel for weight, kernel in zip(weights, kernels, strict=True)]
        beliefs = softmax(own + said[0] + said[1])
    return beliefs.reshape(probabilities.shape)


def softmax(energies):
    exponential = np.exp(energies - energies.max(axis=0))
    return exponential / exponential.sum(axis=0)


@pytest.mark.usefixtures("package")
def test_the_inference_is_the_published_one(probabilities, guide):
    crf = DenseCRF(near_weight=1, colour_weight=1, colour_distance=6, colour_difference=40, n_iterations=4)
    expected, found = by_pairs(probabilities, guide, crf), infer(probabilities, guide, crf)
    assert (expected.argmax(axis=0) == found.argmax(axis=0)).mean() > 0.97
    assert abs(expected - found).mean() < 0.03


@pytest.mark.usefixtures("package")
def test_the_other_process_gives_the_same_answer(probabilities, guide):
    crf = DenseCRF(n_iterations=3, colour_distance=20)
    apart = drain(crf.refined_steps(probabilities, guide))
    np.testing.assert_array_equal(apart, infer(probabilities, guide, crf))


@pytest.mark.usefixtures("package")
def test_other_grey_values_are_brought_to_colours(probabilities, guide):
    crf = DenseCRF(n_iterations=2)
    grey = guide[..., 0]
    answers = [drain(crf.refined_steps(probabilities, own)) for own in (grey.astype(np.uint16) * 9, grey / 3)]
    assert (answers[0].argmax(axis=0) == answers[1].argmax(axis=0)).mean() > 0.99


@pytest.mark.usefixtures("package")
def test_further_channels_are_not_looked_at(probabilities, guide):
    layered = LayeredImage(guide, {"depth": np.zeros(guide.shape[:2])})
    crf = DenseCRF(n_iterations=2)
    np.testing.assert_array_equal(
        refine(probabilities, crf, image=layered), refine(probabilities, crf, image=guide)
    )


@pytest.mark.usefixtures("package")
def test_closing_ends_it(probabilities, guide):
    steps = refine_steps(
        np.tile(probabilities, (1, 9, 9)), DenseCRF(n_iterations=10_000), image=np.tile(guide, (9, 9, 1))
    )
    next(steps)
    start = time.monotonic()
    steps.close()
    assert time.monotonic() - start < 1


@pytest.mark.usefixtures("package")
def test_a_failure_is_said_in_its_last_line(probabilities, guide, monkeypatch):
    monkeypatch.setattr("napari_vitrail.crf._INPUTS", "elsewhere.npz")
    with pytest.raises(ComputeError, match=r"the dense CRF failed: FileNotFoundError.*inputs.npz"):
        refine(probabilities, DenseCRF(), image=guide)


def test_a_missing_package_is_said_with_the_line_that_installs_it(monkeypatch, probabilities, guide):
    monkeypatch.setattr("napari_vitrail.crf.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'napari-vitrail\[crf\]'"):
        refine(probabilities, DenseCRF(), image=guide)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"colour_distance": 0}, "colour_distance must be more than 0 and finite, got 0"),
        ({"near_weight": -1}, "near_weight must be 0 or more and finite, got -1"),
        ({"n_iterations": 0}, "n_iterations must be more than 0 and finite, got 0"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        DenseCRF(**settings)
