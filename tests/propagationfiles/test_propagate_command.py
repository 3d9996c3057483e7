"""``vitrail propagate``, from words to files."""

import shutil
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr

from napari_vitrail import DINO_PROPAGATION, PROPAGATION, FeatureStore, cli, propagate_labels
from napari_vitrail.cli import _propagate
from napari_vitrail.guidedfilter import GuidedFilter
from napari_vitrail.imagefile import read_image
from napari_vitrail.propagation import SeenFrames
from tests.propagationfiles.conftest import LEFTS, MOVIE, square


def run(*words):
    return cli.main(["propagate", *words])


def spec_of(*words):
    return _propagate._spec(cli.parser().parse_args(["propagate", "it", "--labels", "l", "-o", "o", *words]))


@pytest.fixture
def expected(tiny, tiny_backbone):
    """Return a function that asks the library; a store rounds what was seen, and so does the command's."""

    def ask(labels, spec=tiny, **others):
        return propagate_labels(MOVIE, labels, spec, backbone=tiny_backbone, store=FeatureStore(), **others)

    return ask


# ---- what is written ------------------------------------------------------------------------------


def test_labels_of_all_frames_are_those_of_the_library(folder, expected, capsys):
    assert run("movie", "--labels", "0=first.png", "-o", "out/cells.tif") == 0
    labels = read_image("out/cells.tif")
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected({0: square(4)}))
    np.testing.assert_array_equal(labels[0], square(4))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "6 of 6 frames: 1 labelled by hand, 5 from there"
    assert said[-2:] == ["out/cells.tif", "out/cells_frames.csv"]


def test_an_output_that_ends_in_zarr_is_one(folder, tiny):
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif") == 0
    for _ in range(2):  # the second replaces the first
        assert run("movie", "--labels", "0=first.png", "-o", "out.zarr") == 0
    written = zarr.open_array("out.zarr", mode="r")
    assert written.chunks == (1, 48, 64)
    np.testing.assert_array_equal(written[...], read_image("out.tif"))
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_the_table_says_what_each_frame_has(folder, tiny):
    iio.imwrite("two.png", np.where(np.arange(64) < 16, square(4, 3), square(4, 7)))
    assert run("movie", "--labels", "0=two.png", "-o", "out.tif") == 0
    table, labels = pd.read_csv("out_frames.csv"), read_image("out.tif")
    assert table["frame"].tolist() == list(range(6))
    assert table["image"].tolist() == [f"movie/t{number}.png" for number in range(7, 13)]
    assert table["by_hand"].tolist() == [True] + [False] * 5
    assert table["quality"][0] == 1
    assert table["quality"].between(0, 1).all()
    for id_ in (3, 7):
        assert table[f"label_{id_}_px"].tolist() == (labels == id_).sum(axis=(1, 2)).tolist()


def test_frames_that_are_doubtful_are_named(folder, tiny, capsys):
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif") == 0
    said, table = capsys.readouterr().out.splitlines(), pd.read_csv("out_frames.csv")
    assert said[1] == f"quality {table['quality'][1:].mean():.2f} on average; least sure are"
    assert said[2].split() == ["frame", "quality", "labels", "area_px"]
    rows = [line.split() for line in said[3:8]]
    assert {(int(row[0]), row[-1]) for row in rows} == set(
        zip(table["frame"][1:], table["image"][1:], strict=True)
    )
    assert [row[1] for row in rows] == [f"{quality:.2f}" for quality in sorted(table["quality"][1:])]


def test_confidence_is_a_stack_of_shares(folder, tiny):
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif", "--confidence") == 0
    confidence = read_image("out_confidence.tif")
    assert confidence.dtype == np.float32
    assert confidence.shape == MOVIE.shape
    assert (confidence[0] == 1).all()
    assert 0.3 < confidence[1:].min() < confidence.max() <= 1


