"""``vitrail objects``, from words to files."""

import json
from dataclasses import replace
from importlib.util import find_spec

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_vitrail import ComputeError, FeatureStore, GrabCut, cli, find_objects
from napari_vitrail.cli import _objects
from napari_vitrail.imagefile import read_image
from napari_vitrail.objects import DOCHERTY_OBJECTS, OBJECTS
from tests.objectfiles.conftest import things


def run(*words):
    return cli.main(["objects", *words])


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def spec_of(*words):
    return _objects._spec(cli.parser().parse_args(["objects", "set", "-o", "out", *words]))


def found_in(image, spec, backbone):
    """Return what the library finds; a store rounds what the network saw, and so does the command's."""
    return find_objects(image, spec, backbone=backbone, store=FeatureStore())


def decoded(segmentation):
    """Return the mask that COCO's run lengths stand for."""
    runs = segmentation["counts"]
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(segmentation["size"], order="F")


# ---- what is written ------------------------------------------------------------------------------


def test_labels_and_masks_are_those_of_the_library(folder, tiny, tiny_backbone):
    assert run("set", "-o", "out") == 0
    assert names(folder / "out" / "labels") == ["a.tif", "b.tif", "c.tif"]
    for name in "abc":
        found = found_in(read_image(f"set/{name}.png"), tiny, tiny_backbone).cut()
        labels, mask = (read_image(f"out/{kind}/{name}.tif") for kind in ("labels", "masks"))
        assert labels.dtype == mask.dtype == np.uint8
        np.testing.assert_array_equal(labels, found.labels)
        np.testing.assert_array_equal(mask, found.mask)


def test_the_table_of_classes_says_which_are_objects_and_how_large_they_are(folder, tiny):
    assert run("set", "-o", "out") == 0
    table = pd.read_csv("out/classes.csv")
    assert table["object"].dtype == bool
    for name in "abc":
        own = table[table["image"] == f"set/{name}.png"].set_index("label")
        labels, mask = (read_image(f"out/{kind}/{name}.tif") for kind in ("labels", "masks"))
        assert own.index.tolist() == np.unique(labels).tolist()
        for id_, row in own.iterrows():
            assert (mask[labels == id_] == row["object"]).all()
            assert row["area_px"] == (labels == id_).sum()
            assert row["share"] == pytest.approx((labels == id_).mean(), abs=1e-6)


def test_boxes_in_the_form_of_coco_are_those_of_the_library(folder, tiny, tiny_backbone):
    assert run("set", "-o", "out") == 0
    coco = json.loads((folder / "out" / "boxes.json").read_text())
    assert coco["categories"] == [{"id": 1, "name": "object", "supercategory": ""}]
    assert [image["file_name"] for image in coco["images"]] == ["set/a.png", "set/b.png", "set/c.png"]
    assert [each["id"] for each in coco["annotations"]] == list(range(1, len(coco["annotations"]) + 1))
    for image in coco["images"]:
        pixels = read_image(image["file_name"])
        assert (image["height"], image["width"]) == pixels.shape[:2]
        boxes = found_in(pixels, tiny, tiny_backbone).cut().boxes
        own = [each for each in coco["annotations"] if each["image_id"] == image["id"]]
        assert len(boxes) == len(own) > 0
        np.testing.assert_allclose([each["score"] for each in own], boxes.scores)
        assert [each["label"] for each in own] == boxes.classes.tolist()
        y0, x0, y1, x1 = boxes.corners.T
        assert [each["bbox"] for each in own] == np.column_stack([x0, y0, x1 - x0, y1 - y0]).tolist()


def test_the_pixels_of_a_box_are_a_part_of_its_class_that_fills_it(folder, tiny):
    assert run("set", "-o", "out") == 0
    coco = json.loads((folder / "out" / "boxes.json").read_text())
    labels, masks = ([read_image(f"out/{kind}/{name}.tif") for name in "abc"] for kind in ("labels", "masks"))
    for each in coco["annotations"]:
        inside = decoded(each["segmentation"])
        rows, columns = np.nonzero(inside)
        corner = (columns.min(), rows.min())
        assert each["bbox"] == [*corner, columns.max() - corner[0] + 1, rows.max() - corner[1] + 1]
        assert each["area"] == inside.sum()
        assert each["iscrowd"] == 0
        own = each["image_id"] - 1
        assert (labels[own][inside] == each["label"]).all() if each["label"] else masks[own][inside].all()


