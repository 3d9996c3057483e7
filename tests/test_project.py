"""The .vitrail file: what is saved is loaded bit for bit, and what is strange is refused."""

import io
import json
import os
import subprocess
import sys
import zipfile
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree._tree import Tree

from napari_vitrail import archive
from napari_vitrail.backbones import load_backbone
from napari_vitrail.backbones._registry import REGISTRY
from napari_vitrail.blend import Blend, detail_forest
from napari_vitrail.classify import fit_classifier
from napari_vitrail.errors import ProjectError, SpecMismatch
from napari_vitrail.estimators import ESTIMATORS
from napari_vitrail.project import load_classifier, save_classifier
from napari_vitrail.segmentation import class_probabilities, segment
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


@pytest.fixture(autouse=True)
def _tiny_is_registered(tiny_backbone, monkeypatch):
    monkeypatch.setitem(REGISTRY, "tiny", replace(tiny_backbone.info, weights=None))


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
    description = json.loads(members["project.json"])
    description["classifier"] |= changes
    write(path, members | {"project.json": json.dumps(description).encode()})


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
    assert description["format_version"] == 2
    assert description["classifier"]["spec"]["backbone"] == "tiny"
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


@pytest.mark.parametrize(
    "estimator", [KNeighborsClassifier(), SVC(), GradientBoostingClassifier(n_estimators=2)], ids=repr
)
def test_a_refusal_lists_what_is_saved(estimator, fit, tmp_path):
    known = ", ".join(ESTIMATORS)
    with pytest.raises(ProjectError, match=rf"saved are the default \(estimator=None\).*{known}"):
        save_classifier(tmp_path / "model.vitrail", fit(estimator, replace(TINY, features="classical")))


@pytest.mark.parametrize("name", MEMBERS)
def test_what_would_be_too_large_to_load_is_not_saved(name, fit, saved, tmp_path, monkeypatch):
    sizes = {member: len(data) for member, data in members_of(saved).items()}
    monkeypatch.setattr(archive, "LARGEST_MEMBER", sizes[name] - 1)
    with pytest.raises(ProjectError, match=rf"would take \d+ bytes, above the {sizes[name] - 1} allowed"):
        save_classifier(tmp_path / "other.vitrail", fit())
    assert list(tmp_path.iterdir()) == [saved]


def test_a_classifier_that_could_not_be_loaded_is_not_saved(fit, tmp_path):
    nameless = replace(fit(), weights=None)
    with pytest.raises(ProjectError, match="could not be loaded: its hybrid features need a projection"):
        save_classifier(tmp_path / "model.vitrail", nameless)
    assert list(tmp_path.iterdir()) == []


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
    members = members_of(saved)
    description = json.loads(members["project.json"]) | {"format_version": 3}
    write(saved, members | {"project.json": json.dumps(description).encode()})
    with pytest.raises(ProjectError, match="format version 3, and this napari-vitrail reads 1, 2; update"):
        load_classifier(saved)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_that_says_it_is_huge_is_not_unpacked(saved, name, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST_MEMBER", len(members_of(saved)[name]) - 1)
    with pytest.raises(ProjectError, match="would take"):
        load_classifier(saved)


def test_a_bomb_inside_the_estimator_is_not_unpacked(saved, monkeypatch):
    members = members_of(saved)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("schema.json", b" " * 50_000_000)
    write(saved, members | {"classifier.skops": inner.getvalue()})
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 10_000_000)
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
        {"weights": None},
        {"weights": {"source": "//host/share", "location": "x", "digest": "0" * 64}},
        {"weights": {"source": "file", "location": None, "digest": "0" * 64}},
        {"weights": {"source": "file", "location": "x", "digest": "0" * 63}},
        {"weights": {"source": "file", "location": "x", "digest": "g" * 64}},
        {"weights": {"source": ["hub"], "location": "x", "digest": "0" * 64}},
        {"weights": {"source": "hub", "location": "x", "digest": 12}},
        {"spec": TINY.to_dict() | {"features": "auto"}},
        {"spec": TINY.to_dict() | {"backbone": "vit_small_patch14_dinov2.lvd142m"}},
        {"spec": TINY.to_dict() | {"backbone": "nobody"}},
        {"spec": TINY.to_dict() | {"attention": True}},
        {"spec": TINY.to_dict() | {"layer": 3}},
        {"intensity": {"low": float("nan"), "high": 1}},
        {"intensity": {"low": 0, "high": float("inf")}},
        {"intensity": {"low": 2, "high": 1}},
        {"intensity": {"low": 0, "high": 10**400}},
        {"class_names": {"2": 5}},
        {"class_names": {"2": "noise", "3": "nothing"}},
        {"report": ["words"]},
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
        ("projection.basis", np.zeros((47, 4), np.float32)),
        ("projection.basis", np.full((48, 4), np.nan, np.float32)),
        ("projection.basis", np.zeros((48, 4), np.int32)),
        ("projection.offset", np.full(4, np.inf, np.float32)),
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
    from safetensors.numpy import load, save

    save_classifier(saved, fit(None, replace(TINY, features=features)))
    members = members_of(saved)
    tensors = load(members["tensors.safetensors"])
    tensors["projection.basis"] = tensors["projection.basis"][:, 1:].copy()
    tensors["projection.offset"] = tensors["projection.offset"][1:].copy()
    write(saved, members | {"tensors.safetensors": save(tensors)})
    with pytest.raises(ProjectError, match=r"takes \d+ features, its spec makes \d+"):
        load_classifier(saved)