def test_results_of_an_earlier_run_that_stay_are_named(folder, tiny, capsys):
    words = ["movie", "--labels", "0=first.png", "-o", "out.tif", "--frames", "0:2"]
    assert run(*words, "--confidence") == 0
    assert "earlier run" not in capsys.readouterr().err
    assert run(*words) == 0
    assert "warning: out_confidence.tif is of an earlier run" in capsys.readouterr().err


def test_a_film_shows_every_so_manieth_frame_with_its_labels(folder, tiny):
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif", "--film", "2") == 0
    film = iio.imread("out_film.png")
    assert film.shape == (2 * 48 + 4, 2 * 64 + 4, 3)  # three frames, two a row
    coloured = np.ptp(film.astype(int), axis=2) > 30
    assert coloured[:48, :64].any()
    assert coloured[52:, :64].any()
    assert not film[52:, 68:].any()


# ---- stacks and labels of all kinds ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["stack.tif", "stack.zarr", "movie/t*.png"])
def test_the_same_frames_have_the_same_labels_however_they_are_stored(folder, tiny, name):
    tifffile.imwrite("stack.tif", MOVIE, photometric="minisblack", compression="zlib")
    zarr.create_array("stack.zarr", data=MOVIE, chunks=(1, 48, 64))
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif") == 0
    assert run(name, "--labels", "0=first.png", "-o", "other.tif") == 0
    np.testing.assert_array_equal(read_image("other.tif"), read_image("out.tif"))
    assert ("image" in pd.read_csv("other_frames.csv")) == name.endswith(".png")


def sparse():
    labels = np.zeros(MOVIE.shape, np.int32)
    labels[0], labels[5] = square(LEFTS[0]), square(LEFTS[5])
    return labels


def test_labels_may_be_a_stack_or_a_folder_or_single_images(folder, expected):
    tifffile.imwrite("labels.tif", sparse(), compression="zlib")  # as napari saves them
    zarr.create_array("labels.zarr", data=sparse())
    (folder / "drawn").mkdir()
    for name, frame in {"t7": 0, "t9": 2, "T12": 5}.items():  # that of t9 is empty
        iio.imwrite(f"drawn/{name}.png", sparse()[frame].astype(np.uint8))
    whole = expected(sparse())
    for number, labels in enumerate(
        (["labels.tif"], ["labels.zarr"], ["drawn"], ["5=last.png", "0=first.png"])
    ):
        assert run("movie", "--labels", *labels, "-o", f"{number}.tif") == 0
        np.testing.assert_array_equal(read_image(f"{number}.tif"), whole)


def test_a_folder_of_labels_of_a_stack_is_called_by_numbers(folder, expected):
    tifffile.imwrite("stack.tif", MOVIE, photometric="minisblack")
    (folder / "drawn").mkdir()
    for number in (0, 5):
        tifffile.imwrite(f"drawn/{number:03}.tif", sparse()[number])
    assert run("stack.tif", "--labels", "drawn", "-o", "out.tif") == 0
    np.testing.assert_array_equal(read_image("out.tif"), expected(sparse()))


def test_of_labels_of_one_frame_the_last_count_and_a_named_frame_may_be_empty(folder, expected):
    tifffile.imwrite("labels.tif", sparse())
    iio.imwrite("nothing.png", np.zeros((48, 64), np.uint8))
    assert run("movie", "--labels", "labels.tif", "5=nothing.png", "-o", "out.tif") == 0
    labels = {0: square(LEFTS[0]), 5: np.zeros((48, 64), int)}
    np.testing.assert_array_equal(read_image("out.tif"), expected(labels))
    assert not read_image("out.tif")[5].any()


def test_of_a_palette_the_numbers_count(folder, tiny):
    from PIL import Image

    coloured = Image.fromarray(square(4, 2)).convert("P")
    coloured.putpalette([0, 0, 0, 9, 9, 9, 200, 0, 0])
    coloured.save("coloured.png")
    assert run("movie", "--labels", "0=coloured.png", "-o", "out.tif", "--frames", ":1") == 0
    np.testing.assert_array_equal(read_image("out.tif")[0], square(4, 2))


