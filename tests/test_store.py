"""What was computed once is found again to the bit; nothing that is wrong with a disk changes a result."""

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_vitrail.features import KnownTokens, extract_features, features_at
from napari_vitrail.recent import Recent
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.store import FeatureStore

VIT = FeatureSpec(features="vit", backbone="tiny", stride=4)
KEY = "ab" + 62 * "0"


@pytest.fixture(scope="module")
def picture():
    """Return 40 x 56 pixels of noise, 5 x 7 patches."""
    return np.random.default_rng(0).integers(0, 256, (40, 56), np.uint8)


@pytest.fixture
def tokens():
    """Return a tile of 3 x 4 tokens, all known."""
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float16)
    return KnownTokens(values, np.ones((3, 4), bool))


@pytest.fixture
def asked(tiny_backbone, monkeypatch):
    """Return a list that notes every pass of the tiny backbone and how many corners it was asked."""
    calls = []
    context, query = tiny_backbone.context, tiny_backbone.query

    def noted_context(*args, **options):
        calls.append("context")
        return context(*args, **options)

    def noted_query(known, corners, **options):
        calls.append(len(corners))
        return query(known, corners, **options)

    monkeypatch.setattr(tiny_backbone, "context", noted_context)
    monkeypatch.setattr(tiny_backbone, "query", noted_query)
    return calls


def files(store):
    return sorted(store.folder.glob("??/*"))


# ---------------------------------------------------------------- hits and misses


@pytest.mark.parametrize("where", ["memory", "disk"])
@pytest.mark.parametrize(
    "change", [{}, {"attention": True}, {"flips": "group"}, {"tile": 64, "halo": 16, "magnification": 3.0}]
)
def test_a_hit_is_a_miss_to_the_bit(where, change, picture, tiny_backbone, tmp_path, asked):
    spec = replace(VIT, **change)
    store = FeatureStore(tmp_path)
    miss = extract_features(picture, spec, backbone=tiny_backbone, store=store)
    asked.clear()
    again = store if where == "memory" else FeatureStore(tmp_path)
    hit = extract_features(picture, spec, backbone=tiny_backbone, store=again)
    assert asked == []
    np.testing.assert_array_equal(hit.values, miss.values)
    assert hit.grid == miss.grid


def test_stored_features_are_those_without_a_store_in_half_precision(picture, tiny_backbone):
    plain = extract_features(picture, VIT, backbone=tiny_backbone).values
    stored = extract_features(picture, VIT, backbone=tiny_backbone, store=FeatureStore()).values
    np.testing.assert_array_equal(stored, plain.astype(np.float16))


def test_strided_copies_are_stored_too(picture, tiny_backbone, monkeypatch):
    spec, store = replace(VIT, sampling="strided", shifts="neumann"), FeatureStore()
    miss = extract_features(picture, spec, backbone=tiny_backbone, store=store).values
    monkeypatch.setattr(tiny_backbone, "batch_tokens", None)
    np.testing.assert_array_equal(
        extract_features(picture, spec, backbone=tiny_backbone, store=store).values, miss
    )


def test_copies_that_are_stored_do_not_pass_again(picture, tiny_backbone, monkeypatch):
    """The picture itself, one of nine copies, was seen before."""
    spec, store = replace(VIT, sampling="strided"), FeatureStore()
    extract_features(picture, spec, backbone=tiny_backbone, store=store)
    passes, batch_tokens = [], tiny_backbone.batch_tokens

    def noted(images, **options):
        passes.append(len(images))
        return batch_tokens(images, **options)

    monkeypatch.setattr(tiny_backbone, "batch_tokens", noted)
    average = replace(spec, shifts="neumann", batch=3)
    extract_features(picture, average, backbone=tiny_backbone, store=store)
    assert passes == [2, 3, 3]


