import json
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from napari_vitrail import ComputeError, GrabCut, Progress, cli, cosegment, cosegment_parts
from napari_vitrail.cli import _cosegment
from napari_vitrail.imagefile import read_image
from tests.cosegmentfiles.conftest import chequered


def run(*words):
    return cli.main(["cosegment", *words])


def masks_in(folder):
    return {path.relative_to(folder).as_posix(): read_image(path) for path in sorted(folder.rglob("*.*"))}


def spec_of(*words):
    return _cosegment._spec(cli.parser().parse_args(["cosegment", "set", "-o", "out", *words]))


# ---- what is written ------------------------------------------------------------------------------


def test_masks_are_those_of_the_library(folder, tiny, tiny_backbone):
    assert run("set", "-o", "out") == 0
    images = [read_image(path) for path in sorted(Path("set").iterdir())]
    found = cosegment(images, tiny, backbone=tiny_backbone)
    written = masks_in(folder / "out" / "masks")
    assert list(written) == ["a.png", "b.png", "c.png"]
    for mask, own in zip(found.masks(), written.values(), strict=True):
        assert own.dtype == np.uint8
        np.testing.assert_array_equal(own, mask)


def test_areas_are_those_of_the_masks(folder, tiny, capsys):
    assert run("set", "-o", "out", "--format", "tif") == 0
    areas = json.loads((folder / "out" / "areas.json").read_text())
    assert [image["image"] for image in areas["images"]] == ["set/a.png", "set/b.png", "set/c.png"]
    for image in areas["images"]:
        mask = read_image(folder / "out" / image["mask"])
        assert mask.shape == (image["height"], image["width"])
        rows, columns = np.nonzero(mask)
        [part] = image["parts"]
        assert part["pixels"] == mask.sum()
        assert part["share"] == pytest.approx(mask.mean())
        assert part["centroid"] == pytest.approx([rows.mean(), columns.mean()])
    [object_] = areas["parts"]
    assert (object_["name"], object_["images"]) == ("object", 3)
    assert f"object        3 of 3 {object_['share']:>10.1%}" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_left_out_and_named(folder, tiny, capsys):
    (folder / "set" / "b2.png").write_bytes((folder / "set" / "b.png").read_bytes()[:60])
    iio.imwrite(folder / "set" / "volume.tif", np.zeros((5, 6, 20, 20), np.uint8))
    assert run("set", "-o", "out") == cli.FAILED
    said = capsys.readouterr().err
    assert "set/b2.png cannot be read as an image" in said
    assert "2 of 5 images were left out: set/b2.png, set/volume.tif" in said
    assert list(masks_in(folder / "out" / "masks")) == ["a.png", "b.png", "c.png"]
    areas = json.loads((folder / "out" / "areas.json").read_text())
    assert [failed["image"] for failed in areas["failed"]] == ["set/b2.png", "set/volume.tif"]
    assert "set/b2.png cannot be read" in (folder / "out" / "index.html").read_text()


def test_images_of_all_kinds_and_sizes_get_a_mask_of_their_own_size(folder, tiny):
    iio.imwrite(folder / "set" / "colours.png", np.dstack([chequered(72, 16, 8)] * 3))
    opaque = np.dstack([*[chequered(64, 8, 32)] * 3, np.full((64, 72), 255, np.uint8)])
    iio.imwrite(folder / "set" / "rgba.png", opaque)
    iio.imwrite(folder / "set" / "bits16.tif", chequered(72, 32, 32).astype(np.uint16) * 200)
    iio.imwrite(folder / "set" / "speck.png", chequered(64, 16, 24)[16:21, 24:31])
    iio.imwrite(folder / "set" / "blank.png", np.full((40, 300), 7, np.uint8))
    assert run("set", "-o", "out") == 0
    for path in sorted((folder / "set").iterdir()):
        mask = read_image(folder / "out" / "masks" / f"{path.stem}.png")
        assert mask.shape == read_image(path).shape[:2]
        assert mask.max() <= 1


def test_where_no_image_can_be_read_nothing_is_written(folder, tiny, capsys):
    (folder / "set" / "x.png").write_bytes(b"no image")
    assert run("set/x.png", "set/missing.png", "-o", "out") == cli.FAILED
    assert "no image could be read" in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.filterwarnings("always:one image")
def test_a_single_image_is_segmented_and_says_what_is_missing(folder, tiny, capsys):
    assert run("set/a.png", "-o", "out") == 0
    assert "one image shares nothing" in capsys.readouterr().err
    assert "What 1 image shows" in (folder / "out" / "index.html").read_text()