def test_large_ids_stay_as_they_are(folder, tiny):
    tifffile.imwrite("labels.tif", square(4).astype(np.int32) * 10_000)
    assert run("movie", "--labels", "0=labels.tif", "-o", "out.tif") == 0
    labels = read_image("out.tif")
    assert labels.dtype == np.uint32
    assert set(np.unique(labels)) == {0, 70_000}


def test_a_movie_of_volumes_is_labelled_at_one_depth(folder, expected):
    volumes = np.stack([255 - MOVIE, MOVIE], axis=1)
    deep = np.stack([np.zeros_like(sparse()), sparse()], axis=1)
    tifffile.imwrite("volumes.tif", volumes, imagej=True, metadata={"axes": "TZYX"})
    tifffile.imwrite("labels.tif", deep)
    assert run("volumes.tif", "--labels", "labels.tif", "-o", "out.tif", "--at", "z=1") == 0
    np.testing.assert_array_equal(read_image("out.tif"), expected(sparse()))


def test_only_the_frames_that_are_asked_for_are_labelled(folder, expected):
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif", "--frames", "2:4") == 0
    labels = read_image("out.tif")
    assert [bool(own.any()) for own in labels] == [False, False, True, True, False, False]
    np.testing.assert_array_equal(labels, expected({0: square(4)}, frames=range(2, 4)))


def test_labels_go_one_way_where_that_is_asked_for(folder, expected):
    words = ("movie", "--labels", "0=first.png", "5=last.png", "-o", "out.tif")
    assert run(*words, "--direction", "backward") == 0
    np.testing.assert_array_equal(read_image("out.tif"), expected(sparse(), direction="backward"))


def test_options_are_those_of_the_spec():
    assert spec_of() == PROPAGATION
    assert spec_of("--recipe", "dino") == DINO_PROPAGATION
    given = spec_of(
        "--mode", "scribble", "--side", "320", "--stride", "2", "--n-context", "3", "--motion", "2",
        "--radius", "6", "--topk", "9", "--temperature", "0.07", "--vanish-below", "0.2",
        "--gone-below", "0.1",
    )  # fmt: skip
    assert given == replace(
        PROPAGATION, descriptor=replace(PROPAGATION.descriptor, stride=2), mode="scribble", side=320,
        n_context=3, radius=6.0, motion=2.0, topk=9, temperature=0.07, vanish_below=0.2, gone_below=0.1,
    )  # fmt: skip


def test_borders_are_refined_as_the_recipe_says_unless_another_way_is_chosen():
    assert spec_of("--refine", "guided").refinement == GuidedFilter()
    assert spec_of("--refine", "none").refinement is None
    assert spec_of("--recipe", "dino").refinement is DINO_PROPAGATION.refinement


def test_a_stack_may_have_one_frame(folder, tiny):
    tifffile.imwrite("one.tif", MOVIE[:1, None], photometric="minisblack")
    tifffile.imwrite("labels.tif", square(4)[None])
    for labels in ("0=first.png", "labels.tif"):
        assert run("one.tif", "--labels", labels, "-o", "out.tif") == 0
        np.testing.assert_array_equal(read_image("out.tif").reshape(1, 48, 64), square(4)[None])


def test_a_frame_of_which_nothing_is_known_is_no_error(folder, tiny):
    holed = MOVIE.astype(np.float32)
    holed[2] = np.nan
    tifffile.imwrite("holed.tif", holed, photometric="minisblack")
    assert run("holed.tif", "--labels", "0=first.png", "-o", "out.tif", "--film", "1") == 0
    assert [bool(own.any()) for own in read_image("out.tif")] == [True, True, False, True, True, True]


