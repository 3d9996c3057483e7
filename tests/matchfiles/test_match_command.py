"""``vitrail match``, from words to files."""

import csv
import json
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from skimage.data import astronaut

from napari_vitrail import (
    MATCHING,
    MatchingSpec,
    cli,
    imagefile,
    load_bigwarp,
    load_napari_points,
    load_pairs,
)
from napari_vitrail.alignment import LEAST_PAIRS
from napari_vitrail.backbones import backbone_info
from napari_vitrail.cli import _match

TINY = MatchingSpec(
    replace(MATCHING.descriptor, layer=2, stride=4),
    side=128,
    guide=(1, "token"),
    fine=(0, "token"),
    window=7.0,
)
SHIFT = (16, -8)
"""A place p of the reference is p - SHIFT in the other image."""


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny_backbone):
    """Return the working folder: a reference, an image that is shifted, and a tiny network to see them."""
    picture = astronaut()
    for name, (y, x) in {"ref.png": (40, 120), "a.png": (40 + SHIFT[0], 120 + SHIFT[1])}.items():
        iio.imwrite(tmp_path / name, picture[y : y + 128, x : x + 128])
    monkeypatch.setattr("napari_vitrail.cli._match.backbone_of", lambda *_: tiny_backbone)
    monkeypatch.setattr("napari_vitrail.matching.MATCHING", TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plate(folder):
    """Return a folder of three images: shifted in 8 and in 16 bits, and one that is the reference."""
    (folder / "plate").mkdir()
    image = iio.imread("a.png")
    iio.imwrite("plate/one.png", image)
    tifffile.imwrite("plate/two.tif", image.mean(axis=2).astype(np.uint16) * 180 + 900)
    iio.imwrite("plate/ref.png", iio.imread("ref.png"))
    return folder / "plate"


def match(*words):
    return cli.main(["match", *words])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def median_miss(pairs):
    return np.median(np.linalg.norm(pairs.points0 - pairs.points1 - SHIFT, axis=1))


def write_points(path, points, ids=None):
    rows = [("index", "axis-0", "axis-1", "id")]
    rows += [(row, *point, row if ids is None else ids[row]) for row, point in enumerate(points)]
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


# ---- one image ------------------------------------------------------------------------------------


def test_pairs_of_two_images_are_written_and_drawn(folder, capsys):
    assert match("ref.png", "a.png", "-o", "pairs.csv", "--plot", "seen.png", "--pairs", "6") == 0
    saved = load_pairs("pairs.csv")
    assert len(saved.ids) == 6
    assert set(saved.status) == {"proposed"}
    assert median_miss(saved.correspondences) < 1.5
    assert iio.imread("seen.png").ndim == 3
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == ["pairs.csv", "seen.png"]
    assert "a.png      6" in out
    assert not err


def test_all_pairs_are_more_than_ten(folder):
    match("ref.png", "a.png", "-o", "ten.csv")
    match("ref.png", "a.png", "-o", "all.csv", "--pairs", "all")
    assert len(load_pairs("all.csv").ids) > len(load_pairs("ten.csv").ids) == 10


def test_points_of_ones_own_are_found(folder):
    points = [(40.25, 60.0), (70.0, 50.5), (90.0, 80.0), (60, 90), (50, 40)]
    write_points("landmarks.csv", points, ids=[7, 3, 11, 2, 5])
    assert match("ref.png", "a.png", "-o", "found.csv", "--points", "landmarks.csv") == 0
    saved = load_pairs("found.csv")
    np.testing.assert_array_equal(saved.ids, [7, 3, 11, 2, 5])
    np.testing.assert_array_equal(saved.correspondences.points0, points)
    assert median_miss(saved.correspondences) < 1.5


def test_pairs_of_ours_are_points_of_the_reference_too(folder):
    match("ref.png", "a.png", "-o", "pairs.csv")
    assert match("ref.png", "a.png", "-o", "again.csv", "--points", "pairs.csv") == 0
    first, again = load_pairs("pairs.csv"), load_pairs("again.csv")
    np.testing.assert_array_equal(again.correspondences.points0, first.correspondences.points0)


def test_points_outside_the_reference_stop_at_once(folder, capsys):
    write_points("landmarks.csv", [(10, 10), (128, 5)])
    assert match("ref.png", "a.png", "-o", "found.csv", "--points", "landmarks.csv") == cli.MISUSED
    said = capsys.readouterr().err
    assert "points must lie in ref.png, 128 x 128 pixels, got these outside: 1 at [128.0, 5.0]" in said
    assert not (folder / "found.csv").exists()


def test_pairs_come_as_points_for_napari(folder):
    assert match("ref.png", "a.png", "-o", "points.csv", "--format", "napari") == 0
    saved = load_napari_points("points_reference.csv", "points.csv")
    assert median_miss(saved.correspondences) < 1.5


def test_pairs_come_as_landmarks_for_bigwarp(folder):
    words = ["--format", "bigwarp", "--pixel-size", "0.5", "0.25"]
    assert match("ref.png", "a.png", "-o", "landmarks.csv", *words) == 0
    saved = load_bigwarp("landmarks.csv", spacing0=(0.5, 0.5), spacing1=(0.25, 0.25))
    assert median_miss(saved.correspondences) < 1.5
    assert set(saved.status) == {"accepted"}


def test_a_transform_is_fitted_and_the_image_warped(folder, capsys):
    words = ["--pairs", "30", "--fit", "translation", "--warp"]
    assert match("ref.png", "a.png", "-o", "pairs.csv", *words) == 0
    told = json.loads((folder / "pairs_alignment.json").read_text("utf-8"))
    matrix = np.array(told["matrix"])
    np.testing.assert_allclose(matrix[:2, 2], SHIFT, atol=1)
    assert (told["kind"], told["moving"], told["fixed"]) == ("translation", "a.png", "ref.png")
    ids = load_pairs("pairs.csv").ids.tolist()
    assert [pair["id"] for pair in told["pairs"]] == ids
    agreeing = [pair["residual"] for pair in told["pairs"] if pair["agrees"]]
    assert max(agreeing) <= 5
    warped, reference = tifffile.imread("pairs_warped.tif"), iio.imread("ref.png")
    assert warped.shape == reference.shape
    assert warped.dtype == np.uint8
    both = np.s_[20:, :112]  # where the shifted image reaches
    assert np.median(np.abs(warped[both].astype(int) - reference[both])) < 8
    assert f"{len(agreeing):>9}" in capsys.readouterr().out


def test_pairs_of_an_alignment_are_exact_and_have_no_cycle_error(folder, capsys):
    assert match("ref.png", "a.png", "-o", "out.csv", "--fit", "translation", "--pairs", "all") == 0
    pairs = load_pairs("out.csv").correspondences
    assert len(pairs) > 40
    assert median_miss(pairs) < 0.5
    assert np.isnan(pairs.cycle_error).all()
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("a.png")]
    assert line.split()[3] == "-"


