import numpy as np
import pytest

from evals.pages import read_rows, table, write_rows
from evals.sampling import sampling_section
from evals.scores import interval, interval_of_sets, mean_iou


def test_mean_iou_averages_classes_and_ignores_the_unknown():
    truth = np.array([0, 1, 1, 1, 2])
    found = np.array([2, 1, 1, 2, 2])
    assert mean_iou(truth, found) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_interval_holds_the_mean_and_shrinks_to_it():
    low, high = interval([[0.4], [0.5], [0.6]])
    assert low < 0.5 < high
    assert interval([[0.5], [0.5]]) == (0.5, 0.5)


def test_interval_of_one_image_is_over_its_seeds():
    low, high = interval([[0.4, 0.6]])
    assert (low, high) == (0.4, 0.6)


def test_interval_of_sets_counts_every_set_the_same():
    assert interval_of_sets([[[0.2], [0.2], [0.2]], [[0.6]]]) == pytest.approx((0.4, 0.4))
    low, high = interval_of_sets([[[0.1], [0.3]], [[0.6]]])
    assert (low, high) == pytest.approx((0.35, 0.45))


def test_rows_of_a_run_that_was_cut_short_are_kept(tmp_path):
    def measured():
        yield row("a", "auto", "x", 0.5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path / "rows.jsonl", measured())
    assert not (tmp_path / "rows.jsonl").exists()
    assert read_rows(tmp_path / "rows.jsonl.part") == [row("a", "auto", "x", 0.5)]


def row(name, recipe, image, iou, seed=0):
    return {"set": name, "recipe": recipe, "image": image, "iou": iou, "seed": seed}


def test_gain_is_on_the_best_classical_recipe_of_each_set():
    rows = [
        row("a", "classical + one", "x", 0.5),
        row("a", "classical + two", "x", 0.6),
        row("a", "auto", "x", 0.75),
        row("b", "classical + one", "y", 0.8),
        row("b", "classical + two", "y", 0.4),
        row("b", "auto", "y", 0.7),
    ]
    assert "| auto | 0.750 | 0.700 | 0.725 | +0.025 | -0.100 |" in table(rows, ("a", "b"))


def test_seeds_of_an_image_are_averaged_before_images():
    rows = [
        row("a", "classical", "x", 0.2),
        row("a", "classical", "x", 0.4, seed=1),
        row("a", "classical", "y", 0.9),
    ]
    assert "| classical | 0.600 " in table(rows)


def test_samplings_are_compared_image_by_image():
    rows = [
        row("a", "vit", image, iou) | {"sampling": sampling, "stride": 4}
        for image, sampling, iou in [
            ("x", "queries", 0.5), ("x", "strided", 0.4), ("y", "queries", 0.9), ("z", "strided", 0.1),
        ]
    ]  # fmt: skip
    text = sampling_section(rows, "command", "weights")
    assert "| a | 1 | 0.500 | 0.400 | +0.100 |" in text
    assert "| mean of sets | | | | +0.100 (+0.100 to +0.100) |" in text