def test_the_table_of_boxes_says_what_coco_says(folder, tiny):
    assert run("set", "-o", "out") == 0
    coco = json.loads((folder / "out" / "boxes.json").read_text())
    table = pd.read_csv("out/boxes.csv")
    sides = ["left_px", "top_px", "width_px", "height_px"]
    assert table.columns.tolist() == ["image", "label", *sides, "area_px", "score"]
    assert table[sides].to_numpy().tolist() == [each["bbox"] for each in coco["annotations"]]
    assert table["area_px"].tolist() == [each["area"] for each in coco["annotations"]]
    np.testing.assert_allclose(table["score"], [each["score"] for each in coco["annotations"]], atol=1e-4)


def test_overlays_are_as_large_as_the_image_at_most_and_dim_the_ground(folder, tiny):
    assert run("set", "-o", "out") == 0
    for name in "abc":
        picture, mask = iio.imread(f"out/overlays/{name}.png"), read_image(f"out/masks/{name}.tif")
        assert picture.shape == (*mask.shape, 3)
        assert picture[mask == 1].mean() > picture[mask == 0].mean()


def test_what_came_of_each_image_is_said(folder, tiny, capsys):
    assert run("set", "-o", "out") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [f"out/labels/{name}.tif" for name in "abc"]
    assert said[3].split() == ["image", "classes", "of", "objects", "boxes", "area"]
    assert [line.split()[0] for line in said[4:7]] == ["set/a.png", "set/b.png", "set/c.png"]
    assert said[7:] == ["out/boxes.json", "out/boxes.csv", "out/classes.csv"]
    assert said[4].split()[-1] == f"{read_image('out/masks/a.tif').mean():.1%}"


# ---- images of all kinds --------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_done(folder, tiny, capsys):
    (folder / "set" / "b2.png").write_bytes((folder / "set" / "b.png").read_bytes()[:60])
    assert run("set", "set/missing.png", "-o", "out") == cli.FAILED
    said = capsys.readouterr().err
    assert "set/b2.png cannot be read as an image" in said
    assert "2 of 5 images failed: set/b2.png, set/missing.png" in said
    assert names(folder / "out" / "labels") == ["a.tif", "b.tif", "c.tif"]
    coco = json.loads((folder / "out" / "boxes.json").read_text())
    assert [failed["file_name"] for failed in coco["failed"]] == ["set/b2.png", "set/missing.png"]
    assert len(coco["images"]) == 3


@pytest.mark.filterwarnings("always:.*the image has the same value everywhere")
def test_an_image_without_an_object_has_one_class_and_no_box(folder, tiny, capsys):
    iio.imwrite("set/blank.png", np.full((40, 300), 7, np.uint8))
    assert run("set/blank.png", "-o", "out") == 0
    assert "set/blank.png: the image has the same value everywhere" in capsys.readouterr().err
    assert read_image("out/labels/blank.tif").tolist() == [[1] * 300] * 40
    assert not read_image("out/masks/blank.tif").any()
    assert pd.read_csv("out/boxes.csv").empty
    assert json.loads((folder / "out" / "boxes.json").read_text())["annotations"] == []


@pytest.mark.filterwarnings("always:.*the image has the same value everywhere")
def test_every_image_without_an_object_is_named(folder, tiny, capsys):
    for name in ("white", "dark"):
        iio.imwrite(f"set/{name}.png", np.full((40, 60), 7, np.uint8))
    assert run("set", "-o", "out") == 0
    said = capsys.readouterr().err
    for name in ("white", "dark"):
        assert said.count(f"set/{name}.png: the image has the same value everywhere") == 1


def test_every_plane_of_a_stack_is_an_image(folder, tiny, tiny_backbone):
    planes = [things(64, 72, (24, 24)), things(64, 72, (8, 40)), things(64, 72, (40, 8))]
    tifffile.imwrite("stack.tif", np.stack(planes), photometric="minisblack")
    assert run("stack.tif", "-o", "out", "--stack") == 0
    labels = read_image("out/labels/stack.tif")
    for number, plane in enumerate(planes):
        found = found_in(plane, tiny, tiny_backbone).cut()
        np.testing.assert_array_equal(labels[number], found.labels)
    assert names(folder / "out" / "overlays") == [f"stack/000{number}.png" for number in range(3)]
    images = json.loads((folder / "out" / "boxes.json").read_text())["images"]
    assert [(image["id"], image["plane"]) for image in images] == [(1, 0), (2, 1), (3, 2)]
    assert pd.read_csv("out/classes.csv")["plane"].unique().tolist() == [0, 1, 2]


