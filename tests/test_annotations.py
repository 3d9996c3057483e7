"""Strokes in a .vitrail file: there and back, what is refused, and where images are looked for."""

import io
import json
import os
import subprocess
import sys
import warnings
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_vitrail import archive
from napari_vitrail.annotations import (
    Annotation,
    Annotations,
    ClassLabel,
    load_annotations,
    save_annotations,
)
from napari_vitrail.classify import fit_classifier
from napari_vitrail.cleanup import ChosenCleanUp
from napari_vitrail.crf import DenseCRF
from napari_vitrail.errors import ProjectError
from napari_vitrail.project import Project, load_classifier, load_project, save_classifier, save_project
from napari_vitrail.reference import ImageReference, pixels_digest, places
from napari_vitrail.smoothing import Smoothing
from napari_vitrail.sparse import SparseLabels
from napari_vitrail.spec import SEGMENTATION

CLASSICAL = replace(SEGMENTATION, features="classical")
GEOMETRY = {"scale": [2.0, 1.0, 1.0], "units": ("micrometer",) * 3, "affine": np.eye(4).tolist()}


@pytest.fixture
def painted():
    """Return annotations of two images, one of them a stack."""
    stack, flat = np.zeros((3, 20, 30), np.uint8), np.zeros((8, 9), np.int64)
    stack[1, 4:9, 5:20], stack[2, 3, 3:8], flat[2, 2:5] = 2, 7, 7
    images = (
        Annotation(
            "stack strokes",
            SparseLabels.of(stack),
            ImageReference("stack", (3, 20, 30), "uint16", False, "ab", "/far/stack.tif", geometry=GEOMETRY),
            GEOMETRY,
        ),
        Annotation(
            "flat strokes", SparseLabels.of(flat), ImageReference("flat", (8, 9, 3), "uint8", rgb=True)
        ),
    )
    classes = (ClassLabel(2, "Rampe é", (1, 0, 0, 1)), ClassLabel(7, "", (0, 0.5, 0.25, 1)))
    return Annotations(images, classes, CLASSICAL, "forest")


@pytest.fixture
def classifier(two_textures):
    return fit_classifier([two_textures.image], [two_textures.strokes], CLASSICAL, estimator="ridge")


@pytest.fixture
def saved(painted, classifier, tmp_path):
    """Return the path of a project with strokes and a classifier."""
    save_project(tmp_path / "own.vitrail", Project(painted, classifier))
    return tmp_path / "own.vitrail"


def members_of(path):
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def write(path, members):
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)


def describe(path, change):
    """Change the description in a file."""
    members = members_of(path)
    description = json.loads(members["project.json"])
    change(description)
    write(path, members | {"project.json": json.dumps(description).encode()})


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("how", [Smoothing(3.5), DenseCRF(colour_distance=12, n_iterations=3)], ids=str)
def test_the_clean_up_is_kept(how, is_on, painted, tmp_path):
    own = replace(painted, clean_up=ChosenCleanUp(how, is_on))
    save_annotations(tmp_path / "own.vitrail", own)
    assert load_annotations(tmp_path / "own.vitrail").clean_up == own.clean_up


def test_a_project_that_says_nothing_of_a_clean_up_opens(saved):
    describe(saved, lambda description: description.pop("clean_up"))
    assert load_project(saved).annotations.clean_up is None


@pytest.mark.parametrize(
    "entry",
    [
        {"method": "smoothing", "is_on": True, "sigma": 1e9},
        {"method": "smoothing", "is_on": True, "sigma": 0},
        {"method": "smoothing", "is_on": 1, "sigma": 2},
        {"method": "smoothing", "is_on": True},
        {"method": "crf", "is_on": True, "n_iterations": 10**9},
        {"method": "crf", "is_on": True, "n_iterations": 5, "colour_distance": "far"},
        {"method": "crf", "is_on": True, "n_iterations": 5, "other": 1},
        {"method": "magic", "is_on": True},
        "smoothing",
    ],
    ids=str,
)
def test_a_clean_up_that_cannot_be_is_refused(entry, saved):
    describe(saved, lambda description: description.update(clean_up=entry))
    with pytest.raises(ProjectError, match=r"own\.vitrail is damaged"):
        load_annotations(saved)


def test_everything_that_was_painted_is_kept(saved, painted):
    loaded = load_project(saved).annotations
    assert (loaded.classes, loaded.spec, loaded.estimator) == (
        painted.classes,
        painted.spec,
        painted.estimator,
    )
    for own, other in zip(loaded.images, painted.images, strict=True):
        assert (own.name, own.geometry) == (other.name, other.geometry)
        assert replace(own.image, relative=None) == other.image
        np.testing.assert_array_equal(own.strokes.dense(), other.strokes.dense())
        assert own.strokes.ids.dtype == other.strokes.ids.dtype


