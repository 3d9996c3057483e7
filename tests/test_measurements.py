"""Measurements of squares and bars, checked by hand."""

from __future__ import annotations

import csv
import os

import numpy as np
import pytest

from napari_vitrail import join_tables, measure, write_csv


@pytest.fixture
def objects():
    """Return a square of five pixels a side, a bar, and a single pixel."""
    instances = np.zeros((20, 30), np.int32)
    instances[10:15, 4:9] = 1
    instances[2, 10:20] = 2
    instances[18, 28] = 3
    return instances


def test_size_and_place_are_in_pixels(objects):
    table = measure(objects)
    assert table["index"].tolist() == [1, 2, 3]
    assert table["area"].tolist() == [25, 10, 1]
    assert table["row"].tolist() == [12, 2, 18]
    assert table["column"].tolist() == [6, 14.5, 28]
    assert table["eccentricity"][1] > 0.99
    assert table["solidity"][0] == pytest.approx(1)


def test_with_a_spacing_columns_say_their_unit(objects):
    table = measure(objects, spacing=(0.5, 0.5))
    assert table["area_um2"].tolist() == [6.25, 2.5, 0.25]
    assert table["perimeter_um"][0] == pytest.approx(8)
    assert table["equivalent_diameter_um"][2] == pytest.approx(np.sqrt(0.25 * 4 / np.pi))
    assert table["row"].tolist() == [12, 2, 18]
    assert "area" not in table


def test_oblong_pixels_have_an_area_and_no_perimeter(objects):
    table = measure(objects, spacing=(1, 0.5), unit="mm")
    assert table["area_mm2"].tolist() == [12.5, 5, 0.5]
    assert not any(name.startswith("perimeter") for name in table)


def test_objects_are_called_by_their_class(objects):
    segmentation = np.where(objects == 2, 7, 2)
    assert measure(objects, segmentation=segmentation)["class"].tolist() == [2, 7, 2]
    named = measure(objects, segmentation=segmentation, class_names={7: "fibre"})
    assert named["class"].tolist() == ["class 2", "fibre", "class 2"]
    assert list(named)[:2] == ["index", "class"]


def test_grey_values_are_measured_in_every_channel(objects):
    grey = np.arange(objects.size).reshape(objects.shape)
    assert measure(objects, image=grey)["intensity_mean"][2] == 18 * 30 + 28
    colour = measure(objects, image=np.stack([grey, grey * 2], axis=2))
    assert colour["intensity_max_1"][2] == 2 * (18 * 30 + 28)


def test_volumes_of_a_stack(objects):
    table = measure(np.stack([objects] * 4), spacing=(2, 0.5, 0.5))
    assert table["volume_um3"].tolist() == [50, 20, 2]
    assert table["plane"].tolist() == [1.5, 1.5, 1.5]
    assert "perimeter_um" not in table


def test_no_objects_are_an_empty_table():
    table = measure(np.zeros((5, 5), int), segmentation=np.ones((5, 5), int), class_names={1: "one"})
    assert {len(column) for column in table.values()} == {0}


def test_a_table_becomes_a_file(objects, tmp_path):
    segmentation = np.where(objects == 2, 7, 2)
    table = measure(objects, segmentation=segmentation, class_names={7: "fibre, längs", 2: "cell"})
    write_csv(tmp_path / "new" / "objects.csv", table)
    with (tmp_path / "new" / "objects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == ["cell", "fibre, längs", "cell"]
    assert [float(row["area"]) for row in rows] == [25, 10, 1]


@pytest.mark.skipif(os.name == "nt", reason="folders are written to by permission elsewhere")
def test_a_folder_that_is_a_file_is_an_error_and_leaves_nothing(objects, tmp_path):
    (tmp_path / "folder").write_text("not one")
    with pytest.raises(OSError, match="folder"):
        write_csv(tmp_path / "folder" / "objects.csv", measure(objects))
    assert (tmp_path / "folder").read_text() == "not one"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"instances": np.ones(3, int)}, r"instances must be \(H, W\) or \(Z, H, W\), got shape \(3,\)"),
        ({"instances": np.ones((3, 3))}, "instances must hold whole numbers, got data type float64"),
        (
            {"segmentation": np.ones((3, 3), int)},
            r"segmentation must have .*\(20, 30\), got \(3, 3\)",
        ),
        ({"image": np.ones((3, 3))}, r"image must have the shape .*, got \(3, 3\)"),
        ({"spacing": (1,)}, r"spacing must be 2 sizes of more than 0, got \(1,\)"),
        ({"spacing": (1, 0)}, r"spacing must be 2 sizes of more than 0, got \(1, 0\)"),
        ({"unit": "µm²/"}, "unit must be letters and digits such as 'um'"),
    ],
)
def test_what_cannot_be_measured_is_said(objects, arguments, message):
    with pytest.raises(ValueError, match=message):
        measure(**{"instances": objects, **arguments})


def test_tables_of_several_planes_are_one_that_says_which():
    instances = np.array([[1, 1, 0, 2]])
    tables = [measure(instances), measure(np.zeros_like(instances)), measure(instances[:, :3])]
    joined = join_tables(tables, [{"plane": 0}, {"plane": 1}, {"plane": 4}])
    assert list(joined)[:2] == ["index", "plane"]
    assert joined["plane"].tolist() == [0, 0, 4]
    assert joined["area"].tolist() == [2, 1, 2]


def test_tables_that_do_not_fit_each_other_are_refused():
    table = measure(np.array([[1, 1]]))
    with pytest.raises(ValueError, match="one for each table, got 1 for 2"):
        join_tables([table, table], [{"plane": 0}])
    with pytest.raises(ValueError, match="same columns"):
        join_tables([table, {"index": table["index"]}], [{"plane": 0}, {"plane": 1}])