def test_what_was_asked_for_training_is_not_asked_again(picture, tiny_backbone, asked):
    """Stride 4 on patches of 8: one cell lies on the patch grid, three between, all for one pixel."""
    store = FeatureStore()
    features_at(picture, np.array([(9, 9)]), VIT, backbone=tiny_backbone, store=store)
    assert asked == ["context", 3]
    asked.clear()
    whole = extract_features(picture, VIT, backbone=tiny_backbone, store=store)
    assert asked == [np.prod(whole.grid.shape) - 5 * 7 - 3]  # the context is still there


def test_coarse_to_fine_runs_the_plain_pass_once(picture, tiny_backbone, asked):
    store = FeatureStore()
    for stride in (8, 4, 2):
        extract_features(picture, replace(VIT, stride=stride), backbone=tiny_backbone, store=store)
    assert asked.count("context") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"layer": 1}, {"facet": "key"}, {"sampling": "strided"}, {"stride": 3}, {"shifts": "neumann"},
        {"flips": "group"}, {"attention": True}, {"dtype": "bfloat16"}, {"magnification": 2.0},
        {"fit": "crop", "sampling": "strided"},
    ],
    ids=str,
)  # fmt: skip
def test_other_features_are_other_entries(change, picture, tiny_backbone):
    store = FeatureStore()
    extract_features(picture, VIT, backbone=tiny_backbone, store=store)
    other = replace(VIT, **change)
    mixed = extract_features(picture, other, backbone=tiny_backbone, store=store)
    alone = extract_features(picture, other, backbone=tiny_backbone, store=FeatureStore())
    np.testing.assert_array_equal(mixed.values, alone.values)


def test_other_weights_are_other_entries(picture, tiny_backbone, tiny_registers):
    store = FeatureStore()
    extract_features(picture, VIT, backbone=tiny_backbone, store=store)
    renamed = type(tiny_registers)(tiny_registers._model, replace(tiny_registers.info, name="tiny"), "cpu")
    mixed = extract_features(picture, VIT, backbone=renamed, store=store)
    np.testing.assert_array_equal(
        mixed.values, extract_features(picture, VIT, backbone=renamed, store=FeatureStore()).values
    )


def test_a_changed_pixel_changes_its_tiles_only(tiny_backbone, asked):
    image = np.random.default_rng(0).integers(0, 256, (40, 200), np.uint8)
    spec = replace(VIT, tile=64, halo=16, contrast="fitted")
    store = FeatureStore()
    extract_features(image, spec, backbone=tiny_backbone, store=store)
    n_tiles = asked.count("context")
    asked.clear()
    image[20, 1] ^= 255
    extract_features(image, spec, backbone=tiny_backbone, store=store)
    assert asked.count("context") == 1 < n_tiles


def test_random_weights_are_never_stored(picture, tiny_backbone, tmp_path):
    nameless = type(tiny_backbone)(tiny_backbone._model, replace(tiny_backbone.info, weights=None), "cpu")
    store = FeatureStore(tmp_path)
    extract_features(picture, VIT, backbone=nameless, store=store)
    assert files(store) == []


def test_contexts_of_one_device_are_not_those_of_another(picture, tiny_backbone):
    store = FeatureStore()
    extract_features(picture, VIT, backbone=tiny_backbone, store=store)
    elsewhere = type(tiny_backbone)(tiny_backbone._model, tiny_backbone.info, "cpu")
    elsewhere.device = "mps"
    before = len(store.contexts._values)
    spec = replace(VIT, stride=3, dtype="float32")
    extract_features(picture, spec, backbone=elsewhere, store=store)
    assert len(store.contexts._values) == before + 1


def test_strided_tokens_are_all_kept_whatever_is_asked(picture, tiny_backbone, monkeypatch):
    spec, store = replace(VIT, sampling="strided"), FeatureStore()
    features_at(picture, np.array([(9, 9)]), spec, backbone=tiny_backbone, store=store)
    monkeypatch.setattr(tiny_backbone, "batch_tokens", None)
    extract_features(picture, spec, backbone=tiny_backbone, store=store)


# ---------------------------------------------------------------- memory