def test_a_classifier_is_found_in_a_project(saved, classifier):
    loaded = load_classifier(saved)
    assert loaded.spec == classifier.spec
    np.testing.assert_array_equal(loaded.classes_, classifier.classes_)


def test_strokes_alone_are_a_project_without_a_classifier(painted, tmp_path):
    save_annotations(tmp_path / "own.vitrail", painted)
    assert load_project(tmp_path / "own.vitrail").classifier is None
    with pytest.raises(ProjectError, match=r"own\.vitrail holds no classifier, only strokes"):
        load_classifier(tmp_path / "own.vitrail")


def test_a_classifier_alone_has_no_strokes(classifier, tmp_path):
    save_classifier(tmp_path / "own.vitrail", classifier)
    assert load_annotations(tmp_path / "own.vitrail") == Annotations()


def test_a_file_of_the_first_version_opens(classifier, saved):
    members = members_of(saved)
    old = {"format_version": 1, **json.loads(members["project.json"])["classifier"]}
    names = ("classifier.skops", "tensors.safetensors")
    write(saved, {"project.json": json.dumps(old).encode(), **{name: members[name] for name in names}})
    assert load_classifier(saved).spec == classifier.spec
    assert load_annotations(saved) == Annotations()


def test_strokes_are_read_though_the_classifier_is_damaged(saved, painted):
    write(saved, members_of(saved) | {"classifier.skops": b"nonsense"})
    with pytest.raises(ProjectError, match="its classifier cannot be read"):
        load_project(saved)
    np.testing.assert_array_equal(
        load_annotations(saved).images[0].strokes.dense(), painted.images[0].strokes.dense()
    )


def test_reading_strokes_loads_no_torch(saved):
    program = (
        "import sys; from napari_vitrail.annotations import load_annotations\n"
        f"load_annotations({str(saved)!r}); print('torch' in sys.modules, 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_file_holds_no_pickle_and_names_members_itself(saved):
    assert list(members_of(saved)) == [
        "project.json", "strokes-0.npz", "strokes-1.npz", "classifier.skops", "tensors.safetensors",
    ]  # fmt: skip


def test_what_could_not_be_loaded_is_not_saved(painted, tmp_path):
    odd = replace(painted, classes=(ClassLabel(0, "nothing", (0, 0, 0, 0)),))
    with pytest.raises(ProjectError, match="is not saved, as it could not be loaded"):
        save_annotations(tmp_path / "own.vitrail", odd)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- where images are


def test_an_image_is_looked_for_beside_the_project_where_it_was_and_by_name(tmp_path):
    reference = ImageReference(
        "a", (2, 2), "uint8", path=str(tmp_path / "old" / "a.tif"), relative="../images/a.tif"
    )
    project = tmp_path / "projects" / "own.vitrail"
    assert places(reference, project) == [
        tmp_path / "images" / "a.tif", tmp_path / "old" / "a.tif", tmp_path / "projects" / "a.tif",
    ]  # fmt: skip


@pytest.mark.parametrize("relative", ["/etc/passwd", "C:\\x.tif", "\\\\host\\x.tif", "//host/x.tif"])
def test_a_relative_path_begins_nowhere_else(relative, tmp_path):
    assert places(ImageReference("a", (2, 2), "uint8", relative=relative), tmp_path / "own.vitrail") == []


@pytest.mark.parametrize("path", ["\\\\host\\share\\a.tif", "//host/share/a.tif", "https://host/a.tif"])
def test_another_machine_is_not_looked_at(path, tmp_path):
    reference = ImageReference("a", (2, 2), "uint8", path=path)
    assert places(reference, tmp_path / "own.vitrail") == [tmp_path / "a.tif"]


@pytest.mark.skipif(os.name != "posix", reason="paths of this system")
def test_a_path_of_windows_is_found_beside_the_project(tmp_path):
    reference = ImageReference("a", (2, 2), "uint8", path="D:\\data\\a.tif")
    assert places(reference, tmp_path / "own.vitrail") == [tmp_path / "a.tif"]


def test_the_path_from_the_project_is_kept(painted, tmp_path):
    image = replace(painted.images[0].image, path=str(tmp_path / "images" / "a.tif"))
    own = replace(painted, images=(replace(painted.images[0], image=image),))
    save_annotations(tmp_path / "projects" / "own.vitrail", own)
    loaded = load_annotations(tmp_path / "projects" / "own.vitrail")
    assert loaded.images[0].image.relative == "../images/a.tif"


def test_a_digest_tells_images_apart():
    image = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    changed = image.copy()
    changed[1, 5, 5] += 1
    digests = [pixels_digest(each) for each in (image, changed, image.astype(int), image.reshape(3, 30, 20))]
    assert len(set(digests)) == 4
    assert pixels_digest(image.astype(">u2")) == digests[0]
    assert pixels_digest(np.asfortranarray(image)) == digests[0]


def test_a_digest_of_a_lazy_image_looks_at_four_planes():
    class Lazy:
        shape, dtype = (100, 7, 5, 6, 3), np.dtype(np.uint8)

        def __getitem__(self, index):
            seen.append(tuple(map(int, index)))
            return np.zeros(self.shape[2:], np.uint8)

    seen = []
    pixels_digest(Lazy(), rgb=True)
    assert seen == [(0, 0), (33, 2), (66, 4), (99, 6)]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "name",
    ["../evil.py", "/etc/evil", "C:\\evil", "a/../../evil", "strokes-0.npz/../x", "strokes-00.npz",
     "strokes-0.npz ", "other.txt", "project.json/", "folder/", "project.json\0.exe"],
)  # fmt: skip
def test_a_member_of_another_name_is_refused_and_nothing_is_written(saved, name, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    with zipfile.ZipFile(saved, "a") as packed:
        info = zipfile.ZipInfo("x" * len(name))
        packed.writestr(info, b"x")
    saved.write_bytes(saved.read_bytes().replace(b"x" * len(name), name.encode()))
    for load in (load_project, load_annotations, load_classifier):
        with pytest.raises(ProjectError, match=r"own\.vitrail"):
            load(saved)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_member_that_comes_twice_is_refused(saved):
    with warnings.catch_warnings(), zipfile.ZipFile(saved, "a") as packed:
        warnings.simplefilter("ignore")
        packed.writestr("strokes-0.npz", b"x")
    with pytest.raises(ProjectError, match=r"holds strokes-0\.npz more than once"):
        load_annotations(saved)


def test_a_link_is_refused(saved):
    members = members_of(saved)
    with zipfile.ZipFile(saved, "w") as packed:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if name == "strokes-1.npz" else 0o100644) << 16
            packed.writestr(info, data)
    with pytest.raises(ProjectError, match=r"strokes-1\.npz is a link"):
        load_annotations(saved)


