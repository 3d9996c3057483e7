"""Files one after the other, and how their axes are meant."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile

from napari_vitrail import LayeredImage, drain, find_instances, fit_classifier, save_classifier, segment
from napari_vitrail.batch import find_images, plan_outputs, segment_files_steps
from napari_vitrail.cli import main
from napari_vitrail.reading import Reading
from napari_vitrail.results import Wanted
from napari_vitrail.spec import FeatureSpec

SPEC = FeatureSpec(features="classical")


@pytest.fixture
def stains():
    """Return channels (3, 40, 50) whose upper and lower half differ in the last."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 60, (3, 40, 50))
    noise[2, 20:] += 150
    return noise.astype(np.uint8)


@pytest.fixture
def strokes():
    labels = np.zeros((40, 50), np.uint8)
    for start in (5, 20, 35):
        labels[5, start : start + 10], labels[30, start : start + 10] = 2, 7
    return labels


@pytest.fixture
def classifier(stains, strokes):
    return fit_classifier([stains[2]], [strokes], SPEC)


@pytest.fixture
def plate(tmp_path, stains):
    """Return a folder of two images, one of them a folder deeper, and a text."""
    (tmp_path / "deeper").mkdir()
    tifffile.imwrite(tmp_path / "a.tif", stains[2])
    tifffile.imwrite(tmp_path / "deeper" / "b.tif", stains[2].T.copy())
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_a_folder_stands_for_its_images(plate):
    assert find_images([plate]) == [plate / "a.tif"]


def test_a_pattern_stands_for_what_it_matches(plate):
    assert find_images([plate / "**" / "*.tif"]) == [plate / "a.tif", plate / "deeper" / "b.tif"]


def test_a_file_named_twice_is_there_once(plate):
    assert find_images([plate / "a.tif", plate, plate / "*.tif"]) == [plate / "a.tif"]


@pytest.mark.parametrize("name", ["deeper/c", "*.png"])
def test_what_matches_nothing_is_an_error(name, plate):
    (plate / "deeper" / "c").mkdir()
    with pytest.raises(ValueError, match="holds no image"):
        find_images([plate / name])


def test_a_bad_file_does_not_keep_the_others(plate, classifier):
    (plate / "a.tif").write_bytes(b"no tiff")
    images = find_images([plate / "**" / "*.tif"])
    outputs = plan_outputs(images, Wanted(), plate / "out")
    steps = segment_files_steps(images, outputs, classifier, Wanted(), Reading())
    told = [progress.so_far for progress in steps if progress.so_far is not None]
    assert ["a.tif cannot be read" in told[0].error, told[1].error] == [True, ""]
    assert [path.name for path in told[1].written] == ["b_segmentation.tif"]
    assert (plate / "out" / "b_segmentation.tif").is_file()


def test_planes_of_a_stack_are_segmented_each_as_it_would_be_alone(tmp_path, stains, classifier):
    tifffile.imwrite(tmp_path / "stack.tif", stains, photometric="minisblack")
    images = [tmp_path / "stack.tif"]
    wanted = Wanted(probabilities=True)
    outputs = plan_outputs(images, wanted, tmp_path / "out")
    [done] = drain(segment_files_steps(images, outputs, classifier, wanted, Reading(stack=True)))
    found, probabilities = (tifffile.imread(path) for path in done.written)
    np.testing.assert_array_equal(found, [segment(plane, classifier) for plane in stains])
    assert probabilities.shape == (3, 2, 40, 50)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_stains_of_a_stack_are_read_wherever_their_axis_is(axis, tmp_path, stains):
    stack = np.moveaxis(np.stack([stains, stains[:, ::-1]]), 1, axis)
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    counts, planes = Reading(axis, stains=(0, 2), stack=True).read(tmp_path / "stack.tif")
    assert counts == (2,)
    np.testing.assert_array_equal(planes[1].extra["channel 2"], stains[2, ::-1])


def test_stains_are_learned_from_and_asked_for_again(tmp_path, stains, strokes):
    tifffile.imwrite(tmp_path / "a.tif", stains, photometric="minisblack")
    tifffile.imwrite(tmp_path / "labels.tif", strokes)
    axes = ["--channel-axis", "0", "--stains", "1", "2"]
    model = str(tmp_path / "m.vitrail")
    labels = ["--labels", str(tmp_path / "labels.tif"), "--features", "classical"]
    assert main(["train", str(tmp_path / "a.tif"), *labels, "-o", model, *axes]) == 0
    assert main(["segment", str(tmp_path / "a.*"), "-m", model, "-o", str(tmp_path / "out"), *axes]) == 0
    image = LayeredImage.of_channels({"channel 1": stains[1], "channel 2": stains[2]})
    expected = segment(image, fit_classifier([image], [strokes], SPEC))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a_segmentation.tif"), expected)