# ---- going on -------------------------------------------------------------------------------------


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.fixture
def looked(monkeypatch):
    """Return a list that gets the number of each frame that the network is asked about."""
    asked, see_steps = [], SeenFrames.see_steps
    monkeypatch.setattr(
        SeenFrames, "see_steps", lambda frames, index: asked.append(index) or see_steps(frames, index)
    )
    return asked


def test_an_interrupted_run_goes_on_where_it_was(folder, tiny, monkeypatch, looked):
    assert run("movie", "--labels", "0=first.png", "-o", "whole.tif") == 0
    with monkeypatch.context() as patch:
        own = SeenFrames.see_steps
        patch.setattr(
            SeenFrames, "see_steps", lambda frames, at: interrupted() if at == 4 else own(frames, at)
        )
        assert run("movie", "--labels", "0=first.png", "-o", "out.tif") == cli.INTERRUPTED
    assert not (folder / "out.tif").exists()
    assert not (folder / "out_frames.csv").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in (folder / "out_resume").glob("*.npz")}
    assert sorted(kept) == [f"00000{number}.npz" for number in range(4)]
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif", "--resume") == 0
    assert {name: (folder / "out_resume" / name).stat().st_mtime_ns for name in kept} == kept
    for name in ("out.tif", "out_frames.csv"):
        assert (folder / name).read_bytes() == (folder / name.replace("out", "whole")).read_bytes()


def test_after_a_correction_only_what_depends_on_it_is_computed(folder, tiny, looked):
    words = ("movie", "-o", "out.tif", "--resume", "--labels", "0=first.png", "3=third.png")
    iio.imwrite("third.png", square(LEFTS[3]))
    assert run(*words) == 0
    before = read_image("out.tif")
    looked.clear()
    assert run(*words, "5=last.png") == 0
    assert set(looked) == {3, 4, 5}
    after = read_image("out.tif")
    np.testing.assert_array_equal(after[:4], before[:4])
    np.testing.assert_array_equal(after[5], square(LEFTS[5]))
    looked.clear()
    assert run(*words, "5=last.png") == 0
    assert not looked


@pytest.mark.parametrize("what", ["options", "stack", "no resume"])
def test_what_other_options_or_frames_gave_is_not_taken_over(folder, tiny, looked, what):
    words = ["movie", "--labels", "0=first.png", "-o", "out.tif"]
    assert run(*words) == 0
    looked.clear()
    if what == "stack":
        iio.imwrite("movie/t12.png", MOVIE[0])
    more = {"options": ["--resume", "--topk", "3"], "stack": ["--resume"], "no resume": []}[what]
    assert run(*words, *more) == 0
    assert set(looked) == set(range(6))


def test_an_output_is_replaced_only_by_a_whole_one(folder, tiny, monkeypatch):
    assert run("movie", "--labels", "0=first.png", "-o", "out.zarr") == 0
    before = zarr.open_array("out.zarr", mode="r")[...]
    monkeypatch.setattr(zarr.Array, "__setitem__", interrupted)
    assert run("movie", "--labels", "5=last.png", "-o", "out.zarr") == cli.INTERRUPTED
    np.testing.assert_array_equal(zarr.open_array("out.zarr", mode="r")[...], before)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_kept_frame_that_is_damaged_is_named(folder, tiny, capsys):
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif") == 0
    (folder / "out_resume" / "000003.npz").write_bytes(b"PK")
    assert run("movie", "--labels", "0=first.png", "-o", "out.tif", "--resume") == cli.MISUSED
    assert (
        "out_resume/000003.npz must be of vitrail propagate, and is not: remove it" in capsys.readouterr().err
    )


# ---- what cannot be -------------------------------------------------------------------------------


