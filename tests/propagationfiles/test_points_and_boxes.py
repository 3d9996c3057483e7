"""``vitrail propagate`` with points and boxes, from tables to tables."""

import numpy as np
import pandas as pd
import pytest

from napari_vitrail import FeatureStore, cli, propagate_boxes, propagate_points
from tests.propagationfiles.conftest import LEFTS, MOVIE

POINTS = np.array([[14.0, 6.0], [30.0, 20.0]])
BOX = np.array([[12.0, 4.0, 36.0, 28.0]])
FOUND = ["confidence", "visible", "by_hand"]


def run(*words):
    return cli.main(["propagate", "movie", "-o", "out.csv", *words])


@pytest.fixture
def settings(tiny, tiny_backbone):
    return {"spec": tiny, "backbone": tiny_backbone, "store": FeatureStore()}


@pytest.fixture
def napari_points(folder):
    """Write two points of frame 0 as napari saves them of a Points layer."""
    rows = pd.DataFrame({"axis-0": 0.0, "axis-1": POINTS[:, 0], "axis-2": POINTS[:, 1]})
    rows.to_csv("points.csv", index_label="index")
    return folder


def test_points_are_where_the_library_follows_them_to(napari_points, settings, capsys):
    assert run("--points", "points.csv") == 0
    tracks = propagate_points(MOVIE, {0: POINTS}, **settings)
    table = pd.read_csv("out.csv")
    assert table.columns.tolist() == ["id", "frame", "row", "column", *FOUND]
    assert table[["id", "frame"]].to_numpy().tolist() == np.column_stack([tracks.ids, tracks.frames]).tolist()
    np.testing.assert_allclose(table[["row", "column"]], tracks.points, atol=0.005)
    np.testing.assert_allclose(table["confidence"], tracks.confidence, atol=5e-5)
    assert table["visible"].tolist() == tracks.visible.tolist()
    assert table["by_hand"].tolist() == tracks.given.tolist()
    said = capsys.readouterr().out.splitlines()
    assert said == [f"2 points in 6 frames, seen in {tracks.visible.mean():.0%} of their places", "out.csv"]


def test_an_earlier_table_says_again_what_was_given_to_it(napari_points, tiny):
    assert run("--points", "points.csv") == 0
    (napari_points / "out.csv").rename("earlier.csv")
    assert run("--points", "earlier.csv") == 0
    assert (napari_points / "out.csv").read_text() == (napari_points / "earlier.csv").read_text()


def test_tables_that_a_spreadsheet_has_saved_are_read(folder, tiny):
    (folder / "sheet.csv").write_text("id,frame,row,column,by_hand\n4,0,24,16,TRUE\n4,5,24,36,FALSE\n")
    assert run("--points", "sheet.csv") == 0
    table = pd.read_csv("out.csv")
    assert table[table["by_hand"]][["id", "frame", "row", "column"]].to_numpy().tolist() == [[4, 0, 24, 16]]


def test_of_tables_of_one_frame_the_later_counts_with_its_ids(napari_points, tiny):
    (napari_points / "named.csv").write_text("id,frame,row,column\n4,0,24,16\n9,0,20,10\n")
    assert run("--points", "named.csv", "points.csv") == 0
    assert set(pd.read_csv("out.csv")["id"]) == {0, 1}
    assert run("--points", "points.csv", "named.csv") == 0
    assert set(pd.read_csv("out.csv")["id"]) == {4, 9}


def test_points_of_one_frame_need_its_number(folder, tiny, capsys):
    pd.DataFrame(POINTS, columns=["axis-0", "axis-1"]).to_csv("plane.csv", index_label="index")
    assert run("--points", "plane.csv") == cli.MISUSED
    assert "plane.csv is of one frame: say of which, as in 0=plane.csv" in capsys.readouterr().err
    assert run("--points", "2=plane.csv", "--direction", "forward") == 0
    table = pd.read_csv("out.csv")
    assert sorted(set(table["frame"])) == [2, 3, 4, 5]
    np.testing.assert_array_equal(table[table["by_hand"]][["row", "column"]], POINTS)


def test_boxes_are_where_the_library_follows_them_to(folder, settings):
    pd.DataFrame(
        {"frame": [0], "id": [5], "left_px": [4], "top_px": [12], "width_px": [24], "height_px": [24]}
    ).to_csv("boxes.csv", index=False)
    assert run("--boxes", "boxes.csv") == 0
    found = propagate_boxes(MOVIE, {0: BOX}, ids={0: np.array([5])}, **settings)
    table = pd.read_csv("out.csv")
    sides = ["left_px", "top_px", "width_px", "height_px"]
    assert table.columns.tolist() == ["id", "frame", *sides, *FOUND]
    assert table["id"].tolist() == [5] * len(LEFTS)
    y0, x0, y1, x1 = found.boxes.T
    np.testing.assert_allclose(table[sides], np.column_stack([x0, y0, x1 - x0, y1 - y0]), atol=0.0051)


def test_rectangles_of_napari_are_boxes(folder, tiny):
    corners = [(11.5, 3.5), (11.5, 27.5), (35.5, 27.5), (35.5, 3.5)]  # a pixel's centre is an integer
    rows = [(0, "rectangle", vertex, 0.0, *corner) for vertex, corner in enumerate(corners)]
    names = ["index", "shape-type", "vertex-index", "axis-0", "axis-1", "axis-2"]
    pd.DataFrame(rows, columns=names).to_csv("shapes.csv", index=False)
    assert run("--boxes", "shapes.csv") == 0
    first = pd.read_csv("out.csv").iloc[0]
    assert first[["left_px", "top_px", "width_px", "height_px"]].tolist() == [4, 12, 24, 24]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--points", "first.png"), "first.png must be text in UTF-8"),
        (("--points", "9=points.csv"), "points.csv must be of frames 0 to 5, got 9"),
        (("--points", "points.csv", "5=named.csv"), "points.csv must have a column id, as other tables have"),
        (("--boxes", "points.csv"), "points.csv, line 1, must name frame, left_px"),
        (("--points", "empty.csv"), "empty.csv: no row says where anything is, by hand"),
        (("--points", "points.csv", "--resume"), "--resume must be left out with --points"),
        (("--points", "points.csv", "--topk", "3", "--gone-below", "0"), "--topk, --gone-below must be left"),
        (("--boxes", "boxes.csv", "--mode", "dense"), "--mode must be left out with --boxes"),
        (("--points", "points.csv", "-o", "out.tif"), "--output must end in .csv for points and boxes"),
        (("--points", "points.csv", "-o", "points.csv"), "points.csv is an input and is not overwritten"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(napari_points, tiny, capsys, words, message):
    (napari_points / "empty.csv").write_text("index,axis-0,axis-1,axis-2\n")
    (napari_points / "named.csv").write_text("id,frame,row,column\n1,5,20,20\n")
    before = sorted(napari_points.rglob("*"))
    assert run(*words) == cli.MISUSED
    assert message in capsys.readouterr().err
    assert sorted(napari_points.rglob("*")) == before