def test_a_classifier_of_stains_says_which_it_wants(tmp_path, stains, strokes, capsys):
    image = LayeredImage.of_channels({"channel 1": stains[1], "channel 2": stains[2]})
    save_classifier(tmp_path / "m.vitrail", fit_classifier([image], [strokes], SPEC))
    tifffile.imwrite(tmp_path / "a.tif", stains[2])
    words = [str(tmp_path / "a.tif"), "-m", str(tmp_path / "m.vitrail"), "-o", str(tmp_path / "out")]
    assert main(["segment", *words]) == 2
    assert "extra channels 'channel 1', 'channel 2', and none are given" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"stains": (0, 1)}, "stains need channel_axis"),
        ({"stains": (1,), "channel_axis": 0}, "two channels or more"),
        ({"stains": (0, 1), "channel_axis": 0, "channels": (1,)}, "without channels"),
    ],
    ids=["no axis", "one", "both"],
)
def test_readings_that_mean_nothing_are_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        Reading(**arguments)


def test_a_plane_is_no_stack(plate):
    with pytest.raises(ValueError, match=r"a\.tif: a stack must have an axis that counts"):
        Reading(stack=True).read(plate / "a.tif")


def test_a_stain_that_is_not_there_is_named(tmp_path, stains):
    tifffile.imwrite(tmp_path / "a.tif", stains, photometric="minisblack")
    with pytest.raises(ValueError, match=r"stains must be 0 to 2, got \[3\]"):
        Reading(0, stains=(0, 3)).read(tmp_path / "a.tif")


@pytest.mark.parametrize("shape", [(20, 30, 3), (5, 20, 30, 4)], ids=str)
def test_colours_are_no_stack_of_narrow_planes(tmp_path, shape):
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros(shape, np.uint8), photometric="rgb")
    with pytest.raises(ValueError, match=r"rgb\.tif: it looks like colours rather than a stack"):
        Reading(stack=True).read(tmp_path / "rgb.tif")
    counts, _ = Reading(-1, channels=(0, 1, 2), stack=len(shape) > 3).read(tmp_path / "rgb.tif")
    assert counts == shape[:-3]


def objects_of(tmp_path, stack, classifier, **wishes):
    """Return the segmentation of a stack, its objects and their table, as the command writes them."""
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    wanted = Wanted(instances=("2", "7"), table=True, **wishes)
    images = [tmp_path / "stack.tif"]
    outputs = plan_outputs(images, wanted, tmp_path / "out")
    [done] = drain(segment_files_steps(images, outputs, classifier, wanted, Reading(stack=True)))
    assert done.error == ""
    found, instances = (tifffile.imread(path) for path in done.written[:2])
    with done.written[2].open(encoding="utf-8", newline="") as file:
        return found, instances, list(csv.DictReader(file))


def test_objects_of_a_stack_are_those_of_its_planes_with_numbers_that_go_on(tmp_path, stains, classifier):
    found, instances, rows = objects_of(tmp_path, stains, classifier, min_size=2)
    count = 0
    for number, plane in enumerate(found):
        there = [id_ for id_ in (2, 7) if (plane == id_).any()]
        own = find_instances(plane, there, min_size=2)
        np.testing.assert_array_equal(instances[number], np.where(own > 0, own + count, 0))
        assert [int(row["plane"]) for row in rows[count : count + own.max()]] == [number] * own.max()
        count += own.max()
    assert [int(row["index"]) for row in rows] == list(range(1, count + 1))


def test_objects_go_through_the_planes_of_volumes_but_not_through_time(tmp_path, stains, classifier):
    stack = np.stack([np.stack([stains[2]] * 4), np.stack([stains[2][::-1]] * 4)])
    wishes = {"volumes": True, "pixel_size": 0.5, "plane_distance": 2.0, "min_size": 40}
    found, instances, rows = objects_of(tmp_path, stack, classifier, **wishes)
    first, second = (find_instances(own, [2, 7], min_size=40) for own in found)
    np.testing.assert_array_equal(instances[0], first)
    np.testing.assert_array_equal(instances[1], np.where(second > 0, second + first.max(), 0))
    assert [row["axis 0"] for row in rows] == ["0"] * first.max() + ["1"] * second.max()
    volumes = np.bincount(instances.ravel())[1:] * 0.5
    assert [float(row["volume_um3"]) for row in rows] == volumes.tolist()


def test_a_single_volume_needs_no_place_and_a_class_that_is_missing_no_objects(tmp_path, stains, classifier):
    ground = np.stack([stains[2][:18]] * 3)
    _, instances, rows = objects_of(tmp_path, ground, classifier, volumes=True, min_size=100)
    assert instances.max() == len(rows) == 1
    assert rows[0]["class"] == "class 2"
    assert {"plane", "row", "column"} <= set(rows[0])  # of the centre
    assert "axis 0" not in rows[0]


def test_volumes_of_a_plane_are_refused_with_a_word(plate, classifier):
    wanted = Wanted(instances=("7",), volumes=True)
    outputs = plan_outputs([plate / "a.tif"], wanted, plate / "out")
    [done] = drain(segment_files_steps([plate / "a.tif"], outputs, classifier, wanted, Reading()))
    assert "volumes are found in stacks" in done.error


# ---- further images beside the images ---------------------------------------------------------------


