"""The .vitrail file: what is saved is loaded bit for bit, and what is strange is refused."""

import io
import json
import os
import zipfile
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from napari_vitrail import project
from napari_vitrail.backbones import load_backbone
from napari_vitrail.classify import class_probabilities, fit_classifier, segment
from napari_vitrail.errors import ProjectError, SpecMismatch
from napari_vitrail.estimators import ESTIMATORS
from napari_vitrail.project import load_classifier, save_classifier
from napari_vitrail.spec import FeatureSpec

TINY = FeatureSpec(features="hybrid", backbone="tiny", stride=8, n_components=4)
MEMBERS = ("project.json", "classifier.skops", "tensors.safetensors")


class Majority(ClassifierMixin, BaseEstimator):
    """A classifier of one's own."""

    def fit(self, rows, ids):
        self.classes_ = np.unique(ids)
        return self

    def predict_proba(self, rows):
        return np.full((len(rows), len(self.classes_)), 1 / len(self.classes_))


@pytest.fixture
def fit(two_textures, tiny_backbone):
    """Return a function that trains on two textures."""

    def make(estimator="logistic", spec=TINY, **options):
        return fit_classifier(
            [two_textures.image], [two_textures.strokes], spec,
            estimator=estimator, backbone=tiny_backbone, **options,
        )  # fmt: skip

    return make


@pytest.fixture
def saved(fit, tmp_path):
    """Return the path of a saved classifier."""
    path = tmp_path / "model.vitrail"
    save_classifier(path, fit())
    return path


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def describe(path, **changes):
    """Write other entries into the description of a saved classifier."""
    members = members_of(path)
    members["project.json"] = json.dumps(json.loads(members["project.json"]) | changes).encode()
    write(path, members)


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("name", [None, *ESTIMATORS])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_loaded_classifier_predicts_bit_for_bit(name, fit, tmp_path, two_textures, tiny_backbone):
    classifier = fit(name)
    save_classifier(tmp_path / "model.vitrail", classifier)
    loaded = load_classifier(tmp_path / "model.vitrail")
    ours, theirs = (
        class_probabilities(two_textures.image, each, backbone=tiny_backbone) for each in (loaded, classifier)
    )
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("features", ["classical", "vit", "hybrid", "auto"])
def test_the_default_of_every_feature_set_can_be_saved(features, fit, tmp_path, two_textures, tiny_backbone):
    classifier = fit(None, replace(TINY, features=features))
    save_classifier(tmp_path / "model.vitrail", classifier)
    loaded = load_classifier(tmp_path / "model.vitrail")
    assert loaded.spec == classifier.spec
    np.testing.assert_array_equal(
        segment(two_textures.image, loaded, backbone=tiny_backbone),
        segment(two_textures.image, classifier, backbone=tiny_backbone),
    )


def test_everything_that_made_a_classifier_is_kept(fit, tmp_path):
    classifier = fit(class_names={2: "noise", 7: "Rampe é"})
    save_classifier(tmp_path / "model.vitrail", classifier)
    loaded = load_classifier(tmp_path / "model.vitrail")
    for name in ("spec", "intensity", "weights", "class_names", "report", "width", "dtype"):
        assert getattr(loaded, name) == getattr(classifier, name), name
    np.testing.assert_array_equal(loaded.classes_, [2, 7])


def test_a_classical_classifier_needs_no_projection(fit, tmp_path, two_textures):
    save_classifier(tmp_path / "model.vitrail", fit(spec=replace(TINY, features="classical")))
    loaded = load_classifier(tmp_path / "model.vitrail")
    assert loaded.projection is None
    assert loaded.weights is None
    assert segment(two_textures.image, loaded).shape == (56, 64)


def test_a_file_holds_the_three_members_and_no_pickle(saved):
    members = members_of(saved)
    assert tuple(members) == MEMBERS
    description = json.loads(members["project.json"])
    assert description["format_version"] == 1
    assert description["spec"]["backbone"] == "tiny"
    with zipfile.ZipFile(io.BytesIO(members["classifier.skops"])) as inner:
        assert not [name for name in inner.namelist() if "pickle" in name or name.endswith(".pkl")]


def test_a_loaded_classifier_refuses_another_backbone(saved, two_textures, tiny_registers):
    with pytest.raises(SpecMismatch, match="trained with tiny, got tiny_registers"):
        segment(two_textures.image, load_classifier(saved), backbone=tiny_registers)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_others_may_read_the_file_as_they_may_any_other(saved, tmp_path):
    (tmp_path / "other").write_text("")
    assert saved.stat().st_mode == (tmp_path / "other").stat().st_mode


# ---------------------------------------------------------------- what is not saved