def test_a_bomb_is_not_unpacked(saved, monkeypatch):
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("strokes-2.npz", bytes(50_000_000))
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 10_000_000)
    with pytest.raises(ProjectError, match=r"strokes-2\.npz would take 50000000 bytes"):
        load_annotations(saved)


def test_many_members_that_are_a_bomb_together_are_not_unpacked(saved, monkeypatch):
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as packed:
        for at in range(2, 20):
            packed.writestr(f"strokes-{at}.npz", bytes(1_000_000))
    monkeypatch.setattr(archive, "LARGEST_SUM", 10_000_000)
    with pytest.raises(ProjectError, match=r"would take \d+ bytes, above the 10000000 allowed"):
        load_annotations(saved)


def test_a_member_that_is_longer_than_it_says_is_refused(saved):
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("strokes-2.npz", bytes(5_000_000))
    data = saved.read_bytes()
    saved.write_bytes(data.replace((5_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(ProjectError, match="damaged"):
        load_annotations(saved)


@pytest.mark.slow
def test_a_bomb_in_the_strokes_is_not_unpacked(saved):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("shape", "starts", "lengths"):
            packed.writestr(f"{name}.npy", bytes(800_000_000))
    write(saved, members_of(saved) | {"strokes-0.npz": inner.getvalue()})
    with pytest.raises(ProjectError, match="would take 2400000000 bytes"):
        load_annotations(saved)


def test_a_pickle_in_the_strokes_is_not_run(saved, tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "run",)

    file = io.BytesIO()
    arrays = dict.fromkeys(("shape", "starts", "lengths", "ids"), np.array([Evil()], object))
    np.savez(file, **arrays)
    write(saved, members_of(saved) | {"strokes-0.npz": file.getvalue()})
    with pytest.raises(ProjectError, match="strokes cannot be read"):
        load_annotations(saved)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("tenths", range(10))
def test_a_file_that_is_cut_short_is_refused(saved, tenths):
    data = saved.read_bytes()
    saved.write_bytes(data[: len(data) * tenths // 10])
    for load in (load_project, load_annotations):
        with pytest.raises(ProjectError, match=r"own\.vitrail"):
            load(saved)


@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_flipped_bits_are_never_another_error(saved, painted):
    data, rng = saved.read_bytes(), np.random.default_rng(0)
    refused = 0
    ends = np.concatenate([np.arange(200), np.arange(len(data) - 500, len(data))])
    for at in [*rng.choice(ends, 150, replace=False), *rng.integers(0, len(data), 150)]:
        changed = bytearray(data)
        changed[at] ^= 1 << rng.integers(8)
        saved.write_bytes(changed)
        try:
            load_project(saved)
        except ProjectError:
            refused += 1
    assert refused > 150  # some bits say nothing, as those of dates


def test_flipped_bits_in_the_strokes_are_never_another_error(saved):
    members, rng = members_of(saved), np.random.default_rng(0)
    with zipfile.ZipFile(io.BytesIO(members["strokes-0.npz"])) as packed:
        inner = {name: packed.read(name) for name in packed.namelist()}
    for _ in range(200):
        name = rng.choice(list(inner))
        changed = bytearray(inner[name])
        changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
        file = io.BytesIO()
        write(file, inner | {name: bytes(changed)})
        write(saved, members | {"strokes-0.npz": file.getvalue()})
        with suppress(ProjectError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_annotations(saved)


def put(*keys, value):
    def change(description):
        for key in keys[:-1]:
            description = description[key]
        description[keys[-1]] = value

    change.__name__ = f"{'.'.join(map(str, keys))} = {value!r:.40}"
    return change


DEEP = json.loads("[" * 500 + "]" * 500)


@pytest.mark.parametrize(
    "change",
    [
        put("images", value=None),
        put("images", value={}),
        put("images", value=[]),
        put("images", 0, value="text"),
        put("images", 0, "strokes", value=None),
        put("images", 0, "strokes", "name", value=7),
        put("images", 0, "strokes", "name", value="x" * 20_000),
        put("images", 0, "strokes", "geometry", value={"scale": [1, 1]}),
        put("images", 0, "strokes", "geometry", value={"scale": [1, 1, 0]}),
        put("images", 0, "strokes", "geometry", value={"scale": [1, 1, float("nan")]}),
        put("images", 0, "strokes", "geometry", value={"scale": ["1", "1", "x"]}),
        put("images", 0, "strokes", "geometry", value={"scale": DEEP}),
        put("images", 0, "strokes", "geometry", value={"affine": [[1, 0], [0, 1]]}),
        put("images", 0, "strokes", "geometry", value={"units": ["10**10**10"] * 3}),
        put("images", 0, "strokes", "geometry", value={"units": "um"}),
        put("images", 0, "strokes", "geometry", value={"data": [1]}),
        put("images", 0, "strokes", "geometry", value=[1]),
        put("images", 0, "image", value=None),
        put("images", 0, "image", "shape", value=[]),
        put("images", 0, "image", "shape", value=[3, -20, 30]),
        put("images", 0, "image", "shape", value=[3, 2.5, 30]),
        put("images", 0, "image", "shape", value=[10**400, 2, 3]),
        put("images", 0, "image", "shape", value="abc"),
        put("images", 0, "image", "dtype", value="object"),
        put("images", 0, "image", "dtype", value="u1,u1"),
        put("images", 0, "image", "dtype", value="nonsense"),
        put("images", 0, "image", "rgb", value="yes"),
        put("images", 0, "image", "path", value=["/a"]),
        put("images", 0, "image", "path", value="/a\0b"),
        put("images", 0, "image", "relative", value=3),
        put("images", 0, "image", "sample", value=["one"]),
        put("images", 0, "image", "sample", value=5),
        put("images", 0, "image", "digest", value=None),
        put("classes", value=None),
        put("classes", value={"a": 1}),
        put("classes", 0, value=[1]),
        put("classes", 0, "id", value=0),
        put("classes", 0, "id", value=True),
        put("classes", 0, "id", value=7),
        put("classes", 0, "id", value=10**6),
        put("classes", 0, "name", value=None),
        put("classes", 0, "colour", value=[1, 1, 1]),
        put("classes", 0, "colour", value=[1, 1, 1, 2]),
        put("classes", 0, "colour", value=[1, 1, 1, float("inf")]),
        put("classes", 0, "colour", value="red"),
        put("classes", 0, "locked", value=1),
        put("settings", value=5),
        put("settings", "spec", value={"stride": 99}),
        put("settings", "spec", value=None),
        put("settings", "estimator", value="magic"),
        put("settings", "estimator", value=["forest"]),
    ],
    ids=lambda change: change.__name__,
)
def test_a_description_that_cannot_be_is_refused(saved, change):
    describe(saved, change)
    for load in (load_annotations, load_project):
        with pytest.raises(ProjectError, match=r"own\.vitrail is damaged: its strokes cannot be read"):
            load(saved)


def test_strokes_that_are_missing_are_named(saved):
    members = members_of(saved)
    del members["strokes-1.npz"]
    write(saved, members)
    with pytest.raises(ProjectError, match=r"strokes-1\.npz"):
        load_annotations(saved)


@pytest.mark.parametrize("content", [b"[" * 200_000, b"NaN", b"7", b'"text"', b'{"format_version": [2]}'])
def test_a_description_of_something_else_is_refused(saved, content):
    write(saved, members_of(saved) | {"project.json": content})
    with pytest.raises(ProjectError, match=r"own\.vitrail"):
        load_annotations(saved)
