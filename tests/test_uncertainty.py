"""How sure a classifier is, by hand."""

import numpy as np
import pytest

from napari_vitrail.uncertainty import most_uncertain, uncertainty


def of(*probabilities):
    """Return the probabilities (k, 1, 1) of one pixel."""
    return np.array(probabilities)[:, None, None]


@pytest.mark.parametrize("measure", ["entropy", "margin"])
def test_certain_is_zero_and_undecided_is_one(measure):
    assert uncertainty(of(1, 0, 0), measure) == pytest.approx(0)
    assert uncertainty(of(1 / 3, 1 / 3, 1 / 3), measure) == pytest.approx(1)


def test_entropy_counts_all_classes_and_margin_the_first_two():
    assert uncertainty(of(0.5, 0.5, 0), "entropy") == pytest.approx(np.log(2) / np.log(3))
    assert uncertainty(of(0.5, 0.5, 0), "margin") == pytest.approx(1)
    assert uncertainty(of(0.6, 0.1, 0.3), "margin") == pytest.approx(1 - (0.6 - 0.3))


def test_every_pixel_has_its_own():
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], (4, 5)).transpose(2, 0, 1)
    found = uncertainty(probabilities)
    assert found.shape == (4, 5)
    assert found[2, 3] == pytest.approx(uncertainty(probabilities[:, 2:3, 3:4])[0, 0])


@pytest.mark.parametrize(
    ("probabilities", "measure", "message"),
    [
        (np.ones((1, 3, 3)), "entropy", r"two classes or more, .*got shape \(1, 3, 3\)"),
        (np.ones((3, 3)), "entropy", r"got shape \(3, 3\)"),
        (np.ones((2, 3, 3)) / 2, "doubt", "'entropy', 'margin', got 'doubt'"),
    ],
)
def test_what_cannot_be_measured_is_said(probabilities, measure, message):
    with pytest.raises(ValueError, match=message):
        uncertainty(probabilities, measure)


def test_a_spot_counts_more_than_a_pixel():
    values = np.zeros((60, 80))
    values[10, 10] = 1
    values[40:50, 60:70] = 0.5
    row, column = most_uncertain(values)
    assert abs(row - 44.5) < 1
    assert abs(column - 64.5) < 1


def test_a_spot_that_was_painted_is_not_offered_again():
    values = np.zeros((60, 80))
    values[8:18, 8:18], values[40:50, 60:70] = 0.4, 0.5
    painted = np.zeros(values.shape, bool)
    painted[44:46, 60:70] = True
    row, column = most_uncertain(values, painted)
    assert abs(row - 12.5) < 1
    assert abs(column - 12.5) < 1