def test_an_estimator_of_ones_own_is_refused_with_its_type(fit, tmp_path):
    with pytest.raises(ProjectError, match=r"estimator Majority holds types that are not saved.*Majority"):
        save_classifier(tmp_path / "model.vitrail", fit(Majority()))
    assert list(tmp_path.iterdir()) == []


def test_a_function_inside_an_estimator_is_refused(fit, tmp_path):
    estimator = make_pipeline(FunctionTransformer(os.path.basename), LogisticRegression())
    estimator.steps[0][1].func = abs_of
    with pytest.raises(ProjectError, match="abs_of"):
        save_classifier(tmp_path / "model.vitrail", fit(estimator))


def abs_of(rows):
    return np.abs(rows)


@pytest.mark.parametrize("when", ["dumping", "writing"])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(when, fit, saved, monkeypatch):
    def fail(*arguments, **options):
        raise OSError("no space left")

    before = saved.read_bytes()
    if when == "writing":
        monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    error = OSError if when == "writing" else ProjectError
    with pytest.raises(error):
        save_classifier(saved, fit("logistic" if when == "writing" else Majority()))
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_save_replaces_the_old_file(fit, saved):
    save_classifier(saved, fit(spec=replace(TINY, features="classical")))
    assert load_classifier(saved).spec.features == "classical"
    assert list(saved.parent.iterdir()) == [saved]


# ---------------------------------------------------------------- what is not loaded


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.vitrail"):
        load_classifier(tmp_path / "none.vitrail")


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"\x00" * 500])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "odd.vitrail").write_bytes(content)
    with pytest.raises(ProjectError, match=r"odd\.vitrail is not a \.vitrail file, or is damaged"):
        load_classifier(tmp_path / "odd.vitrail")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_refused(saved, keep):
    saved.write_bytes(saved.read_bytes()[: int(keep * saved.stat().st_size)])
    with pytest.raises(ProjectError, match="damaged"):
        load_classifier(saved)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_missing_member_is_named(saved, name):
    members = members_of(saved)
    del members[name]
    write(saved, members)
    with pytest.raises(ProjectError, match=name):
        load_classifier(saved)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("content", [b"", b"nonsense", b"{}", b"[]", b"null", b"\xff\xfe"])
def test_a_member_of_something_else_is_refused(saved, name, content):
    write(saved, members_of(saved) | {name: content})
    with pytest.raises(ProjectError, match=r"model\.vitrail"):
        load_classifier(saved)


def test_a_newer_format_is_refused_with_advice(saved):
    describe(saved, format_version=2)
    with pytest.raises(ProjectError, match="format version 2, and this napari-vitrail reads 1; update"):
        load_classifier(saved)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_that_says_it_is_huge_is_not_unpacked(saved, name, monkeypatch):
    monkeypatch.setattr(project, "LARGEST_MEMBER", len(members_of(saved)[name]) - 1)
    with pytest.raises(ProjectError, match="would take"):
        load_classifier(saved)


def test_a_bomb_inside_the_estimator_is_not_unpacked(saved, monkeypatch):
    members = members_of(saved)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 50_000_000)
    write(saved, members | {"classifier.skops": inner.getvalue()})
    monkeypatch.setattr(project, "LARGEST_MEMBER", 10_000_000)
    with pytest.raises(ProjectError, match="would take"):
        load_classifier(saved)


def test_an_encrypted_or_oddly_packed_member_is_refused(saved):
    data = bytearray(saved.read_bytes())
    for field, value in ((6, 1), (8, 99)):  # the flags, the kind of compression
        changed = bytearray(data)
        local, central = changed.index(b"PK\x03\x04"), changed.index(b"PK\x01\x02")
        changed[local + field] = changed[central + field + 2] = value
        saved.write_bytes(changed)
        with pytest.raises(ProjectError, match=r"model\.vitrail"):
            load_classifier(saved)


def test_foreign_types_are_refused_and_not_built(saved):
    import skops.io

    write(saved, members_of(saved) | {"classifier.skops": skops.io.dumps(Majority())})
    with pytest.raises(ProjectError, match=r"refused for safety.*Majority"):
        load_classifier(saved)


def test_flipped_bytes_in_the_estimator_are_never_another_error(saved):
    members, rng = members_of(saved), np.random.default_rng(0)
    with zipfile.ZipFile(io.BytesIO(members["classifier.skops"])) as archive:
        inner = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(100):
        name = rng.choice(list(inner))
        data = bytearray(inner[name])
        data[rng.integers(min(len(data), 1000))] = rng.choice(np.frombuffer(b'09{}[],:"\x00\xff', np.uint8))
        changed = io.BytesIO()
        write(changed, inner | {name: bytes(data)})
        write(saved, members | {"classifier.skops": changed.getvalue()})
        with suppress(ProjectError):  # some damage goes unseen
            load_classifier(saved)