@pytest.fixture
def bad(folder):
    """Return the working folder with files that do not fit."""
    iio.imwrite("small.png", square(4)[:-1])
    iio.imwrite("empty.png", square(4, 0))
    iio.imwrite("one.png", MOVIE[0])
    tifffile.imwrite("floats.tif", square(4).astype(np.float32))
    tifffile.imwrite("short.tif", sparse()[:5])
    tifffile.imwrite("blank.tif", np.zeros(MOVIE.shape, np.uint8))
    (folder / "broken.png").write_bytes((folder / "movie" / "t8.png").read_bytes()[:60])
    (folder / "stray").mkdir()
    iio.imwrite("stray/t99.png", square(4))
    shutil.copytree("movie", "uneven")
    iio.imwrite("uneven/t10.png", MOVIE[0][:-2])
    shutil.copytree("movie", "torn")
    shutil.copy("broken.png", "torn/t10.png")
    (folder / "text.zarr").mkdir()
    (folder / "text.zarr" / "notes.txt").write_text("mine")
    return folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("movie", "--labels", "first.png"),
            "first.png is of one frame: say of which, as in --labels 0=first.png",
        ),
        (("movie", "--labels", "6=first.png"), "--labels 6=first.png must be of a frame 0 to 5"),
        (
            ("movie", "--labels", "0=small.png"),
            "small.png: labels must be as large as the frame, (48, 64), got (47, 64)",
        ),
        (
            ("movie", "--labels", "0=floats.tif"),
            "floats.tif: labels must be whole numbers, got data type float32",
        ),
        (("movie", "--labels", "0=broken.png"), "broken.png cannot be read as an image"),
        (("movie", "--labels", "0=missing.png"), "missing.png"),
        (("movie", "--labels", "short.tif"), "short.tif: labels must be of 6 frames as the stack is, got 5"),
        (("movie", "--labels", "blank.tif"), "blank.tif: no frame has any label"),
        (("movie", "--labels", "stray"), "stray/t99.png must be called as the frame whose labels"),
        (("missing.tif", "--labels", "0=first.png"), "missing.tif"),
        (
            ("one.png", "--labels", "0=first.png"),
            "one.png: it must be a stack, with an axis that counts frames",
        ),
        (
            ("uneven", "--labels", "0=first.png"),
            "uneven/t10.png must be as large as frame 0, (48, 64), got (46, 64)",
        ),
        (("torn", "--labels", "0=first.png"), "torn/t10.png cannot be read as an image"),
        (
            ("movie", "--labels", "0=first.png", "--frames", "8:9"),
            "--frames 8:9 holds none of the frames 0 to 5",
        ),
        (("movie", "--labels", "0=first.png", "--at", "z=1"), "--at is of a file that holds a whole stack"),
        (("movie", "--labels", "0=first.png", "--topk", "0"), "topk must be 1 or more, got 0"),
        (
            ("movie", "--labels", "0=first.png", "-o", "out.png"),
            "--output must end in .tif or .zarr, got out.png",
        ),
        (
            ("movie", "--labels", "0=first.png", "-o", "movie/a.tif"),
            "movie/a.tif lies in movie, which is read",
        ),
        (
            ("blank.tif", "--labels", "0=first.png", "-o", "blank.tif"),
            "blank.tif is an input and is not overwritten",
        ),
        (
            ("movie", "--labels", "0=first.png", "-o", "text.zarr"),
            "text.zarr is no zarr, and is not replaced",
        ),
        (
            ("movie", "--labels", "0=first.png", "--direction", "backward", "--frames", "2:4"),
            "no labels reach any of the frames",
        ),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(bad, tiny, capsys, words, message):
    before = sorted(bad.rglob("*"))
    assert run("-o", "out.tif", *words) == cli.MISUSED
    assert message in capsys.readouterr().err
    assert sorted(bad.rglob("*")) == before


@pytest.mark.parametrize("words", [("--frames", "a"), ("--at", "z"), ("--film", "0")])
def test_words_that_mean_nothing_are_said_by_the_parser(folder, words, capsys):
    with pytest.raises(SystemExit):
        run("movie", "--labels", "0=first.png", "-o", "out.tif", *words)
    assert "expected" in capsys.readouterr().err