@pytest.fixture
def layered(tmp_path, stains):
    """Return a folder of two images, with a depth map of each beside it."""
    for name, channel in (("a", 2), ("b", 1)):
        tifffile.imwrite(tmp_path / f"{name}.tif", stains[0])
        tifffile.imwrite(tmp_path / f"{name}_depth.tif", stains[channel].astype(np.float32) / 7)
    return tmp_path


def test_further_images_are_learned_from_and_found_beside_each_image(layered, stains, strokes):
    tifffile.imwrite(layered / "labels.png.tif", strokes)
    extra = ["--extra", "depth={folder}/{stem}_depth.tif"]
    model = str(layered / "m.vitrail")
    words = ["--labels", str(layered / "labels.png.tif"), "-o", model, "--features", "classical", *extra]
    assert main(["train", str(layered / "a.tif"), *words]) == 0
    (layered / "labels.png.tif").unlink()
    assert main(["segment", str(layered), "-m", model, "-o", str(layered / "out"), *extra]) == 0
    images = [LayeredImage(stains[0], {"depth": stains[at].astype(np.float32) / 7}) for at in (2, 1)]
    classifier = fit_classifier(images[:1], [strokes], SPEC)
    written = sorted((layered / "out").iterdir())
    assert [path.name for path in written] == ["a_segmentation.tif", "b_segmentation.tif"]
    for path, image in zip(written, images, strict=True):
        np.testing.assert_array_equal(tifffile.imread(path), segment(image, classifier))


def test_every_plane_of_a_stack_has_its_own_plane_or_one_for_all(tmp_path, stains):
    tifffile.imwrite(tmp_path / "a.tif", stains, photometric="minisblack")
    tifffile.imwrite(tmp_path / "deep.tif", stains[::-1].copy(), photometric="minisblack")
    tifffile.imwrite(tmp_path / "flat.tif", stains[1])
    extra = (("deep", f"{tmp_path}/deep.tif"), ("flat", f"{tmp_path}/flat.tif"))
    planes = Reading(stack=True, extra=extra).read(tmp_path / "a.tif").planes
    for number, plane in enumerate(planes):
        np.testing.assert_array_equal(plane.extra["deep"], stains[2 - number])
        np.testing.assert_array_equal(plane.extra["flat"], stains[1])


def test_colours_of_a_further_image_count_as_their_mean(tmp_path, stains):
    tifffile.imwrite(tmp_path / "a.tif", stains[0])
    tifffile.imwrite(tmp_path / "rgb.tif", np.stack(list(stains), axis=-1), photometric="rgb")
    [plane] = Reading(extra=(("rgb", "{folder}/rgb.tif"),)).read(tmp_path / "a.tif").planes
    np.testing.assert_array_equal(plane.extra["rgb"], stains.transpose(1, 2, 0).mean(axis=2))


def test_a_further_image_of_another_shape_is_named(layered, stains, capsys):
    tifffile.imwrite(layered / "b_depth.tif", stains[0][:-1])
    with pytest.raises(ValueError, match=r"b_depth\.tif, the further image 'depth', must have .* \(40, 50\)"):
        Reading(extra=(("depth", "{folder}/{stem}_depth.tif"),)).read(layered / "b.tif")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "with the extra channels 'depth', and none are given"),
        (("--extra", "height={folder}/{stem}_depth.tif"), "'depth', and 'height' are given"),
        (("--extra", "depth={folder}/a_depth.tif"), "names one file for 3 images: write {stem}"),
        (("--extra", "depth=x{stem}", "--extra", "depth=y{stem}"), "must differ in their names"),
    ],
    ids=str,
)
def test_further_images_that_do_not_fit_are_said_before_anything_is_done(
    layered, stains, strokes, words, reason, capsys
):
    image = LayeredImage(stains[0], {"depth": stains[2]})
    save_classifier(layered / "m.vitrail", fit_classifier([image], [strokes], SPEC))
    words = ["-m", str(layered / "m.vitrail"), "-o", str(layered / "out"), *words]
    assert main(["segment", str(layered), *words]) == 2
    assert reason in capsys.readouterr().err
    assert not (layered / "out").exists()


def test_a_further_image_that_is_missing_leaves_out_its_image_alone(layered, stains, strokes, capsys):
    image = LayeredImage(stains[0], {"depth": stains[2]})
    save_classifier(layered / "m.vitrail", fit_classifier([image], [strokes], SPEC))
    (layered / "a_depth.tif").unlink()
    words = ["-m", str(layered / "m.vitrail"), "-o", str(layered / "out")]
    assert main(["segment", str(layered), *words, "--extra", "depth={folder}/{stem}_depth.tif"]) == 1
    assert "a_depth.tif" in capsys.readouterr().err
    assert [path.name for path in (layered / "out").iterdir()] == ["b_segmentation.tif"]


def test_an_option_without_a_name_is_misuse(capsys):
    with pytest.raises(SystemExit):
        main(["segment", "a.tif", "-m", "m", "-o", "o", "--extra", "depth.tif"])
    assert "expected NAME=PATTERN, got 'depth.tif'" in capsys.readouterr().err