@pytest.mark.parametrize("thing", [LogisticRegression(), {"a": 1}, [1, 2], "text", None], ids=repr)
def test_a_member_that_is_no_fitted_classifier_is_refused(saved, thing):
    import skops.io

    write(saved, members_of(saved) | {"classifier.skops": skops.io.dumps(thing)})
    with pytest.raises(ProjectError, match="not a classifier"):
        load_classifier(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": {"strid": 4}},
        {"spec": {"stride": 99}},
        {"spec": "text"},
        {"spec": None},
        {"spec": [1]},
        {"spec": TINY.to_dict() | {"features": "classical"}},
        {"spec": TINY.to_dict() | {"features": "vit"}},
        {"intensity": {"low": 0}},
        {"intensity": {"low": 0, "high": 1, "middle": 2}},
        {"intensity": {"low": "dark", "high": 1}},
        {"intensity": None},
        {"weights": {"source": "hub"}},
        {"weights": "hub"},
        {"class_names": None},
        {"class_names": {"two": "noise"}},
        {"class_names": [1]},
    ],
    ids=str,
)
def test_a_description_that_does_not_fit_is_refused(saved, changes):
    describe(saved, **changes)
    with pytest.raises(ProjectError, match="damaged or not a classifier"):
        load_classifier(saved)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("classes", np.array([2, 8])),
        ("classes", np.array([2, 7, 9])),
        ("projection.basis", np.zeros((48, 5), np.float32)),
        ("projection.basis", np.zeros(48, np.float32)),
        ("projection.basis", np.zeros((0, 0), np.float32)),
        ("projection.offset", np.zeros(5, np.float32)),
        ("projection.offset", np.zeros((2, 2, 2), np.float32)),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.shape),
)
def test_tensors_that_do_not_fit_are_refused(saved, name, values):
    from safetensors.numpy import load, save

    members = members_of(saved)
    tensors = load(members["tensors.safetensors"]) | {name: values}
    write(saved, members | {"tensors.safetensors": save(tensors)})
    with pytest.raises(ProjectError, match="damaged or not a classifier"):
        load_classifier(saved)


@pytest.mark.parametrize("name", ["classes", "projection.basis", "projection.offset"])
def test_a_missing_tensor_is_named(saved, name):
    from safetensors.numpy import load, save

    members = members_of(saved)
    tensors = load(members["tensors.safetensors"])
    del tensors[name]
    write(saved, members | {"tensors.safetensors": save(tensors)})
    with pytest.raises(ProjectError, match=name):
        load_classifier(saved)


def test_an_estimator_of_another_width_is_refused(saved, fit, tmp_path):
    other = tmp_path / "other.vitrail"
    save_classifier(other, fit(spec=replace(TINY, n_components=3)))
    write(saved, members_of(saved) | {"classifier.skops": members_of(other)["classifier.skops"]})
    with pytest.raises(ProjectError, match="takes 61 features, its spec makes 62"):
        load_classifier(saved)


@pytest.mark.parametrize("features", ["vit", "auto"])
def test_a_default_estimator_of_another_width_is_refused(features, fit, saved):
    classifier = fit(None, replace(TINY, features=features))
    narrow = replace(
        classifier.projection,
        basis=classifier.projection.basis[:, 1:],
        offset=classifier.projection.offset[1:],
    )
    save_classifier(saved, replace(classifier, projection=narrow))
    with pytest.raises(ProjectError, match="damaged or not a classifier"):
        load_classifier(saved)


@pytest.mark.slow
def test_the_weights_of_a_file_are_asked_for_by_name(real_backbone, fit, two_textures, tmp_path, monkeypatch):
    """A model trained on the offline weights asks for those, whatever else is in the caches."""
    spec = FeatureSpec(features="vit", stride=14)
    classifier = fit_classifier([two_textures.image], [two_textures.strokes], spec, backbone=real_backbone)
    save_classifier(tmp_path / "model.vitrail", classifier)
    monkeypatch.setenv("VITRAIL_CACHE_DIR", str(tmp_path))
    loaded = load_classifier(tmp_path / "model.vitrail")
    assert loaded.weights == real_backbone.info.weights
    asked = []
    monkeypatch.setattr(
        "napari_vitrail.classify.load_backbone",
        lambda name, **options: asked.append(options["weights"]) or load_backbone(name, **options),
    )
    segmentation = segment(two_textures.image, loaded, device="cpu")
    assert asked == ["offline"]
    np.testing.assert_array_equal(
        segmentation, segment(two_textures.image, classifier, backbone=real_backbone)
    )