def test_images_of_one_name_in_two_folders_keep_their_folders(folder, tiny):
    for place in ("one", "two"):
        (folder / place).mkdir()
        (folder / place / "a.png").write_bytes((folder / "set" / "a.png").read_bytes())
    assert run("one", "two", "-o", "out") == 0
    assert list(masks_in(folder / "out" / "masks")) == ["one/a.png", "two/a.png"]
    assert [image["alt"] for image in Page(folder / "out" / "index.html").all("img")] == ["one/a", "two/a"]


def test_a_run_in_the_folder_of_the_images_finds_the_same_images_again(folder, tiny):
    assert run("set/**/*.png", "-o", "set") == 0
    assert run("set/**/*.png", "-o", "set") == 0
    assert list(masks_in(folder / "set" / "masks")) == ["a.png", "b.png", "c.png"]


# ---- parts ----------------------------------------------------------------------------------------


def test_parts_are_those_of_the_library(folder, tiny, tiny_backbone, capsys):
    assert run("set", "-o", "out", "--parts", "3") == 0
    images = [read_image(path) for path in sorted(Path("set").iterdir())]
    parts = cosegment_parts(images, 3, tiny, backbone=tiny_backbone)
    for labels, own in zip(parts.all_labels(), masks_in(folder / "out" / "masks").values(), strict=True):
        assert own.dtype == np.uint8
        np.testing.assert_array_equal(own, labels)
    areas = json.loads((folder / "out" / "areas.json").read_text())
    assert [part["name"] for part in areas["parts"]] == ["part 1", "part 2", "part 3"]
    assert "part 2" in capsys.readouterr().out
    assert run("set", "-o", "out", "--parts", "2", "--resume") == cli.MISUSED
    assert "was begun with other parts" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("cv2") is None, reason="the extra 'refine' is not installed")
@pytest.mark.filterwarnings("always:GrabCut leaves a mask as it is")
def test_refined_parts_are_those_of_the_library(folder, tiny, tiny_backbone):
    assert run("set", "-o", "out", "--parts", "2", "--refine", "grabcut") == 0
    images = [read_image(path) for path in sorted(Path("set").iterdir())]
    parts = cosegment_parts(images, 2, tiny, backbone=tiny_backbone)
    for index, own in enumerate(masks_in(folder / "out" / "masks").values()):
        np.testing.assert_array_equal(own, parts.refined_labels(index, images[index], GrabCut()))


@pytest.mark.filterwarnings("always:9 descriptors", "always:no cluster is salient")
def test_where_there_is_no_object_no_image_has_a_part(folder, tiny, capsys):
    assert run("set", "-o", "out", "--parts", "3", "--recipe", "amir", "--threshold", "2") == 0
    assert "part 1        0 of 3       0.0%" in capsys.readouterr().out


@pytest.mark.parametrize("count", ["0", "256"])
def test_a_number_of_parts_out_of_range_is_refused_at_once(folder, tiny, capsys, count):
    assert run("set", "-o", "out", "--parts", count) == cli.MISUSED
    assert f"parts must be 1 to 255, got {count}" in capsys.readouterr().err
    assert not (folder / "out").exists()


# ---- refinement -----------------------------------------------------------------------------------


@pytest.mark.skipif(find_spec("cv2") is None, reason="the extra 'refine' is not installed")
@pytest.mark.filterwarnings("always:GrabCut leaves a mask as it is")
def test_refined_masks_are_those_of_the_library(folder, tiny, tiny_backbone):
    assert run("set", "-o", "out", "--refine", "grabcut") == 0
    images = [read_image(path) for path in sorted(Path("set").iterdir())]
    found = cosegment(images, tiny, backbone=tiny_backbone)
    for index, own in enumerate(masks_in(folder / "out" / "masks").values()):
        np.testing.assert_array_equal(own, found.refined_mask(index, images[index], GrabCut()))


@pytest.mark.parametrize(("how", "extra"), [("grabcut", "refine"), ("crf", "crf")])
def test_a_refinement_that_is_not_installed_is_said_before_anything_is_done(
    folder, tiny, monkeypatch, capsys, how, extra
):
    monkeypatch.setattr(f"napari_vitrail.{how}.find_spec", lambda name: None)
    assert run("set", "-o", "out", "--refine", how) == cli.MISUSED
    assert f"napari-vitrail[{extra}]" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_an_image_that_cannot_be_refined_is_named_and_the_others_are_done(folder, tiny, monkeypatch, capsys):
    def refined_steps(how, probabilities, image):
        if len(image) == 80:
            raise ComputeError("the dense CRF failed: out of memory")
        yield Progress(1, 1, "dense CRF")
        return probabilities

    monkeypatch.setattr("napari_vitrail.crf.find_spec", lambda name: True)
    monkeypatch.setattr("napari_vitrail.crf.DenseCRF.refined_steps", refined_steps)
    assert run("set", "-o", "out", "--refine", "crf") == cli.FAILED
    assert "set/b.png: the dense CRF failed: out of memory" in capsys.readouterr().err
    assert list(masks_in(folder / "out" / "masks")) == ["a.png", "c.png"]