def test_one_plane_of_a_stack_is_that_image(folder, tiny, capsys):
    tifffile.imwrite("stack.tif", np.stack([things(64, 72, (8, 40)), things(64, 72, (24, 24))]))
    assert run("stack.tif", "-o", "out", "--plane", "1") == 0
    assert run("set/a.png", "-o", "alone") == 0
    np.testing.assert_array_equal(read_image("out/labels/stack.tif"), read_image("alone/labels/a.tif"))
    assert pd.read_csv("out/boxes.csv")["plane"].unique().tolist() == [1]
    assert names(folder / "out" / "overlays") == ["stack.png"]
    assert run("stack.tif", "-o", "out", "--plane", "2") == cli.FAILED
    assert "stack.tif: plane must be 0 to 1, got 2" in capsys.readouterr().err


def test_a_stack_that_is_not_said_to_be_one_names_the_options(folder, tiny, capsys):
    tifffile.imwrite("stack.tif", np.zeros((5, 20, 24), np.uint8))
    assert run("stack.tif", "-o", "out") == cli.FAILED
    said = capsys.readouterr().err
    assert "got shape (5, 20, 24): take all planes of a stack with --stack, one with --plane" in said


def test_an_image_that_runs_out_of_memory_is_named_and_the_others_are_done(folder, tiny, monkeypatch, capsys):
    def refined_steps(how, probabilities, image):
        if len(image) == 48:
            raise ComputeError("the dense CRF failed: out of memory")
        yield from ()
        return probabilities

    monkeypatch.setattr("napari_vitrail.crf.find_spec", lambda name: True)
    monkeypatch.setattr("napari_vitrail.crf.DenseCRF.refined_steps", refined_steps)
    assert run("set", "-o", "out", "--refine", "crf") == cli.FAILED
    assert "set/b.png: the dense CRF failed: out of memory" in capsys.readouterr().err
    assert names(folder / "out" / "labels") == ["a.tif", "c.tif"]


# ---- what is asked for ----------------------------------------------------------------------------


def test_a_number_of_classes_is_that_of_the_labels(folder, tiny):
    assert run("set", "-o", "out", "--classes", "3") == 0
    assert all(read_image(f"out/labels/{name}.tif").max() == 3 for name in "abc")


def test_a_larger_merge_scale_gives_fewer_classes(folder, tiny):
    assert run("set/b.png", "-o", "fine", "--merge-scale", "0.2") == 0
    assert run("set/b.png", "-o", "coarse", "--merge-scale", "2") == 0
    assert read_image("fine/labels/b.tif").max() > read_image("coarse/labels/b.tif").max()


def test_options_are_those_of_the_spec():
    assert spec_of() == OBJECTS
    assert spec_of("--recipe", "docherty") == DOCHERTY_OBJECTS
    given = spec_of("--side", "320", "--stride", "2", "--merge-scale", "1.5", "--min-area", "9", "--single")
    assert given.descriptor == replace(OBJECTS.descriptor, stride=2)
    assert (given.side, given.merge_scale) == (320, 1.5)
    assert (given.boxes.min_area, given.boxes.mode) == (9, "single")


