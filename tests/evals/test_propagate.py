"""What the page says of labels that were passed on through films."""

import pytest

from evals.propagate import COPIED, OURS, propagate_rows, propagate_section
from evals.videos import DAVIS, MEMBRANES
from tests.evals.films import square_film


@pytest.fixture
def film(tmp_path, monkeypatch):
    """Have one film of three frames, in which a square moves by half of itself and comes back."""
    square_film(tmp_path, (10, 20, 10), 20)
    monkeypatch.setenv("VITRAIL_EVAL_DATA", str(tmp_path))


def test_copied_labels_fit_where_nothing_has_moved(film):
    first, second, cost = propagate_rows([DAVIS], [COPIED], [], None)
    assert (first["video"], first["frame"], first["j"]) == ("square", 1, pytest.approx(1 / 3, abs=1e-4))
    assert (second["frame"], second["j"], second["f"]) == (2, 1, 1)
    assert cost == {"set": "cost", "recipe": COPIED, "seconds": 0}


def test_only_the_films_and_frames_asked_for_are_looked_at(film):
    assert [row["set"] for row in propagate_rows([DAVIS], [COPIED], ["another"], None)] == ["cost"]
    looked_at, _ = propagate_rows([DAVIS], [COPIED], ["square"], 2)
    assert looked_at["frame"] == 1


def rows_of(recipe, scores, name=DAVIS):
    return [
        {"set": name, "video": "dog", "recipe": recipe, "frame": frame, "j": j, "f": j / 2, "quality": j**2}
        for frame, j in enumerate(scores, start=1)
    ]


def test_the_page_has_means_the_last_quarter_and_the_cost():
    rows = [*rows_of(OURS, [0.9, 0.8, 0.7, 0.6]), {"set": "cost", "recipe": OURS, "seconds": 9.26}]
    page = propagate_section(rows, "command", "weights")
    assert f"| {OURS} | 0.750 | 0.750 | 0.375 | 0.600 | 9.3 |" in page
    assert f"| {OURS} | 1.00 | 1.00 |" in page  # quality and J fall together


def test_recipes_that_were_cut_short_are_compared_over_the_same_frames():
    rows = [*rows_of(OURS, [0.9, 0.8, 0.7, 0.6]), *rows_of("slow", [0.5, 0.4])]
    whole, start = propagate_section(rows, "command", "weights").split("frames 1 to 2")
    assert f"| {OURS} | 0.750 |" in whole
    assert "| slow | 0.4" not in whole
    assert f"| {OURS} | 0.850 |" in start
    assert "| slow | 0.450 |" in start
    assert start.count("| slow |") == 1  # and nothing is said of its quality


def test_quality_that_never_changes_says_nothing():
    page = propagate_section(rows_of(OURS, [0.5, 0.5]), "command", "weights")
    assert f"| {OURS} | 0.00 | 0.00 |" in page


def test_sections_are_shown_one_by_one():
    page = propagate_section(rows_of(OURS, [0.5, 0.25], MEMBRANES), "command", "weights")
    assert f"| {OURS} | 0.500 (0.250) | 0.250 (0.125) |" in page
