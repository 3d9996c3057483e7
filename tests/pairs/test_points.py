"""Points of one image from a file."""

import numpy as np
import pytest

from napari_vitrail import Correspondences, load_points, save_napari_points, save_pairs

PAIRS = Correspondences([(1.5, 2), (30, 4.25), (5, 60)], [(7, 8), (9, 10), (11, 12)])


def test_a_points_layer_of_napari_is_read(tmp_path):
    save_napari_points(tmp_path / "0.csv", tmp_path / "1.csv", PAIRS, ids=[4, 2, 9])
    saved = load_points(tmp_path / "1.csv")
    np.testing.assert_array_equal(saved.points, PAIRS.points1)
    np.testing.assert_array_equal(saved.ids, [4, 2, 9])


def test_points_that_napari_saved_without_ids_are_counted(tmp_path):
    (tmp_path / "p.csv").write_text("index,axis-0,axis-1\n0.0,3.5,4.0\n1.0,5.0,6.0\n", "utf-8")
    saved = load_points(tmp_path / "p.csv")
    np.testing.assert_array_equal(saved.points, [(3.5, 4), (5, 6)])
    np.testing.assert_array_equal(saved.ids, [0, 1])


def test_of_pairs_the_first_points_are_taken_but_for_rejected_ones(tmp_path):
    save_pairs(tmp_path / "p.csv", PAIRS, ids=[4, 2, 9], status=["accepted", "rejected", "proposed"])
    saved = load_points(tmp_path / "p.csv")
    np.testing.assert_array_equal(saved.points, PAIRS.points0[[0, 2]])
    np.testing.assert_array_equal(saved.ids, [4, 9])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with the names of columns"),
        ("x,y\n1,2\n", "line 1, must name the columns axis-0, axis-1, as of points of napari, or row0"),
        ("index,axis-0,axis-1,axis-2\n0,1,2,3\n", "must hold points of a plane"),
        ("index,shape-type,vertex-index,axis-0,axis-1\n0,path,0,2,3\n", "must name the columns axis-0"),
        ("index,axis-0,axis-1\n0,1,here\n", "line 2, must have a number there"),
    ],
)
def test_what_holds_no_points_of_a_plane_is_said(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=message):
        load_points(tmp_path / "p.csv")
