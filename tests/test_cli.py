import csv
import json
import re
import subprocess
import sys
from dataclasses import fields, replace

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_vitrail import (
    Smoothing,
    class_probabilities,
    cli,
    imagefile,
    load_classifier,
    refine,
    samples,
    segment,
)
from napari_vitrail.cli import _images, _spec, _voice
from napari_vitrail.errors import BackboneUnavailable
from napari_vitrail.spec import SEGMENTATION, FeatureSpec

CLASSICAL = ("--features", "classical", "--estimator", "logistic")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the working folder: three images in three formats and the labels of the first."""
    rows = np.arange(40)[:, None]
    rng = np.random.default_rng(0)
    for name in ("a.tif", "b.png", "c.jpg"):
        image = (rng.integers(0, 60, (40, 50)) + 150 * (rows >= 20)).astype(np.uint8)
        (tifffile.imwrite if name.endswith("tif") else iio.imwrite)(tmp_path / name, image)
    labels = np.zeros((40, 50), np.uint16)
    for start in (5, 20, 35):
        labels[5, start : start + 10], labels[30, start : start + 10] = 2, 700
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(folder):
    assert cli.main(["train", "a.tif", "--labels", "labels.tif", "-o", "m.vitrail", *CLASSICAL]) == 0
    return folder / "m.vitrail"


def options(*words):
    return cli.parser().parse_args(words)


def test_help_loads_nothing_that_takes_time():
    program = (
        "import sys; from napari_vitrail.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: print({'numpy', 'torch', 'skimage', 'sklearn', 'qtpy'} & {*sys.modules})"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert output.stdout.endswith("set()\n")


def test_module_is_the_command():
    command = [sys.executable, "-m", "napari_vitrail", "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"vitrail \d+\.\d+.*\n", output.stdout)


@pytest.mark.parametrize("words", [(), ("paint",), ("train", "a.tif"), ("segment", "-m", "m")], ids=str)
def test_misuse_is_explained(words, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == cli.MISUSED
    assert "usage: vitrail" in capsys.readouterr().err


# ---- options of train -----------------------------------------------------------------------------


def test_train_has_an_option_for_every_field_of_the_spec(capsys):
    with pytest.raises(SystemExit):
        options("train", "--help")
    shown = capsys.readouterr().out
    for item in fields(FeatureSpec):
        assert f"--{item.name.replace('_', '-')}" in shown
        assert FeatureSpec.field_help()[item.name]


def test_train_takes_the_preset_where_nothing_is_asked_for():
    assert _spec.spec_of(options("train", "a", "--labels", "b", "-o", "c")) == SEGMENTATION


def test_train_takes_what_is_asked_for():
    words = ["--features", "vit", "--layer", "-2", "--attention", "--magnification", "2"]
    spec = _spec.spec_of(options("train", "a", "--labels", "b", "-o", "c", *words))
    asked = {"features": "vit", "layer": -2, "attention": True, "magnification": 2.0}
    assert spec == replace(SEGMENTATION, **asked)


def test_value_out_of_bounds_is_refused_by_the_spec(folder, capsys):
    words = ["train", "a.tif", "--labels", "labels.tif", "-o", "m.vitrail", "--stride", "99"]
    assert cli.main(words) == cli.MISUSED
    assert capsys.readouterr().err == "vitrail: stride must be 1 to 16, got 99\n"


# ---- train and segment ----------------------------------------------------------------------------


def test_trained_model_segments_as_the_library_does(model, capsys):
    assert cli.main(["segment", "a.tif", "b.png", "c.jpg", "-m", "m.vitrail", "-o", "out"]) == 0
    written = sorted(path.name for path in (model.parent / "out").iterdir())
    assert written == ["a_segmentation.tif", "b_segmentation.tif", "c_segmentation.tif"]
    found = tifffile.imread("out/b_segmentation.tif")
    np.testing.assert_array_equal(found, segment(iio.imread("b.png"), load_classifier(model)))
    assert found.dtype == np.uint16
    assert set(np.unique(found)) == {2, 700}
    assert str(model.parent / "out").endswith("out")
    assert "b_segmentation.tif" in capsys.readouterr().out


def test_a_cleaned_segmentation_is_that_of_refine(model):
    assert cli.main(["segment", "b.png", "-m", "m.vitrail", "-o", "out", "--smooth", "3"]) == 0
    classifier, image = load_classifier(model), imagefile.read_image("b.png")
    expected = refine(class_probabilities(image, classifier), Smoothing(3), classes=classifier.classes_)
    found = tifffile.imread("out/b_segmentation.tif")
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint16


def test_the_dense_crf_is_asked_for_in_a_word(model):
    pytest.importorskip("pydensecrf", reason="the extra crf is not installed")
    assert cli.main(["segment", "b.png", "-m", "m.vitrail", "-o", "out", "--crf"]) == 0
    assert set(np.unique(tifffile.imread("out/b_segmentation.tif"))) <= {2, 700}


def test_a_missing_extra_stops_at_the_first_image(model, monkeypatch, capsys):
    monkeypatch.setattr("napari_vitrail.crf.find_spec", lambda name: None)
    words = ["segment", "a.tif", "b.png", "-m", "m.vitrail", "-o", "out", "--crf"]
    assert cli.main(words) == cli.MISUSED
    said = capsys.readouterr().err
    assert said.count("pip install 'napari-vitrail[crf]'") == 1


def test_objects_and_their_table_come_on_request(model, capsys):
    words = ["segment", "b.png", "-m", "m.vitrail", "-o", "out", "--instances", "700", "class 2"]
    more = ["--min-size", "20", "--split", "--table", "--pixel-size", "0.5"]
    assert cli.main([*words, *more]) == 0
    instances = tifffile.imread("out/b_instances.tif")
    with open("out/b_objects.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == instances.max() >= 2
    assert {row["class"] for row in rows} == {"class 2", "class 700"}
    areas = np.bincount(instances.ravel())[1:]
    assert areas.min() >= 20
    assert [float(row["area_um2"]) for row in rows] == (areas / 4).tolist()
    assert capsys.readouterr().out.split() == [
        f"out/b_{end}" for end in ("segmentation.tif", "instances.tif", "objects.csv")
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--table"], "name their classes with instances"),
        (["--instances", "5"], r"must be classes of the classifier \(class 2, class 700, 2, 700\), got 5"),
        (["--instances", "2", "--min-size", "-1"], "min-size must be 0 or more, got -1"),
        (["--instances", "2", "--pixel-size", "0"], "pixel-size must be more than 0, got 0.0"),
        (["--volumes"], "name their classes with instances"),
        (["--instances", "2", "--volumes", "--pixel-size", "1"], "plane-distance goes with volumes"),
        (["--instances", "2", "--plane-distance", "1"], "plane-distance goes with volumes"),
        (["--smooth", "0"], "sigma must be more than 0"),
    ],
)
def test_a_wish_that_cannot_be_met_is_said_before_anything_is_written(model, words, message, capsys):
    assert cli.main(["segment", "b.png", "-m", "m.vitrail", "-o", "out", *words]) == cli.MISUSED
    assert re.search(message, capsys.readouterr().err)
    assert not (model.parent / "out").exists()


def test_probabilities_come_on_request(model):
    words = ["segment", "b.png", "-m", "m.vitrail", "-o", "out", "--probabilities"]
    assert cli.main(words) == 0
    probabilities = tifffile.imread("out/b_probabilities.tif")
    assert probabilities.shape == (2, 40, 50)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, rtol=1e-5)
    ids = np.array([2, 700])[probabilities.argmax(axis=0)]
    np.testing.assert_array_equal(tifffile.imread("out/b_segmentation.tif"), ids)


def test_missing_and_corrupt_images_are_named_and_others_go_on(model, capsys):
    (model.parent / "bad.tif").write_bytes(b"no image")
    words = ["segment", "bad.tif", "gone.png", "b.png", "-m", "m.vitrail", "-o", "out"]
    assert cli.main(words) == cli.FAILED
    said = capsys.readouterr().err
    assert "bad.tif cannot be read as an image" in said
    assert "gone.png" in said
    assert "2 of 3 images could not be segmented" in said
    assert [path.name for path in (model.parent / "out").iterdir()] == ["b_segmentation.tif"]


def test_image_of_another_shape_is_named(model, capsys):
    tifffile.imwrite("stack.tif", np.zeros((5, 20, 30), np.uint8))
    words = ["segment", "stack.tif", "-m", "m.vitrail", "-o", "out"]
    assert cli.main(words) == cli.FAILED
    assert "vitrail: stack.tif: image must have" in capsys.readouterr().err
    assert cli.main([*words, "--channel-axis", "0", "--channels", "2"]) == 0


def test_strokes_are_assessed_when_asked_for(folder, capsys):
    labels = np.zeros((40, 50), np.uint8)
    for start in (2, 20, 40):
        labels[5, start : start + 8], labels[30, start : start + 8] = 2, 7
    tifffile.imwrite("apart.tif", labels)
    words = ["train", "a.tif", "--labels", "apart.tif", "-o", "m.vitrail", "--assess", "trust/m.json"]
    assert cli.main([*words, *CLASSICAL]) == 0
    shown = capsys.readouterr().out
    assert "right on held-out strokes (" in shown
    assert "intensity" in shown
    figures = json.loads((folder / "trust" / "m.json").read_text())
    assert figures["strokes_held_out"] == 6
    assert figures["accuracy"] > 0.9
    assert f"{figures['accuracy']:.0%} right" in shown


def test_strokes_near_each_other_are_not_held_out_from_each_other(folder, capsys):
    words = ["train", "a.tif", "--labels", "labels.tif", "-o", "m.vitrail", "--assess", "m.json"]
    assert cli.main([*words, *CLASSICAL]) == cli.MISUSED
    assert "no stroke can be held out" in capsys.readouterr().err
    assert (folder / "m.vitrail").exists()
    assert not (folder / "m.json").exists()


def test_training_stops_at_a_missing_image(folder, capsys):
    words = ["train", "gone.tif", "--labels", "labels.tif", "-o", "m.vitrail"]
    assert cli.main(words) == cli.MISUSED
    assert "gone.tif" in capsys.readouterr().err
    assert not (folder / "m.vitrail").exists()


def test_training_needs_labels_for_each_image(folder, capsys):
    words = ["train", "a.tif", "b.png", "--labels", "labels.tif", "-o", "m.vitrail"]
    assert cli.main(words) == cli.MISUSED
    assert "got 2 images and 1 labels" in capsys.readouterr().err


def test_labels_that_do_not_fit_are_named(folder, capsys):
    tifffile.imwrite("small.tif", np.ones((9, 9), np.uint8))
    words = ["train", "a.tif", "b.png", "--labels", "labels.tif", "small.tif", "-o", "m.vitrail"]
    assert cli.main(words) == cli.MISUSED
    assert "vitrail: small.tif: labels must have the image's shape" in capsys.readouterr().err


def test_model_that_is_no_model_is_refused(folder, capsys):
    words = ["segment", "b.png", "-m", "labels.tif", "-o", "out"]
    assert cli.main(words) == cli.MISUSED
    assert "labels.tif" in capsys.readouterr().err


def test_inputs_are_not_overwritten(model, capsys):
    before = (model.parent / "a.tif").read_bytes()
    words = ["train", "a.tif", "--labels", "labels.tif", "-o", "./a.tif", *CLASSICAL]
    assert cli.main(words) == cli.MISUSED
    assert "a.tif is an input" in capsys.readouterr().err
    assert (model.parent / "a.tif").read_bytes() == before
    tifffile.imwrite("x_segmentation.tif", np.zeros((9, 9), np.uint8))
    words = ["segment", "x.tif", "x_segmentation.tif", "-m", "m.vitrail", "-o", "."]
    assert cli.main(words) == cli.MISUSED
    assert "x_segmentation.tif is an input" in capsys.readouterr().err


def test_two_images_are_not_written_to_one_file(model, capsys):
    words = ["segment", "a.tif", "a.png", "-m", "m.vitrail", "-o", "out"]
    assert cli.main(words) == cli.MISUSED
    assert "a.tif and a.png would both be written to" in capsys.readouterr().err


def test_broken_write_leaves_nothing_half_done(model, monkeypatch, capsys):
    def full(path, *_, **__):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(tifffile, "imwrite", full)
    assert cli.main(["segment", "b.png", "-m", "m.vitrail", "-o", "out"]) == cli.FAILED
    assert "no space left" in capsys.readouterr().err
    assert not list((model.parent / "out").iterdir())


def test_warnings_are_said_in_one_voice(model, capsys):
    rgba = np.zeros((40, 50, 4), np.uint8)
    iio.imwrite("rgba.png", rgba)
    with pytest.warns(UserWarning, match="alpha"):
        _images.image_of(model.parent / "rgba.png", options("segment", "x", "-m", "m", "-o", "out"))
    _voice.show_warning(UserWarning("the alpha channel is ignored"), UserWarning, "file.py", 7)
    assert capsys.readouterr().err == "vitrail: warning: the alpha channel is ignored\n"


def interrupted(*_, **__):
    raise KeyboardInterrupt


def unavailable(*_, **__):
    raise BackboneUnavailable("no weights for vit: run this or that")


def test_interrupt_ends_with_130(model, monkeypatch, capsys):
    monkeypatch.setattr("napari_vitrail.reading.read_image", interrupted)
    words = ["segment", "a.tif", "-m", "m.vitrail", "-o", "out"]
    assert cli.main(words) == cli.INTERRUPTED
    assert capsys.readouterr().err == "vitrail: interrupted\n"


def test_missing_weights_are_explained(folder, monkeypatch, capsys):
    monkeypatch.setattr("napari_vitrail.classify.load_backbone", unavailable)
    words = ["train", "a.tif", "--labels", "labels.tif", "-o", "m.vitrail", "--features", "vit"]
    assert cli.main(words) == cli.MISUSED
    assert capsys.readouterr().err == "vitrail: no weights for vit: run this or that\n"


def test_lack_of_memory_is_explained(model, monkeypatch, capsys):
    def greedy(*_, **__):
        raise RuntimeError("CPU: can't allocate memory: you tried to allocate 64 GiB")
        yield

    monkeypatch.setattr("napari_vitrail.results.segment_steps", greedy)
    assert cli.main(["segment", "b.png", "-m", "m.vitrail", "-o", "out"]) == cli.FAILED
    assert "you tried to allocate 64 GiB; a larger stride" in capsys.readouterr().err


def test_bugs_keep_their_traceback(folder, monkeypatch):
    def bug(*_, **__):
        raise TypeError("a bug")

    monkeypatch.setattr("napari_vitrail.classify.fit_classifier_steps", bug)
    with pytest.raises(TypeError):
        cli.main(["train", "a.tif", "--labels", "labels.tif", "-o", "m.vitrail"])


# ---- demo and models --------------------------------------------------------------------------------


@pytest.fixture
def quick_demo(monkeypatch, default_named_backbone):
    """Let the demonstration compare the features of a tiny backbone."""
    monkeypatch.setattr("napari_vitrail.cli._demo.backbone_of", lambda spec, options: default_named_backbone)


def test_demo_says_where_things_are(folder, quick_demo, monkeypatch, capsys):
    whole = samples.histology()
    small = {name: getattr(whole, name)[270:410, :256] for name in ("image", "labels", "held_out")}
    monkeypatch.setattr(samples, "histology", lambda: replace(whole, **small))
    assert cli.main(["demo"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"classical +0\.\d{3} +0\.\d{3} +\d+\.\d s", said)
    assert "vitrail-demo/report.html" in said.replace("\\", "/")
    for name in ("report.html", "classical_segmentation.tif", "classical_overlay.png"):
        assert (folder / "vitrail-demo" / name).is_file()


def test_demo_takes_ones_own_image(folder, quick_demo, capsys):
    words = ["demo", "--image", "a.tif", "--labels", "labels.tif", "-o", "mine"]
    assert cli.main(words) == 0
    assert set(np.unique(tifffile.imread("mine/classical_segmentation.tif"))) == {2, 700}
    assert "class 700" in (folder / "mine" / "report.html").read_text("utf-8")


def test_demo_needs_both_image_and_labels(folder, capsys):
    assert cli.main(["demo", "--image", "a.tif"]) == cli.MISUSED
    assert "--image and --labels go together" in capsys.readouterr().err


def test_models_lists_every_backbone(capsys):
    assert cli.main(["models"]) == 0
    said = capsys.readouterr().out
    assert "vit_small_patch14_dinov2.lvd142m" in said
    assert "Apache-2.0" in said


def test_models_fetch_says_where_the_weights_are(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("napari_vitrail.backbones.fetch_weights", lambda name: tmp_path / name)
    assert cli.main(["models", "fetch", "vit_small_patch8_224.dino"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'vit_small_patch8_224.dino'}\n"


def test_models_fetch_knows_what_it_can_fetch(capsys):
    assert cli.main(["models", "fetch", "resnet"]) == cli.MISUSED
    assert "unknown backbone 'resnet'; known: " in capsys.readouterr().err


# ---------------------------------------------------------------- features made ahead of time


@pytest.fixture
def loaded(monkeypatch, real_backbone):
    """Let the command line find the default backbone loaded."""
    for room in ("backbones", "classify", "trained"):
        monkeypatch.setattr(f"napari_vitrail.{room}.load_backbone", lambda *_, **__: real_backbone)
    monkeypatch.setattr("napari_vitrail.trained.loaded_backbone", lambda *_, **__: real_backbone)
    return real_backbone


def test_features_are_computed_ahead_of_time(folder, loaded, monkeypatch, capsys):
    assert cli.main(["features", "a.tif", "b.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["a.tif: 6 x 8 cells of 384", "b.png: 6 x 8 cells of 384"]
    monkeypatch.setattr(loaded, "context", None)  # nothing is left to compute
    words = ["train", "a.tif", "--labels", "labels.tif", "-o", "m.vitrail"]
    assert cli.main([*words, "--features", "hybrid", "--estimator", "logistic"]) == 0
    assert cli.main(["segment", "a.tif", "b.png", "-m", "m.vitrail", "-o", "out"]) == 0


def test_no_store_changes_no_result_and_writes_nothing(folder, loaded, capsys):
    words = ["train", "a.tif", "--labels", "labels.tif", "-o", "m.vitrail"]
    assert cli.main([*words, "--features", "hybrid", "--estimator", "logistic", "--no-store"]) == 0
    for name, options_ in (("without", ["--no-store"]), ("with", [])):
        assert cli.main(["segment", "a.tif", "-m", "m.vitrail", "-o", name, *options_]) == 0
        if name == "without":
            assert cli.main(["store"]) == 0
            assert "0 tiles, 0.0 MB" in capsys.readouterr().out
    np.testing.assert_array_equal(
        tifffile.imread("with/a_segmentation.tif"), tifffile.imread("without/a_segmentation.tif")
    )


def test_a_plan_computes_nothing(folder, loaded, monkeypatch, capsys):
    monkeypatch.setattr(loaded, "context", None)
    assert cli.main(["features", "a.tif", "--plan"]) == 0
    assert re.fullmatch(
        r"a.tif: 1 passes over 1 tiles, \d+ queries between, \d+.\d MB of memory at most\n",
        capsys.readouterr().out,
    )


def test_the_store_is_listed_and_cleared(folder, loaded, capsys):
    cli.main(["features", "a.tif", "--folder", "here"])
    cli.main(["features", "a.tif", "--stride", "14", "--folder", "here"])
    capsys.readouterr()
    assert cli.main(["store", "--folder", "here"]) == 0
    first, *kinds = capsys.readouterr().out.splitlines()
    assert first.startswith("here: 2 tiles, ")
    assert len(kinds) == 2
    assert "stride=7" in kinds[0] + kinds[1]
    assert cli.main(["store", "clear", "--folder", "here", "--unused-for", "1"]) == 0
    assert capsys.readouterr().out == "0.0 MB freed\n"
    assert cli.main(["store", "--folder", "here", "clear"]) == 0
    assert cli.main(["store", "--folder", "here"]) == 0
    assert "here: 0 tiles" in capsys.readouterr().out


def test_a_broken_image_is_named_and_the_others_are_done(folder, loaded, capsys):
    (folder / "broken.tif").write_bytes(b"no image")
    assert cli.main(["features", "broken.tif", "a.tif"]) == cli.FAILED
    out, err = capsys.readouterr()
    assert "a.tif: 6 x 8 cells" in out
    assert "broken.tif" in err
