"""What is said of points and boxes that were followed through films."""

import pytest

from evals.tracks import OURS, STAYS, ThereAndBack, tracks_rows, tracks_section
from tests.evals.films import square_film


@pytest.fixture
def film(tmp_path, monkeypatch):
    square_film(tmp_path, (16, 24, 16))
    monkeypatch.setenv("VITRAIL_EVAL_DATA", str(tmp_path))


def test_a_film_goes_there_and_back():
    assert [ThereAndBack("abc")[index] for index in range(5)] == ["a", "b", "c", "b", "a"]


@pytest.mark.slow
def test_boxes_and_points_of_a_film_are_told_apart(film):
    rows = list(tracks_rows(["boxes", "points"], [], 3))
    stays = [row["iou"] for row in rows if row["set"] == "boxes" and row["recipe"] == STAYS]
    assert stays == [pytest.approx(3 / 5, abs=1e-3), 1]  # moved by a quarter of itself, and back
    ours = [row for row in rows if row["set"] == "points" and row["recipe"] == OURS]
    assert len(ours) == 24
    assert all(row["error"] >= 0 and 0 <= row["on_thing"] <= 1 for row in ours)


def test_the_page_has_medians_of_points_and_means_of_boxes():
    rows = [{"set": "boxes", "video": "dog", "recipe": OURS, "frame": 1, "iou": iou} for iou in (0.5, 1)]
    rows += [
        {"set": "points", "video": "dog", "recipe": OURS, "point": 0, "error": error, "on_thing": 0.5}
        for error in (1, 2, 9)
    ]
    page = tracks_section(rows, "command", "weights")
    assert f"| {OURS} | 0.75 |" in page
    assert f"| {OURS} | 2.0 (0.50) |" in page
