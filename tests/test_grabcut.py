"""GrabCut on a square whose colour differs from its surroundings."""

from importlib.util import find_spec

import numpy as np
import pytest

from napari_vitrail import GrabCut, MissingExtra, drain, refine

needs_opencv = pytest.mark.skipif(find_spec("cv2") is None, reason="the extra 'refine' is not installed")


@pytest.fixture
def square():
    """Return a noisy red square on green, where it is, and a mask that is 4 pixels off."""
    rng = np.random.default_rng(0)
    truth = np.zeros((80, 90), bool)
    truth[20:60, 25:70] = True
    image = np.where(truth[..., None], [200, 40, 40], [40, 160, 60]) + rng.integers(-20, 20, (80, 90, 3))
    return image.astype(np.uint8), truth, np.roll(truth, (4, 4), (0, 1))


def probabilities(mask):
    return np.stack([~mask, mask]).astype(np.float32)


@needs_opencv
def test_a_mask_moves_to_where_the_colour_ends(square):
    image, truth, mask = square
    cut = drain(GrabCut(border=15).refined_steps(probabilities(mask), image))[1] > 0.5
    assert np.mean(mask != truth) > 0.08
    assert np.mean(cut != truth) < 0.002


@needs_opencv
def test_the_same_mask_is_cut_the_same_way_twice(square):
    image, _, mask = square
    first, second = (refine(probabilities(mask), GrabCut(), image=image) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@needs_opencv
@pytest.mark.parametrize("kind", [np.zeros, np.ones], ids=["empty", "full"])
def test_a_mask_without_object_or_background_stays_as_it_is(kind, square):
    mask = kind((80, 90), bool)
    with pytest.warns(UserWarning, match="leaves a mask as it is"):
        cut = drain(GrabCut().refined_steps(probabilities(mask), square[0]))
    np.testing.assert_array_equal(cut, probabilities(mask))


def test_what_cannot_be_cut_is_said(square, monkeypatch):
    image, _, mask = square
    with pytest.raises(ValueError, match="image must be given for GrabCut"):
        drain(GrabCut().refined_steps(probabilities(mask)))
    with pytest.raises(ValueError, match="2 classes, got 3"):
        drain(GrabCut().refined_steps(np.ones((3, 80, 90), np.float32), image))
    with pytest.raises(ValueError, match="border must be at least 1, got 0"):
        GrabCut(border=0)
    monkeypatch.setattr("napari_vitrail.grabcut.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"napari-vitrail\[refine\]"):
        drain(GrabCut().refined_steps(probabilities(mask), image))