def test_images_with_little_in_common_are_fitted_but_said_to_be_doubtful(folder, monkeypatch, capsys):
    monkeypatch.setattr("napari_vitrail.matchfiles._files.CREDIBLE", 1.1)
    assert match("ref.png", "a.png", "-o", "out.csv", "--fit", "translation", "--pairs", "20") == cli.FAILED
    said = capsys.readouterr().err
    assert "a.png: all is written, but only" in said
    assert "of 20 pairs agree: the images may have nothing in common" in said
    assert names(folder) == ["a.png", "out.csv", "out_alignment.json", "ref.png"]


def test_a_thin_plate_has_no_matrix_but_warps(folder):
    assert match("ref.png", "a.png", "-o", "p.csv", "--fit", "thin-plate", "--warp") == 0
    assert json.loads((folder / "p_alignment.json").read_text("utf-8"))["matrix"] is None
    assert (folder / "p_warped.tif").exists()


def test_too_few_pairs_for_the_transform_are_written_all_the_same(folder, capsys):
    words = ["--pairs", "2", "--fit", "affine", "--warp", "--plots"]
    assert match("ref.png", "a.png", "-o", "pairs.csv", *words) == cli.FAILED
    said = capsys.readouterr().err
    assert "a.png: the pairs are written, but tell no affine transform: the pairs must have 3 or more" in said
    assert names(folder) == ["a.png", "pairs.csv", "pairs.png", "ref.png"]
    assert len(load_pairs("pairs.csv").ids) == 2


