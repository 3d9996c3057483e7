"""Training on a project from its file alone: the planes, what the command line makes of them, and errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_vitrail import LayeredImage, fit_classifier, load_classifier, segment
from napari_vitrail.annotations import Annotation, Annotations, ClassLabel, save_annotations
from napari_vitrail.channels import ChosenChannels
from napari_vitrail.cli import main
from napari_vitrail.errors import ProjectError
from napari_vitrail.reference import ImageReference, pixels_digest
from napari_vitrail.sparse import SparseLabels
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.training import training_planes

SPEC = FeatureSpec(features="classical")
CLASSES = (ClassLabel(2, "board", (1, 0, 0, 1)), ClassLabel(7, "", (0, 1, 0, 1)))


@pytest.fixture
def picture():
    rows, columns = np.indices((64, 64))
    return np.where(columns < 32, (rows // 2 + columns // 2) % 2 * 200, rows * 3).astype(np.uint8)


@pytest.fixture
def strokes():
    labels = np.zeros((64, 64), np.uint8)
    labels[10:50, 8:12], labels[10:50, 50:54] = 2, 7
    return labels


@pytest.fixture
def project(tmp_path, picture, strokes):
    """Return the path of a project with one painted image."""
    return written(tmp_path, on(tmp_path, "a", picture, strokes))


def reference(folder, name, pixels, **more):
    """Write an image; return how a project refers to it."""
    path = folder / f"{name}.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack")
    kind = (pixels.shape, pixels.dtype.name)
    return ImageReference(name, *kind, digest=pixels_digest(pixels), path=str(path), **more)


def on(folder, name, pixels, labels, channels=None, **more):
    image = reference(folder, name, pixels)
    return Annotation(f"{name} strokes", SparseLabels.of(labels), image, channels=channels, **more)


def written(folder, *images, spec=SPEC, estimator="forest"):
    save_annotations(folder / "own.vitrail", Annotations(images, CLASSES, spec, estimator))
    return folder / "own.vitrail"


def train(project, *words):
    return main(["train", str(project), "-o", str(project.with_name("m.vitrail")), *words])


def test_a_project_says_all_that_training_takes(project, picture, strokes):
    assert train(project) == 0
    model = load_classifier(project.with_name("m.vitrail"))
    expected = fit_classifier([picture], [strokes], SPEC, estimator="forest", class_names={2: "board"})
    assert (model.class_names, model.report) == (expected.class_names, expected.report)
    np.testing.assert_array_equal(segment(picture, model), segment(picture, expected))


def test_options_go_before_what_the_project_says(project, picture, strokes):
    assert train(project, "--estimator", "logistic", "--intensity", "dtype") == 0
    model = load_classifier(project.with_name("m.vitrail"))
    expected = fit_classifier([picture], [strokes], replace(SPEC, intensity="dtype"), estimator="logistic")
    assert model.spec == expected.spec
    assert model.report == expected.report


def test_every_painted_plane_of_every_image_counts_in_order(tmp_path, picture, strokes):
    stack = np.stack([picture, picture.T, np.flipud(picture)])
    labels = np.zeros_like(stack)
    labels[0], labels[2] = strokes, strokes * 0 + np.eye(64, dtype=np.uint8)
    path = written(tmp_path, on(tmp_path, "stack", stack, labels), on(tmp_path, "flat", picture, strokes))
    images, drawn = training_planes(path)
    for own, expected in zip(images, (stack[0], stack[2], picture), strict=True):
        np.testing.assert_array_equal(own, expected)
    for own, expected in zip(drawn, (labels[0], labels[2], strokes), strict=True):
        np.testing.assert_array_equal(own, expected)


def test_channels_and_further_images_are_those_of_the_project(tmp_path, picture, strokes):
    stains = np.stack([picture, picture.T, np.flipud(picture)])
    depth = reference(tmp_path, "depth", picture.astype(np.float32) / 7)
    channels = ChosenChannels(0, (0, 2), (depth,))
    path = written(tmp_path, on(tmp_path, "stains", stains, strokes[None], channels))
    [image], [drawn] = training_planes(path)
    assert isinstance(image, LayeredImage)
    assert list(image.extra) == ["channel 0", "channel 2", "depth"]
    np.testing.assert_array_equal(image.extra["channel 2"], np.flipud(picture))
    np.testing.assert_array_equal(image.extra["depth"], picture.astype(np.float32) / 7)
    np.testing.assert_array_equal(drawn, strokes)


def test_strokes_count_where_they_lie(tmp_path, picture, strokes):
    coarse = strokes[::2, ::2]
    geometry = {"scale": [2.0, 2.0], "translate": [0.5, 0.5]}
    path = written(tmp_path, on(tmp_path, "a", picture, coarse, geometry=geometry))
    np.testing.assert_array_equal(training_planes(path).labels[0], coarse.repeat(2, axis=0).repeat(2, axis=1))


def test_second_strokes_on_an_image_are_left_out_with_a_word(tmp_path, picture, strokes):
    first = on(tmp_path, "a", picture, strokes)
    second = replace(first, name="second try", strokes=SparseLabels.of(strokes.T.copy()))
    path = written(tmp_path, first, second)
    with pytest.warns(UserWarning, match="'second try' are left out: 'a strokes' come first"):
        planes = training_planes(path)
    np.testing.assert_array_equal(planes.labels[0], strokes)


def test_our_samples_are_known_and_those_of_others_are_not(tmp_path, strokes):
    labels = np.zeros((303, 384), np.uint8)
    labels[5:9, 5:50] = 2
    image = ImageReference("coins", (303, 384), "uint8", sample=("napari-vitrail", "coins"))
    annotation = Annotation("coins strokes", SparseLabels.of(labels), image)
    assert training_planes(written(tmp_path, annotation)).images[0].shape == (303, 384)
    other = replace(annotation, image=replace(image, sample=("napari", "coins")))
    with pytest.raises(ProjectError, match="the sample 'coins' of napari is known to napari alone"):
        training_planes(written(tmp_path, other))


def test_pixels_that_have_changed_are_said(project, picture):
    tifffile.imwrite(project.with_name("a.tif"), picture.T.copy())
    with pytest.warns(UserWarning, match=r"a\.tif have changed since they were painted on"):
        training_planes(project)


def test_an_image_that_has_gone_is_named_and_nothing_is_written(project, capsys):
    project.with_name("a.tif").unlink()
    assert train(project) == 2
    assert f"the image 'a' is neither at {project.with_name('a.tif')}" in capsys.readouterr().err
    assert [path.name for path in project.parent.iterdir()] == ["own.vitrail"]


def test_flat_strokes_on_a_stack_are_on_no_plane_without_a_slider(tmp_path, picture, strokes):
    path = written(tmp_path, on(tmp_path, "a", np.stack([picture] * 2), strokes))
    with pytest.raises(ValueError, match=r"'a strokes': strokes of 2 axes lie on an image of 3: napari"):
        training_planes(path)


def test_strokes_that_tell_channels_apart_are_refused(tmp_path, picture, strokes):
    annotation = on(
        tmp_path, "a", np.stack([picture] * 2), np.stack([strokes] * 2), ChosenChannels(0, (0, 1))
    )
    with pytest.raises(ValueError, match="tell channels apart, which are now seen together"):
        training_planes(written(tmp_path, annotation))


def test_a_further_stack_over_a_flat_image_is_refused(tmp_path, picture, strokes):
    stack = reference(tmp_path, "stack", np.stack([picture] * 2))
    path = written(tmp_path, on(tmp_path, "a", picture, strokes, ChosenChannels(layers=(stack,))))
    with pytest.raises(ValueError, match="the further layer 'stack' has 3 axes, the image 2"):
        training_planes(path)


def test_a_level_of_a_pyramid_is_not_in_the_file_and_said(tmp_path, picture, strokes):
    path = written(tmp_path, on(tmp_path, "a", picture, strokes, ChosenChannels(level=1)))
    with pytest.warns(UserWarning, match="at level 1 of a pyramid, and is learned from at full resolution"):
        training_planes(path)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--labels", "a.tif"), "names its own strokes and channels"),
        (("--channel-axis", "0"), "names its own strokes and channels"),
        (("--extra", "depth=d.tif"), "names its own strokes and channels"),
    ],
)
def test_what_a_project_says_is_not_said_twice(project, words, reason, capsys):
    assert train(project, *words) == 2
    assert reason in capsys.readouterr().err


def test_a_project_is_trained_on_alone_and_never_overwritten(project, capsys):
    assert main(["train", str(project), "b.tif", "-o", "m.vitrail"]) == 2
    assert "train takes one project alone" in capsys.readouterr().err
    assert main(["train", str(project), "-o", str(project)]) == 2
    assert "is an input and is not overwritten" in capsys.readouterr().err


def test_a_classifier_alone_teaches_nothing(project, capsys):
    assert train(project) == 0
    capsys.readouterr()
    assert (
        main(["train", str(project.with_name("m.vitrail")), "-o", str(project.with_name("n.vitrail"))]) == 2
    )
    assert "holds no strokes, only a classifier" in capsys.readouterr().err