# ---- the gallery ----------------------------------------------------------------------------------


class Page(HTMLParser):
    """The elements of a page, and whether they are closed in turn."""

    def __init__(self, path):
        super().__init__()
        self.found, self.open = [], []
        self.feed(path.read_text())
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in {"meta", "img", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag, **wanted):
        return [own for name, own in self.found if name == tag and wanted.items() <= own.items()]


def test_the_gallery_is_one_file_with_a_picture_and_an_outline_for_each_image(folder, tiny):
    assert run("set", "-o", "out") == 0
    page = Page(folder / "out" / "index.html")
    sources = [image["src"] for image in page.all("img")]
    assert len(sources) == 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert len(page.all("path", **{"class": "part", "data-part": "1"})) == 3
    assert not (folder / "out" / "thumbs").exists()
    links = [link["href"] for link in page.all("a")]
    assert all((folder / "out" / link).exists() for link in links)


def test_thumbnails_of_many_images_lie_beside_the_gallery(folder, tiny, monkeypatch):
    monkeypatch.setattr("napari_vitrail.cosegmentfiles._plan.EMBEDDED_AT_MOST", 2)
    (folder / "set" / "a.png").rename(folder / "set" / "a & b?.png")
    assert run("set", "-o", "out") == 0
    assert sorted(masks_in(folder / "out" / "thumbs")) == ["a & b?.jpg", "b.jpg", "c.jpg"]
    page = Page(folder / "out" / "index.html")
    assert [image["src"] for image in page.all("img")][:2] == ["thumbs/a%20%26%20b%3F.jpg", "thumbs/b.jpg"]
    assert [image["alt"] for image in page.all("img")][:2] == ["a & b?", "b"]


@pytest.mark.filterwarnings("always:9 descriptors")
def test_the_published_recipe_shows_the_curve_that_it_chose_by(folder, tiny):
    assert run("set", "-o", "out", "--recipe", "amir", "--threshold", "0.01") == 0
    areas = json.loads((folder / "out" / "areas.json").read_text())
    page = Page(folder / "out" / "index.html")
    [curve] = page.all("svg", role="img")
    assert curve["aria-label"] == f"{areas['clusters']['chosen']} clusters were taken"


# ---- going on -------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(folder, tiny, monkeypatch):
    """Return the folder after a run that was stopped as it wrote its second mask."""
    from napari_vitrail.cosegmentfiles import _masks

    write, written = _masks._write_mask, []

    def write_one(path, labels):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write(path, labels)

    monkeypatch.setattr(_masks, "_write_mask", write_one)
    assert run("set", "-o", "out") == cli.INTERRUPTED
    monkeypatch.setattr(_masks, "_write_mask", write)
    assert list(masks_in(folder / "out" / "masks")) == ["a.png"]
    return folder


def test_an_interrupted_run_goes_on_to_the_same_end(interrupted):
    first = (interrupted / "out" / "masks" / "a.png").stat().st_mtime_ns
    assert run("set", "-o", "out", "--resume") == 0
    assert (interrupted / "out" / "masks" / "a.png").stat().st_mtime_ns == first
    assert run("set", "-o", "again") == 0
    for name in ("areas.json", "index.html"):
        assert (interrupted / "out" / name).read_text() == (interrupted / "again" / name).read_text()


def test_a_run_that_goes_on_asks_the_network_for_nothing_again(interrupted, tiny_backbone, monkeypatch):
    monkeypatch.setattr(type(tiny_backbone), "context", None)  # who asks the network fails
    assert run("set", "-o", "out", "--resume") == 0
    assert list(masks_in(interrupted / "out" / "masks")) == ["a.png", "b.png", "c.png"]


def test_a_run_that_was_interrupted_at_its_second_image_has_seen_the_first(
    folder, tiny, tiny_backbone, monkeypatch
):
    context, seen = type(tiny_backbone).context, []

    def noted(self, image, **options):
        if len(seen) == 1 and not resumed:
            raise KeyboardInterrupt
        seen.append(image.shape)
        return context(self, image, **options)

    monkeypatch.setattr(type(tiny_backbone), "context", noted)
    resumed = False
    assert run("set", "-o", "out") == cli.INTERRUPTED
    resumed = True
    assert run("set", "-o", "out", "--resume") == 0
    assert len(seen) == 3  # each image once