@pytest.mark.parametrize("chosen", [("--channels", "1"), ("--stains", "0", "2")], ids=" ".join)
def test_all_channels_of_an_image_are_warped(folder, chosen):
    image = iio.imread("a.png")
    channels = np.stack([image[..., 0], image[..., 1], image[..., 2], image[..., 0] // 2])
    imagefile.write_tiff("stains.tif", channels, "CYX")
    imagefile.write_tiff("stains_ref.tif", np.moveaxis(iio.imread("ref.png"), -1, 0), "CYX")
    words = ["--channel-axis", "0", *chosen, "--fit", "translation", "--warp", "--plots"]
    assert match("stains_ref.tif", "stains.tif", "-o", "s.csv", *words) == 0
    with tifffile.TiffFile("s_warped.tif") as file:
        assert file.series[0].axes == "CYX"
        warped = file.asarray()
    assert warped.shape == (4, 128, 128)
    assert np.abs(warped[3].astype(int) - warped[0] // 2).max() <= 1


def test_a_plane_of_stacks_is_matched_and_the_stack_warped(folder):
    for name in ("ref", "a"):
        plane = iio.imread(f"{name}.png")[..., 1]
        imagefile.write_tiff(f"{name}.tif", np.stack([np.zeros_like(plane), plane, plane // 3]), "ZYX")
    words = ["--plane", "1", "--fit", "translation", "--warp"]
    assert match("ref.tif", "a.tif", "-o", "s.csv", *words) == 0
    warped = tifffile.imread("s_warped.tif")
    assert warped.shape == (3, 128, 128)
    assert not warped[0].any()
    assert warped[1].any()


def test_a_plane_that_is_not_there_is_said(folder, capsys):
    imagefile.write_tiff("ref.tif", np.stack([iio.imread("ref.png")[..., 1]] * 3), "ZYX")
    assert match("ref.tif", "ref.tif", "-o", "t.csv", "--plane", "3") == cli.MISUSED
    assert "ref.tif: plane must be 0 to 2, got 3" in capsys.readouterr().err
    assert match("ref.tif", "a.png", "-o", "t.csv", "--plane", "1") == cli.FAILED
    assert "a.png: it looks like colours rather than a stack, its last axis is 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "out"], "output must end in .csv for one image, got out"),
        (["-o", "p.csv", "--warp"], "warp needs a transform"),
        (["-o", "p.csv", "--fit", "rigid", "--layer", "1"], "layer cannot be chosen with fit"),
        (["-o", "p.csv", "--plot", "p.jpg"], "plot must end in .png, got p.jpg"),
        (["-o", "p.csv", "--plot", "a.png"], "a.png is an input and is not overwritten"),
        (["-o", "p.csv", "--points", "p.csv"], "No such file or directory: 'p.csv'"),
        (["-o", "p.csv", "--threshold", "0"], "threshold must be more than 0 pixels, got 0.0"),
        (["-o", "p.csv", "--pixel-size", "2", "2"], "pixel-size is for format bigwarp"),
        (["-o", "p.csv", "--side", "20"], "side must be 64 to 2048 pixels, got 20"),
        (["-o", "p.csv", "--resume"], "resume is for several images"),
        (["ref.png", "-o", "p.csv"], "output must be a folder for several images, got p.csv"),
        (["ref.png", "-o", "out", "--plot", "p.png"], "plots draws every one of several"),
    ],
)
def test_a_wish_that_cannot_be_met_is_said_before_anything_is_written(folder, words, message, capsys):
    before = names(folder)
    assert match("ref.png", "a.png", *words) == cli.MISUSED
    assert message in capsys.readouterr().err
    assert names(folder) == before


@pytest.mark.parametrize("word", ["0", "-3", "some"])
def test_how_many_pairs_is_a_number_or_all(folder, word, capsys):
    with pytest.raises(SystemExit) as stop:
        match("ref.png", "a.png", "-o", "p.csv", f"--pairs={word}")
    assert stop.value.code == cli.MISUSED
    assert f"expected a number from 1, or all, got '{word}'" in capsys.readouterr().err


# ---- many images ----------------------------------------------------------------------------------


def test_a_folder_gets_a_table_for_each_image_and_one_of_all(plate, capsys):
    assert match("ref.png", "plate", "-o", "out", "--plots") == 0
    ends = [f"{name}_pairs.{kind}" for name in ("one", "ref", "two") for kind in ("csv", "png")]
    assert names(plate.parent / "out") == sorted([*ends, "summary.csv"])
    assert median_miss(load_pairs("out/one_pairs.csv").correspondences) < 1.5
    same = load_pairs("out/ref_pairs.csv").correspondences
    assert np.median(np.linalg.norm(same.points0 - same.points1, axis=1)) < 4
    with open("out/summary.csv", encoding="utf-8", newline="") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["plate/one.png", "plate/ref.png", "plate/two.tif"]
    found = load_pairs("out/two_pairs.csv").correspondences
    for name in ("similarity", "cycle_error"):
        median = np.median(getattr(found, name))
        assert float(rows["plate/two.tif"][name]) == pytest.approx(median, abs=1e-4)
    assert capsys.readouterr().out.splitlines()[-1] == "out/summary.csv"


def test_the_reference_is_seen_once_and_not_matched_with_itself(plate, monkeypatch, capsys):
    seen = []

    def note(image, *words, **options):
        seen.append(image)
        return (yield from see(image, *words, **options))

    from napari_vitrail.matching import see_image_steps as see

    monkeypatch.setattr("napari_vitrail.matchfiles._files.see_image_steps", note)
    assert match("plate/ref.png", "plate", "-o", "out") == 0
    assert len(seen) == 3
    assert "out/ref_pairs.csv" not in capsys.readouterr().out


def test_files_that_yield_nothing_are_named_and_the_others_go_on(plate, capsys):
    (plate / "broken.png").write_bytes((plate / "one.png").read_bytes()[:500])
    (plate / "notes.txt").write_text("no image")
    tifffile.imwrite(plate / "black.tif", np.zeros((80, 90), np.uint8))
    tifffile.imwrite(plate / "stack.tif", np.zeros((5, 40, 50), np.uint8))
    words = ["ref.png", "plate", "plate/notes.txt", "gone.png", "-o", "out", "--fit", "translation"]
    assert match(*words) == cli.FAILED
    out, err = capsys.readouterr()
    for message in (
        "plate/broken.png cannot be read as an image",
        "plate/notes.txt cannot be read as an image",
        "plate/black.tif: all pixels have the same value, there is nothing to match",
        "plate/stack.tif must be one image, grey or with 3 or 4 channels last, got shape (5, 40, 50)",
        "No such file or directory: 'gone.png'",
        "5 of 8 images failed",
    ):
        assert message in err
    assert "out/one_alignment.json" in out
    rows = (plate.parent / "out" / "summary.csv").read_text("utf-8").splitlines()
    assert len(rows) == 9
    assert "plate/black.tif,0,,,,,plate/black.tif: all pixels" in "\n".join(rows).replace('"', "")


def test_an_image_without_correspondences_is_named(plate, monkeypatch, capsys):
    from napari_vitrail.matching import find_steps

    def strict(pair, **options):
        return find_steps(pair, **{**options, "saliency_threshold": 1.0})

    monkeypatch.setattr("napari_vitrail.matchfiles._files.find_steps", strict)
    assert match("ref.png", "plate", "-o", "out") == cli.FAILED
    said = capsys.readouterr().err
    assert "plate/one.png: no correspondences: none is left after saliency > 1.0" in said
    assert "warning" not in said
    assert names(plate.parent / "out") == ["summary.csv"]


def test_a_reference_that_cannot_be_read_stops_the_command(plate, capsys):
    (plate / "bad.tif").write_bytes(b"no image")
    assert match("plate/bad.tif", "plate", "-o", "out") == cli.MISUSED
    assert "plate/bad.tif cannot be read as an image" in capsys.readouterr().err
    assert not (plate.parent / "out").exists()


def test_two_images_are_not_written_to_one_file(plate, capsys):
    tifffile.imwrite(plate / "one.tif", np.ones((9, 9), np.uint8))
    assert match("ref.png", "plate", "-o", "out") == cli.MISUSED
    assert (
        "plate/one.png and plate/one.tif would both be written to out/one_pairs.csv"
        in capsys.readouterr().err
    )


def test_an_interrupted_run_is_resumed(plate, monkeypatch, capsys):
    from napari_vitrail.matchfiles import _files

    seen = []

    def impatient(reference, path, *rest):
        seen.append(path.name)
        if path.name == "two.tif" and seen.count("two.tif") == 1:
            raise KeyboardInterrupt
        return steps(reference, path, *rest)

    steps = _files._file_steps
    monkeypatch.setattr(_files, "_file_steps", impatient)
    assert match("ref.png", "plate", "-o", "out") == cli.INTERRUPTED
    (plate.parent / "out" / "ref_pairs.csv").unlink()
    first = (plate.parent / "out" / "summary.csv").read_text("utf-8")
    assert match("ref.png", "plate", "-o", "out", "--resume") == 0
    assert seen == ["one.png", "ref.png", "two.tif", "ref.png", "two.tif"]
    again = (plate.parent / "out" / "summary.csv").read_text("utf-8")
    assert again.startswith(first)
    assert again.count("\n") == 4
    seen.clear()
    assert match("ref.png", "plate", "-o", "out", "--resume") == 0
    assert not seen
    assert capsys.readouterr().out.count("plate/two.tif") == 2


def test_a_table_that_is_no_summary_is_not_resumed(plate, capsys):
    (plate.parent / "out").mkdir()
    (plate.parent / "out" / "summary.csv").write_text("a,b\n1,2\n", "utf-8")
    assert match("ref.png", "plate", "-o", "out", "--resume") == cli.MISUSED
    assert "out/summary.csv must be a summary of vitrail match, and is not: the columns a,b" in (
        capsys.readouterr().err
    )


def test_lack_of_memory_is_said_of_the_image(plate, monkeypatch, capsys):
    def greedy(pair, **_):
        raise RuntimeError("CPU: can't allocate memory: you tried to allocate 64 GiB")

    monkeypatch.setattr("napari_vitrail.matchfiles._files.find_steps", greedy)
    assert match("ref.png", "plate", "-o", "out") == cli.FAILED
    said = capsys.readouterr().err
    assert "plate/one.png: CPU: can't allocate memory: you tried to allocate 64 GiB; a larger stride" in said


# ---- what the command says of the library ------------------------------------------------------------


def test_the_kinds_are_those_of_the_library():
    assert tuple(LEAST_PAIRS) == _match.KINDS


def test_help_tells_the_defaults_of_the_library(capsys):
    with pytest.raises(SystemExit):
        match("--help")
    shown = " ".join(capsys.readouterr().out.split())
    own = MATCHING.descriptor
    network = backbone_info(own.backbone)
    assert (own.stride, own.layer) == (network.patch_size / 2, network.depth - 1)
    for value in (MATCHING.side, "half a patch", "the last", own.facet):
        assert f"default: {value}" in shown


@pytest.mark.slow
def test_real_weights_lay_a_turned_photograph_on_its_reference(tmp_path, monkeypatch, real_backbone):
    from skimage.transform import SimilarityTransform, warp

    monkeypatch.setattr("napari_vitrail.cli._match.backbone_of", lambda *_: real_backbone)
    monkeypatch.chdir(tmp_path)
    image = astronaut()[:400, :400]
    truth = SimilarityTransform(scale=1.1, rotation=0.15, translation=(20, -30))
    iio.imwrite("ref.png", image)
    iio.imwrite("turned.png", np.rint(255 * warp(image, truth)).astype(np.uint8))
    assert match("ref.png", "turned.png", "-o", "pairs.csv", "--fit", "similarity") == 0
    matrix = np.array(json.loads((tmp_path / "pairs_alignment.json").read_text("utf-8"))["matrix"])
    corners = np.array([[100.0, 100, 1], [100, 300, 1], [300, 100, 1], [300, 300, 1]])
    found = (corners @ matrix.T)[:, :2]
    expected = truth(corners[:, [1, 0]])[:, ::-1]
    assert np.linalg.norm(found - expected, axis=1).max() < 1