def test_a_description_nested_without_end_is_refused(saved):
    write(saved, members_of(saved) | {"project.json": b"[" * 200_000})
    with pytest.raises(ProjectError, match="damaged"):
        load_classifier(saved)


# ---------------------------------------------------------------- what would crash


def with_nodes(tree, **changes):
    """Return a tree whose root, or the node named by `at`, says something else."""
    at = changes.pop("at", 0)
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    for name, value in changes.items():
        state["nodes"][name][at] = value
    return with_state(tree, state)


def with_state(tree, state):
    n_features, n_classes, n_outputs = tree.__reduce__()[1]
    other = Tree(n_features, n_classes, n_outputs)
    other.__setstate__(state)
    return other


def values_of(tree, values):
    return with_state(tree, tree.__getstate__() | {"values": np.full_like(tree.value, values)})


def other_trees(tree, n_features, n_classes):
    other = Tree(n_features, np.array([n_classes]), 1)
    values = np.ones((tree.node_count, 1, n_classes))
    other.__setstate__(tree.__getstate__() | {"values": values})
    return other


def bare(tree):
    return Tree(*tree.__reduce__()[1])


TREES = {
    "a left child far away": lambda tree: with_nodes(tree, left_child=2**40),
    "a right child far away": lambda tree: with_nodes(tree, right_child=2**40),
    "a child just outside": lambda tree: with_nodes(tree, right_child=tree.node_count),
    "a negative child": lambda tree: with_nodes(tree, left_child=-(2**40)),
    "half a leaf": lambda tree: with_nodes(tree, right_child=-1),
    "a loop at the root": lambda tree: with_nodes(tree, left_child=0, right_child=0),
    "a loop further down": lambda tree: with_nodes(tree, at=1, left_child=0, right_child=0),
    "a feature far away": lambda tree: with_nodes(tree, feature=2**40),
    "a feature just outside": lambda tree: with_nodes(tree, feature=tree.n_features),
    "a negative feature": lambda tree: with_nodes(tree, feature=-(2**40)),
    "another width": lambda tree: other_trees(tree, 2**20, tree.n_classes[0]),
    "another number of classes": lambda tree: other_trees(tree, tree.n_features, 9),
    "a value that is not finite": lambda tree: values_of(tree, np.nan),
    "no nodes": bare,
    "no tree": lambda tree: None,
}
"""What is wrong -> a function of a good tree that returns a bad one."""

OWNERS = {
    "a forest": lambda forest: forest,
    "the default": lambda forest: Blend(forest.classes_, 0.0, forest),
    "a pipeline": lambda forest: make_pipeline(StandardScaler(), forest),
}
"""Where a forest may lie -> a function of it that returns the whole."""

FORESTS = {
    "trees of another width": lambda forest: [
        (setattr(tree, "n_features_in_", 99), setattr(tree, "tree_", other_trees(tree.tree_, 99, 2)))
        for tree in forest.estimators_
    ],
    "no classes": lambda forest: delattr(forest, "classes_"),
    "an unfitted tree": lambda forest: delattr(forest.estimators_[0], "tree_"),
    "no width": lambda forest: delattr(forest, "n_features_in_"),
    "a tree without width": lambda forest: delattr(forest.estimators_[0], "n_features_in_"),
    "more trees said than held": lambda forest: setattr(forest, "n_estimators", 2**30),
    "a pipeline for a tree": lambda forest: forest.estimators_.append(make_pipeline(StandardScaler())),
    "a bare tree": lambda forest: forest.estimators_.__setitem__(0, forest.estimators_[0].tree_),
    "too many classes": lambda forest: setattr(forest, "n_classes_", 2**40),
    "a replaced check": lambda forest: setattr(forest, "_validate_X_predict", np.positive),
}
"""What is wrong -> a function that does it to a forest."""

PREDICTORS = {
    "a left child far away": {"left": 2**31},
    "a right child far away": {"right": 2**31},
    "a loop": {"left": 0, "right": 0},
    "a feature far away": {"feature_idx": 2**40},
    "a negative feature": {"feature_idx": -(2**40)},
    "a categorical split": {"is_categorical": 1, "bitset_idx": 2**31},
    "a value that is not finite": {"value": np.inf},
}
"""What is wrong -> fields of the root of a boosted tree."""

BLENDS = {
    "other classes": {"classes": np.array([2, 8])},
    "more classes": {"classes": np.array([2, 7, 9])},
    "a weight above 1": {"weight": 1.5},
    "a weight that is no number": {"weight": float("nan")},
    "no forest": {"forest": None},
    "another blend inside": {"forest": Blend(np.array([2, 7]), 0.0, None)},
}
"""What is wrong -> attributes of the default estimator."""

