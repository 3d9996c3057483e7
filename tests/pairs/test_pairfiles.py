"""Files of pairs: what is saved is loaded, what others write is read, faults are named with their line."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from napari_vitrail import (
    Correspondences,
    fit_alignment,
    load_bigwarp,
    load_napari_points,
    load_pairs,
    save_bigwarp,
    save_napari_points,
    save_pairs,
)

IDS = [4, 0, 9]
STATUS = ("locked", "rejected", "proposed")


@pytest.fixture
def found():
    return Correspondences(
        np.array([[1.25, 2], [1 / 3, 40], [100, 7e-5]]),
        np.array([[11.0, 12], [13, 14.5], [-1, 99]]),
        [0.9, 0.1, np.nan],
        [0.5, np.nan, 0.25],
        [1e-3, 2, 3],
    )


def assert_same(loaded, found, *, scores=False):
    np.testing.assert_array_equal(loaded.points0, found.points0)
    np.testing.assert_array_equal(loaded.points1, found.points1)
    for name in ("similarity", "saliency", "cycle_error") if scores else ():
        np.testing.assert_array_equal(getattr(loaded, name), getattr(found, name))


def test_pairs_come_back_bit_for_bit(tmp_path, found):
    save_pairs(tmp_path / "pairs.csv", found, ids=IDS, status=STATUS)
    loaded = load_pairs(tmp_path / "pairs.csv")
    assert_same(loaded.correspondences, found, scores=True)
    assert loaded.ids.tolist() == IDS
    assert loaded.status == STATUS


def test_the_table_is_readable(tmp_path, found):
    save_pairs(tmp_path / "pairs.csv", found, status="proposed")
    lines = (tmp_path / "pairs.csv").read_text().splitlines()
    assert lines[0] == "id,row0,column0,row1,column1,similarity,saliency,cycle_error,status"
    assert lines[1] == "0,1.25,2.0,11.0,12.0,0.9,0.5,0.001,proposed"
    assert lines[3] == "2,100.0,7e-05,-1.0,99.0,,0.25,3.0,proposed"


def test_no_pairs_are_a_file_too(tmp_path):
    nothing = Correspondences(np.empty((0, 2)), np.empty((0, 2)))
    save_pairs(tmp_path / "pairs.csv", nothing)
    save_bigwarp(tmp_path / "landmarks.csv", nothing)
    save_napari_points(tmp_path / "0.csv", tmp_path / "1.csv", nothing)
    assert len(load_pairs(tmp_path / "pairs.csv").correspondences) == 0
    assert len(load_bigwarp(tmp_path / "landmarks.csv").correspondences) == 0
    assert len(load_napari_points(tmp_path / "0.csv", tmp_path / "1.csv").correspondences) == 0


def test_a_table_from_a_spreadsheet_needs_the_points_only(tmp_path):
    text = "\ufeffnote,column0,row0,column1,row1\r\nnose,2,1,4,3\r\n\r\n'ear',6,5,8,7\r\n"
    (tmp_path / "pairs.csv").write_bytes(text.encode())
    loaded = load_pairs(tmp_path / "pairs.csv")
    assert loaded.correspondences.points0.tolist() == [[1, 2], [5, 6]]
    assert loaded.correspondences.points1.tolist() == [[3, 4], [7, 8]]
    assert np.isnan(loaded.correspondences.similarity).all()
    assert loaded.ids.tolist() == [0, 1]
    assert loaded.status == ("accepted", "accepted")


def test_pandas_reads_the_table_and_what_it_writes_is_read(tmp_path, found):
    pandas = pytest.importorskip("pandas")
    save_pairs(tmp_path / "pairs.csv", found, ids=IDS, status=STATUS)
    pandas.read_csv(tmp_path / "pairs.csv").to_csv(tmp_path / "again.csv")  # with a column that has no name
    loaded = load_pairs(tmp_path / "again.csv")
    assert_same(loaded.correspondences, found, scores=True)
    assert loaded.status == STATUS


HEAD = "id,row0,column0,row1,column1,status\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "must begin with the names of columns, and is empty"),
        ("\n\n", "is empty"),
        (
            "index,axis-0,axis-1\n0,1,2\n",
            "line 1, must name the columns row0, column0, row1, column1, got index",
        ),
        ("id;row0;column0;row1;column1\n", "line 1, must name the columns"),
        (HEAD + "0,1,2,3,4,accepted\n1,2,3\n", "line 3, must have 6 cells, got 3"),
        (HEAD + "0,1,2,x,4,accepted\n", "line 2, must have a number there, got 'x'"),
        (HEAD + "0,1,,3,4,accepted\n", "line 2, must have a number there, got ''"),
        (HEAD + "0,1,nan,3,4,accepted\n", "line 2, must have a number there, got 'nan'"),
        (HEAD + "\n\n0,1,inf,3,4,accepted\n", "line 4, must have a number there, got 'inf'"),
        (HEAD + "0.5,1,2,3,4,accepted\n", "line 2, must have a whole number for id, got 0.5"),
        (
            HEAD + "7,1,2,3,4,locked\n7,1,2,3,4,locked\n",
            "line 3, must have an id of its own, got that of line 2",
        ),
        (
            HEAD + "0,1,2,3,4,maybe\n",
            "line 2, must have a status of proposed, accepted, locked, rejected, got 'm",
        ),
        (HEAD + '0,1,2,3,"4,accepted\n', "line 2, must be comma-separated values"),
    ],
)
def test_a_damaged_or_foreign_file_is_named_with_its_line(tmp_path, text, fault):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"pairs\.csv.*{fault}"):
        load_pairs(tmp_path / "pairs.csv")


@pytest.mark.parametrize("load", [load_pairs, load_bigwarp])
def test_a_file_that_is_no_text_is_an_error(tmp_path, load):
    (tmp_path / "image.tif").write_bytes(b"II*\x00\xff\xfe\x00\x80" * 40)
    with pytest.raises(ValueError, match=r"image\.tif must be text in UTF-8"):
        load(tmp_path / "image.tif")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.csv")


def test_what_does_not_fit_the_pairs_is_not_written(tmp_path, found):
    path = tmp_path / "pairs.csv"
    path.write_text("as before")
    for ids in ([1, 2], [1, 1, 2], [0.5, 1, 2]):
        with pytest.raises(ValueError, match="ids must be 3 different whole numbers"):
            save_pairs(path, found, ids=ids)
    for status in ("maybe", ["locked"], ["locked", "accepted", "?"]):
        with pytest.raises(ValueError, match="status must be 3 of proposed, accepted, locked, rejected"):
            save_pairs(path, found, status=status)
    with pytest.raises(ValueError, match="spacing must be two sizes of more than 0"):
        save_bigwarp(path, found, spacing1=(0, 1))
    assert path.read_text() == "as before"


def test_points_come_back_in_pairs(tmp_path, found):
    save_napari_points(tmp_path / "0.csv", tmp_path / "1.csv", found, ids=IDS)
    loaded = load_napari_points(tmp_path / "0.csv", tmp_path / "1.csv")
    assert_same(loaded.correspondences, found)
    assert loaded.ids.tolist() == IDS
    assert set(loaded.status) == {"accepted"}


def test_napari_opens_the_points_with_their_ids(tmp_path, found):
    read = pytest.importorskip("napari_builtins.io").csv_to_layer_data
    save_napari_points(tmp_path / "0.csv", tmp_path / "1.csv", found, ids=IDS)
    for name, points in (("0.csv", found.points0), ("1.csv", found.points1)):
        data, settings, kind = read(str(tmp_path / name), require_type="points")
        assert kind == "points"
        np.testing.assert_array_equal(data, points)
        assert settings["properties"]["id"].tolist() == IDS


def test_what_napari_saves_is_read_and_paired_by_id(tmp_path, found):
    write = pytest.importorskip("napari_builtins.io").napari_write_points
    write(str(tmp_path / "0.csv"), found.points0, {"properties": {"id": np.array(IDS)}})
    write(str(tmp_path / "1.csv"), found.points1[::-1], {"properties": {"id": np.array(IDS[::-1])}})
    loaded = load_napari_points(tmp_path / "0.csv", tmp_path / "1.csv")
    assert_same(loaded.correspondences, found)
    write(str(tmp_path / "1.csv"), found.points1, {})  # without ids, by place
    assert_same(load_napari_points(tmp_path / "0.csv", tmp_path / "1.csv").correspondences, found)


def test_points_without_partners_are_an_error(tmp_path, found):
    paths = tmp_path / "0.csv", tmp_path / "1.csv"
    save_napari_points(*paths, found, ids=IDS)
    paths[1].write_text("index,axis-0,axis-1,id\n0,1,2,4\n1,1,2,0\n2,1,2,77\n")
    with pytest.raises(ValueError, match=r"0\.csv, line 4, must have an id that is also in .*1\.csv, got 9"):
        load_napari_points(*paths)
    paths[1].write_text("index,axis-0,axis-1\n0,1,2\n")
    with pytest.raises(ValueError, match="must hold as many points, got 3 and 1"):
        load_napari_points(*paths)
    paths[1].write_text("index,axis-0,axis-1,axis-2\n0,1,2,3\n")
    with pytest.raises(ValueError, match=r"1\.csv must hold points of a plane"):
        load_napari_points(*paths)


def test_landmarks_are_written_as_bigwarp_does(tmp_path, found):
    path = tmp_path / "landmarks.csv"
    save_bigwarp(path, found, spacing0=(0.5, 0.25), spacing1=(2, 4), ids=IDS, status=STATUS)
    lines = path.read_text().splitlines()
    assert lines[0] == '"Pt-4","true","48.0","22.0","0.5","0.625"'  # moving x, y, then target x, y
    assert lines[1].startswith('"Pt-0","false","58.0","26.0","10.0",')
    assert len(lines) == 3
    with path.open(newline="") as file:
        assert all(len(row) == 6 for row in csv.reader(file))


@pytest.mark.parametrize("moving", [0, 1])
def test_landmarks_come_back_in_pixels(tmp_path, found, moving):
    scales = {"moving": moving, "spacing0": (0.5, 0.25), "spacing1": (2, 4)}
    save_bigwarp(tmp_path / "landmarks.csv", found, ids=IDS, status=STATUS, **scales)
    loaded = load_bigwarp(tmp_path / "landmarks.csv", **scales)
    assert_same(loaded.correspondences, found)
    assert loaded.ids.tolist() == IDS
    assert loaded.status == ("accepted", "rejected", "accepted")


def test_landmarks_of_bigwarp_itself(tmp_path):
    lines = [
        '"Pt-0","true","1518.4","1961.0","0.0","1450.5","1997.8","0.0"',
        '"mouth","false","10.0","20.0","0.0","30.0","40.0","0.0"',
        '"Pt-2","false","10.0","20.0","0.0","Infinity","Infinity","Infinity"',  # no partner yet
    ]
    (tmp_path / "landmarks.csv").write_text("\n".join(lines))
    loaded = load_bigwarp(tmp_path / "landmarks.csv")
    assert loaded.correspondences.points1.tolist() == [[1961, 1518.4], [20, 10]]
    assert loaded.correspondences.points0.tolist() == [[1997.8, 1450.5], [40, 30]]
    assert loaded.status == ("accepted", "rejected")
    assert loaded.ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("id,row0,column0,row1,column1,status", 'must be "name","true","x","y","x","y"'),
        ('"Pt-1","true","1","2","3"', "must be .name"),
        ('"Pt-1","true","1","2","3","?"', r"must have a number there, got '\?'"),
        ('"Pt-1","true","1","2","5.0","1","2","0.0"', "must be a landmark of planes, or at z = 0"),
    ],
)
def test_what_is_no_landmark_is_named_with_its_line(tmp_path, line, fault):
    (tmp_path / "landmarks.csv").write_text('"Pt-0","true","1","2","3","4"\n' + line + "\n")
    with pytest.raises(ValueError, match=rf"landmarks\.csv, line 2, {fault}"):
        load_bigwarp(tmp_path / "landmarks.csv")


def test_saved_pairs_fit_the_same_alignment(tmp_path):
    points = np.random.default_rng(0).uniform(0, 500, (30, 2))
    found = Correspondences(points, points @ [[0.9, 0.2], [-0.1, 1.1]])
    save_pairs(tmp_path / "pairs.csv", found)
    loaded = load_pairs(tmp_path / "pairs.csv").correspondences
    first, second = (fit_alignment(pairs.points1, pairs.points0) for pairs in (found, loaded))
    np.testing.assert_array_equal(first.matrix, second.matrix)