def test_a_store_without_memory_keeps_files_alone(picture, tiny_backbone, tmp_path, asked):
    store = FeatureStore(tmp_path, memory_bytes=0, context_bytes=0)
    first = extract_features(picture, VIT, backbone=tiny_backbone, store=store)
    assert store._memory.nbytes == store.contexts.nbytes == 0
    asked.clear()
    again = extract_features(picture, VIT, backbone=tiny_backbone, store=store)
    np.testing.assert_array_equal(first.values, again.values)
    assert asked == []


def test_recent_forgets_what_was_not_used_for_longest():
    recent = Recent(100)
    for name in "abc":
        recent.put(name, np.zeros(40, np.uint8))
        recent.get("a")
    assert recent.get("b") is None
    assert recent.get("a") is not None
    assert recent.nbytes == 80


def test_recent_refuses_what_is_larger_than_it():
    recent = Recent(10)
    recent.put("a", np.zeros(11, np.uint8))
    assert recent.get("a") is None
    assert recent.nbytes == 0


def test_a_new_value_takes_the_place_of_the_old():
    recent = Recent(100)
    recent.put("a", np.zeros(40, np.uint8))
    recent.put("a", np.zeros(50, np.uint8))
    assert recent.nbytes == 50


# ---------------------------------------------------------------- disk


def test_tokens_come_back_from_disk(tokens, tmp_path):
    FeatureStore(tmp_path).put(KEY, tokens, {"backbone": "tiny"})
    found = FeatureStore(tmp_path).get(KEY)
    np.testing.assert_array_equal(found.values, tokens.values)
    assert found.known.all()


def test_a_tile_that_is_partly_known_stays_in_memory(tokens, tmp_path):
    store = FeatureStore(tmp_path)
    store.put(KEY, replace(tokens, known=tokens.known & False), {})
    assert files(store) == []
    assert store.get(KEY) is not None


def test_a_store_says_what_it_holds(tokens, tmp_path):
    store = FeatureStore(tmp_path)
    store.put(KEY, tokens, {"backbone": "tiny", "stride": 4})
    [tile] = store.tiles()
    assert tile.nbytes == tile.path.stat().st_size
    assert store.describe(tile) == "backbone=tiny, format=1, stride=4"
    damage(tile.path, "short")
    assert store.describe(tile) == "damaged"


def test_clear_removes_everything(tokens, tmp_path):
    store = FeatureStore(tmp_path)
    store.put(KEY, tokens, {})
    [tile] = store.tiles()
    assert store.clear() == tile.nbytes
    assert store.tiles() == []
    assert store.get(KEY) is None


def test_clear_spares_what_was_used_lately(tokens, tmp_path):
    store = FeatureStore(tmp_path)
    store.put(KEY, tokens, {})
    assert store.clear(unused_for=3600) == 0
    assert len(store.tiles()) == 1


