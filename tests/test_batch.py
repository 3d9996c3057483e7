"""Files one after the other, and how their axes are meant."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_vitrail import LayeredImage, drain, fit_classifier, save_classifier, segment
from napari_vitrail.batch import Reading, find_images, plan_outputs, segment_files_steps
from napari_vitrail.cli import main
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


def test_objects_of_stacks_are_refused_with_a_word(tmp_path, stains, classifier):
    tifffile.imwrite(tmp_path / "stack.tif", stains, photometric="minisblack")
    wanted = Wanted(instances=("7",))
    images = [tmp_path / "stack.tif"]
    outputs = plan_outputs(images, wanted, tmp_path / "out")
    [done] = drain(segment_files_steps(images, outputs, classifier, wanted, Reading(stack=True)))
    assert "objects are found in planes" in done.error