def test_the_published_recipe_runs_too(folder, tiny):
    assert run("set/a.png", "-o", "out", "--recipe", "docherty") == 0
    assert json.loads((folder / "out" / "settings.json").read_text())["how"] == "DenseClusters"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--merge-scale", "-1"), "merge_scale must be 0 or more, got -1.0"),
        (("--classes", "0"), "n_classes must be at least 1"),
        (("--min-area", "-2"), "min_area must be at least 0 pixels, got -2"),
        (("-o", "set/a.png"), "output must be a folder, got the file set/a.png"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(folder, tiny, capsys, words, message):
    assert run("set", "-o", "out", *words) == cli.MISUSED
    assert message in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.skipif(find_spec("cv2") is None, reason="the extra 'refine' is not installed")
def test_refined_labels_are_those_of_the_library(folder, tiny, tiny_backbone):
    assert run("set/a.png", "-o", "out", "--refine", "grabcut") == 0
    image = read_image("set/a.png")
    refined = found_in(image, tiny, tiny_backbone).refined(image, GrabCut())
    np.testing.assert_array_equal(read_image("out/labels/a.tif"), refined.labels)
    np.testing.assert_array_equal(read_image("out/masks/a.tif"), refined.mask)


# ---- going on -------------------------------------------------------------------------------------


def interrupted(*_):
    raise KeyboardInterrupt


def written_at(folder):
    return {name: (folder / name).stat().st_mtime_ns for name in names(folder)}


def test_an_interrupted_run_goes_on_where_it_was_and_says_of_all_images(folder, tiny, monkeypatch, capsys):
    assert run("set", "-o", "whole") == 0
    assert run("set/a.png", "set/b.png", "-o", "out") == 0
    before = written_at(folder / "out" / "labels")
    capsys.readouterr()
    assert run("set", "-o", "out", "--resume") == 0
    assert capsys.readouterr().out.startswith("out/labels/c.tif\nimage")
    assert before.items() <= written_at(folder / "out" / "labels").items()
    for name in ("boxes.json", "boxes.csv", "classes.csv"):
        assert (folder / "out" / name).read_text() == (folder / "whole" / name).read_text()


@pytest.mark.parametrize("changed", ["options", "image", "result", "record"])
def test_what_was_made_otherwise_is_made_again(folder, tiny, changed):
    assert run("set", "-o", "out") == 0
    before, words = written_at(folder / "out" / "labels"), []
    if changed == "options":
        words = ["--classes", "3"]
    elif changed == "image":
        iio.imwrite("set/a.png", things(64, 72, (8, 40)))
    else:
        (folder / "out" / ("masks/a.tif" if changed == "result" else "objects/a.json")).unlink()
    assert run("set", "-o", "out", "--resume", *words) == 0
    after = written_at(folder / "out" / "labels")
    again = {name for name, time in after.items() if time != before[name]}
    assert again == ({"a.tif", "b.tif", "c.tif"} if changed == "options" else {"a.tif"})


def test_a_run_that_was_interrupted_leaves_nothing_that_an_earlier_one_is_taken_for(
    folder, tiny, monkeypatch
):
    assert run("set/a.png", "-o", "out") == 0
    first = read_image("out/labels/a.tif")
    with monkeypatch.context() as patched:
        patched.setattr("napari_vitrail.objectfiles.Settings.write_record", interrupted)
        assert run("set/a.png", "-o", "out", "--classes", "3") == cli.INTERRUPTED
    assert read_image("out/labels/a.tif").max() == 3
    assert run("set/a.png", "-o", "out", "--resume") == 0
    np.testing.assert_array_equal(read_image("out/labels/a.tif"), first)


def test_of_an_image_that_fails_there_are_no_labels_of_an_earlier_run(folder, tiny):
    assert run("set", "-o", "out") == 0
    (folder / "set" / "b.png").write_bytes(b"no image")
    assert run("set", "-o", "out") == cli.FAILED
    assert names(folder / "out" / "labels") == names(folder / "out" / "masks") == ["a.tif", "c.tif"]


def test_a_damaged_record_is_named(folder, tiny, capsys):
    assert run("set", "-o", "out") == 0
    (folder / "out" / "objects" / "b.json").write_text("[]")
    assert run("set", "-o", "out", "--resume") == cli.FAILED
    assert "out/objects/b.json must be of vitrail objects, and is not: remove it" in capsys.readouterr().err


def test_masks_that_were_drawn_are_not_replaced(folder, tiny, capsys):
    drawn = folder / "set" / "masks" / "b.tif"
    drawn.parent.mkdir()
    drawn.write_bytes(b"by hand")
    assert run("set", "-o", "set") == 2
    assert "b.tif would be replaced" in capsys.readouterr().err
    assert drawn.read_bytes() == b"by hand"
    assert names(folder / "set") == ["a.png", "b.png", "c.png", "masks/b.tif"]


def test_a_run_in_the_folder_of_the_images_finds_the_same_images_again(folder, tiny):
    assert run("set/**/*.*", "-o", "found") == 0
    assert run("set/**/*.png", "-o", "set") == 0
    assert run("set/**/*.png", "-o", "set") == 0
    assert names(folder / "set" / "labels") == names(folder / "found" / "labels")


# ---- with real weights ----------------------------------------------------------------------------


@pytest.mark.slow
def test_coins_are_each_in_a_box(tmp_path, monkeypatch):
    from skimage.data import coins

    monkeypatch.chdir(tmp_path)
    iio.imwrite("coins.png", coins())
    assert run("coins.png", "-o", "out", "--no-store") == 0
    table = pd.read_csv("out/boxes.csv")
    assert 20 <= len(table) <= 28  # there are 24
    assert (table["width_px"] * table["height_px"]).max() < 0.05 * coins().size