def test_files_of_killed_processes_are_removed_in_time(tmp_path):
    (tmp_path / "ab").mkdir()
    old, new = (tmp_path / "ab" / f".{name}.zarr.zip" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    FeatureStore(tmp_path).clear()
    assert not old.exists()
    assert new.exists()


def test_the_oldest_files_make_room(tokens, tmp_path):
    store = FeatureStore(tmp_path)
    store.put(KEY, tokens, {})
    [first] = store.tiles()
    os.utime(first.path, (0, 0))
    small = FeatureStore(tmp_path, disk_bytes=int(2.5 * first.nbytes))
    for name in ("cd", "ef"):
        small.put(name + 62 * "0", tokens, {})
    assert {tile.path.name[:2] for tile in small.tiles()} == {"cd", "ef"}


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    middle = len(content) // 2
    damaged = {
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "short": content[:middle],
        "empty": b"",
    }
    path.write_bytes(damaged[how])


@pytest.mark.parametrize("how", ["flipped", "short", "empty"])
def test_damaged_files_are_bypassed_with_one_warning(how, picture, tiny_backbone, tmp_path):
    spec = replace(VIT, tile=64, halo=16, magnification=3.0)
    miss = extract_features(picture, spec, backbone=tiny_backbone, store=FeatureStore(tmp_path))
    store = FeatureStore(tmp_path)
    assert len(files(store)) > 1
    for path in files(store):
        damage(path, how)
    with pytest.warns(UserWarning, match="holds a damaged file") as warned:
        found = extract_features(picture, spec, backbone=tiny_backbone, store=store)
    assert len(warned) == 1
    np.testing.assert_array_equal(found.values, miss.values)
    with warnings.catch_warnings():  # they were replaced
        warnings.simplefilter("error")
        extract_features(picture, spec, backbone=tiny_backbone, store=FeatureStore(tmp_path))


def test_damaged_files_are_replaced(tokens, tmp_path):
    FeatureStore(tmp_path).put(KEY, tokens, {})
    store = FeatureStore(tmp_path)
    damage(*files(store), "flipped")
    with pytest.warns(UserWarning, match="damaged"):
        assert store.get(KEY) is None
    store.put(KEY, tokens, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert FeatureStore(tmp_path).get(KEY) is not None


def test_a_file_that_goes_while_it_is_read_is_a_miss(tokens, tmp_path, monkeypatch):
    FeatureStore(tmp_path).put(KEY, tokens, {})
    read = Path.read_bytes

    def read_and_remove(path):
        content = read(path)
        path.unlink()
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_remove)
    assert FeatureStore(tmp_path).get(KEY) is None


def test_the_same_tokens_are_written_once(tokens, tmp_path):
    for _ in range(2):
        FeatureStore(tmp_path, memory_bytes=0).put(KEY, tokens, {})
    assert len(files(FeatureStore(tmp_path))) == 1


def test_another_version_is_bypassed(tokens, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_vitrail.store.FORMAT", 99)
    FeatureStore(tmp_path).put(KEY, tokens, {})
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="of another version"):
        assert FeatureStore(tmp_path).get(KEY) is None


@pytest.mark.parametrize("problem", ["read-only", "full"])
def test_a_disk_that_cannot_be_written_changes_no_result(
    problem, picture, tiny_backbone, tmp_path, monkeypatch
):
    def refused(path, *_):
        raise OSError(30 if problem == "read-only" else 28, problem)

    monkeypatch.setattr("napari_vitrail.store._pack", refused)
    store = FeatureStore(tmp_path)
    with pytest.warns(UserWarning, match=f"cannot be written.*{problem}"):
        found = extract_features(picture, VIT, backbone=tiny_backbone, store=store).values
    with warnings.catch_warnings():  # it was said once
        warnings.simplefilter("error")
        extract_features(picture, replace(VIT, stride=2), backbone=tiny_backbone, store=store)
    expected = extract_features(picture, VIT, backbone=tiny_backbone, store=FeatureStore()).values
    np.testing.assert_array_equal(found, expected)
    assert files(store) == []


def test_a_folder_that_is_a_file_changes_no_result(tokens, tmp_path):
    path = tmp_path / "features"
    path.write_text("not a folder")
    store = FeatureStore(path)
    with pytest.warns(UserWarning, match="cannot be written"):
        store.put(KEY, tokens, {})
    assert store.get(KEY) is not None
    assert store.tiles() == []


def test_nothing_half_written_stays_behind(tokens, tmp_path, monkeypatch):
    def killed(path, *_):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_vitrail.store._pack", killed)
    store = FeatureStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.put(KEY, tokens, {})
    assert files(store) == []


@pytest.mark.slow
def test_two_processes_may_use_one_folder(tmp_path):
    code = """
import sys, warnings
import numpy as np
from napari_vitrail.features import KnownTokens
from napari_vitrail.store import FeatureStore

warnings.simplefilter("error")
store = FeatureStore(sys.argv[1], memory_bytes=0, disk_bytes=60_000)
for turn in range(3):
    for index in range(20):
        key = f"{index:02x}" + 62 * "0"
        values = np.random.default_rng(index).normal(size=(8, 8, 16)).astype(np.float16)
        found = store.get(key)
        assert found is None or (found.values == values).all()
        store.put(key, KnownTokens(values, np.ones((8, 8), bool)), {})
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert FeatureStore(tmp_path).tiles()