OPEN_AND_SEGMENT = """
import sys
import numpy as np
from napari_vitrail import load_classifier, segment
from napari_vitrail.errors import ProjectError
for path in sys.argv[1:]:
    try:
        segment(np.arange(64, dtype=np.uint8).reshape(8, 8), load_classifier(path))
        print("segmented", path, flush=True)
    except ProjectError as error:
        print("refused" if "damaged or not a classifier" in str(error) else error, path, flush=True)
"""


@pytest.fixture
def small(fit, tmp_path):
    """Return the path of a classifier of five trees on classical features, and its forest."""
    classifier = fit(detail_forest(5, 0).set_params(n_jobs=1), replace(TINY, features="classical"))
    save_classifier(tmp_path / "small.vitrail", classifier)
    return tmp_path / "small.vitrail", classifier.estimator


def craft(path, good, estimator):
    """Write a file like a good one, with another estimator."""
    write(path, members_of(good) | {"classifier.skops": skops.io.dumps(estimator)})
    return path


def opened(paths):
    """Return what another process, which may crash, makes of each file."""
    words = [sys.executable, "-c", OPEN_AND_SEGMENT, *map(str, paths)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240)
    made = dict(line.split(" ", 1)[::-1] for line in done.stdout.splitlines())
    return {path.stem: made.get(str(path), f"crashed: {done.returncode} {done.stderr}") for path in paths}


def all_refused(names):
    return dict.fromkeys(names, "refused")


def test_a_good_file_is_opened_in_another_process(small):
    assert opened([small[0]]) == {"small": "segmented"}


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.slow
def test_a_crafted_tree_is_refused_before_it_crashes(owner, small):
    good, forest = small
    paths = []
    for name, change in TREES.items():
        crafted = deepcopy(forest)
        crafted.estimators_[2].tree_ = change(crafted.estimators_[2].tree_)
        whole = OWNERS[owner](crafted)
        if owner == "a pipeline":
            whole.steps[0][1].fit(np.eye(forest.n_features_in_))
        paths.append(craft(good.with_name(f"{name}.vitrail"), good, whole))
    assert opened(paths) == all_refused(TREES)


@pytest.mark.slow
def test_a_crafted_forest_is_refused_before_it_crashes(small):
    good, forest = small
    paths = []
    for name, change in FORESTS.items():
        crafted = deepcopy(forest)
        change(crafted)
        paths.append(craft(good.with_name(f"{name}.vitrail"), good, crafted))
    assert opened(paths) == all_refused(FORESTS)


@pytest.mark.slow
def test_a_crafted_boosted_tree_is_refused_before_it_crashes(fit, tmp_path):
    model = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    classifier = fit(model, replace(TINY, features="classical"))
    good, paths = tmp_path / "good.vitrail", []
    save_classifier(good, classifier)
    for name, changes in PREDICTORS.items():
        crafted = deepcopy(classifier.estimator)
        nodes = crafted._predictors[1][0].nodes
        assert not nodes["is_leaf"][0]
        for field, value in changes.items():
            nodes[field][0] = value
        paths.append(craft(good.with_name(f"{name}.vitrail"), good, crafted))
    assert opened([good, *paths]) == {"good": "segmented"} | all_refused(PREDICTORS)


@pytest.mark.slow
def test_a_crafted_blend_is_refused_before_it_crashes(small):
    good, forest = small
    paths = []
    for name, changes in BLENDS.items():
        crafted = Blend(forest.classes_, 0.0, forest).set_params(**changes)
        paths.append(craft(good.with_name(f"{name}.vitrail"), good, crafted))
    assert opened(paths) == all_refused(BLENDS)


def test_trees_inside_another_classifier_are_looked_at(fit, tmp_path):
    classifier = fit(AdaBoostClassifier(n_estimators=2), replace(TINY, features="classical"))
    good = tmp_path / "good.vitrail"
    save_classifier(good, classifier)
    assert load_classifier(good).width == classifier.width
    stump = classifier.estimator.estimators_[0]
    stump.tree_ = with_nodes(stump.tree_, left_child=0)
    with pytest.raises(ProjectError, match="lead out of it or in a circle"):
        load_classifier(craft(tmp_path / "crafted.vitrail", good, classifier.estimator))


def test_an_estimator_that_hands_its_numbers_to_compiled_code_is_refused(small):
    good, forest = small
    rows = np.random.default_rng(0).random((40, forest.n_features_in_))
    crafted = SVC().fit(rows, np.repeat([2, 7], 20))
    with pytest.raises(ProjectError, match=r"refused for safety: sklearn\.svm\._classes\.SVC"):
        load_classifier(craft(good.with_name("support.vitrail"), good, crafted))


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
    monkeypatch.setattr("napari_vitrail.trained.loaded_backbone", lambda *_, **options: None)
    monkeypatch.setattr(
        "napari_vitrail.trained.load_backbone",
        lambda name, **options: asked.append(options["weights"]) or load_backbone(name, **options),
    )
    segmentation = segment(two_textures.image, loaded, device="cpu")
    assert asked == ["offline"]
    np.testing.assert_array_equal(
        segmentation, segment(two_textures.image, classifier, backbone=real_backbone)
    )