@pytest.mark.parametrize(
    ("words", "differing"),
    [(("--side", "96"), "spec"), (("--random-state", "1"), "random_state"), (("--channels", "0"), "reading")],
    ids=str,
)
def test_a_run_with_other_options_is_not_gone_on_with(interrupted, words, differing, capsys):
    for path in (interrupted / "set").iterdir():
        iio.imwrite(path, np.dstack([read_image(path)] * 3)) if differing == "reading" else None
    assert run("set", "-o", "out", "--resume", *words) == cli.MISUSED
    assert f"was begun with other {differing}" in capsys.readouterr().err


def test_a_run_of_other_images_begins_anew(interrupted, capsys):
    iio.imwrite(interrupted / "set" / "b.png", np.zeros((70, 80), np.uint8))
    assert run("set", "-o", "out", "--resume") == cli.MISUSED
    assert "was begun with other images: leave resume out" in capsys.readouterr().err
    (interrupted / "out" / "masks" / "a.png").write_bytes(b"of an earlier run")
    assert run("set", "-o", "out") == 0
    assert masks_in(interrupted / "out" / "masks")["a.png"].shape == (64, 72)


def test_nothing_tells_of_masks_of_an_earlier_run_once_they_are_gone(interrupted, monkeypatch):
    assert run("set", "-o", "out", "--resume") == 0
    told = [interrupted / "out" / name for name in ("areas.json", "index.html")]
    assert all(path.exists() for path in told)

    def stopped(path, labels):
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_vitrail.cosegmentfiles._masks._write_mask", stopped)
    assert run("set", "-o", "out") == cli.INTERRUPTED
    assert not any(path.exists() for path in told)


@pytest.mark.parametrize("words", [(), ("--resume",)], ids=str)
def test_masks_that_no_run_has_made_are_left_alone(folder, tiny, capsys, words):
    drawn = folder / "masks"
    drawn.mkdir()
    for name in ("a", "b", "other"):
        (drawn / f"{name}.png").write_bytes(b"by hand")
    assert run("set", "-o", ".", *words) == cli.MISUSED
    assert "masks/a.png and 1 more would be replaced" in capsys.readouterr().err
    assert {path.read_bytes() for path in drawn.iterdir()} == {b"by hand"}
    assert sorted(path.name for path in folder.iterdir()) == ["masks", "set"]


def test_settings_that_are_not_ours_are_said(interrupted, capsys):
    (interrupted / "out" / "settings.json").write_text("[]")
    assert run("set", "-o", "out", "--resume") == cli.MISUSED
    assert "out/settings.json must be of vitrail cosegment" in capsys.readouterr().err


# ---- options --------------------------------------------------------------------------------------


def test_options_reach_the_recipe():
    words = ("--side", "320", "--clusters", "7", "--threshold", "1.2", "--votes", "0.5", "--outliers", "0.4")
    spec = spec_of(*words)
    assert (spec.side, spec.outlier_similarity) == (320, 0.4)
    assert (spec.how.counts, spec.how.contrast, spec.how.vote_fraction) == ((7,), 1.2, 0.5)


def test_options_reach_the_published_recipe():
    words = ("--recipe", "amir", "--clusters", "7", "--threshold", "0.1", "--votes", "0.5")
    how = spec_of(*words, "--backbone", "vit_small_patch14_dinov2.lvd142m").how
    assert (how.n_clusters, how.saliency_threshold, how.vote_fraction) == (7, 0.1, 0.5)


def test_no_vote_at_all_is_refused():
    with pytest.raises(ValueError, match="vote_fraction must be above 0 to 1, got 0"):
        spec_of("--votes", "0")


def test_one_cluster_is_refused():
    with pytest.raises(ValueError, match="clusters must be at least 2, the object and the rest, got 1"):
        spec_of("--clusters", "1")


# ---- the real network -----------------------------------------------------------------------------


def test_a_cup_is_found_in_two_pictures_of_it(tmp_path, monkeypatch, real_backbone):
    from skimage.data import coffee

    monkeypatch.setattr("napari_vitrail.backbones.load_backbone", lambda *_, **__: real_backbone)
    cup = coffee()[::2, ::2]
    iio.imwrite(tmp_path / "cup.png", cup)
    iio.imwrite(tmp_path / "mirrored.png", cup[10:, -20::-1])
    assert run(str(tmp_path / "*.png"), "-o", str(tmp_path / "out"), "--side", "224", "--no-store") == 0
    mask = masks_in(tmp_path / "out" / "masks")["cup.png"]
    assert mask[30:110, 90:200].mean() > 0.9  # the cup
    assert mask[:50, :40].mean() < 0.1  # the table on either side
    assert mask[150:, 260:].mean() < 0.1
