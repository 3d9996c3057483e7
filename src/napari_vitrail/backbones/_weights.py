"""Where weights come from: a file, the local cache, the Hugging Face hub, or the ``offline`` extra."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import pickle
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from napari_vitrail.backbones import _offline, _places
from napari_vitrail.errors import BackboneUnavailable, WeightsError
from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

SOURCES = ("auto", "hub", "offline")
DAMAGE = (
    SafetensorError, zipfile.BadZipFile, struct.error, OSError, EOFError, RuntimeError, AssertionError,
    AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip
"""What readers of checkpoints raise at damaged bytes: a restricted unpickler stumbles in many ways."""


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
    raise BackboneUnavailable(_places.ways_to_get(name, tried))


def tensors_digest(tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 over names, shapes, types and values of tensors, in order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        values = tensors[name].contiguous().cpu()
        digest.update(f"{name}{tuple(values.shape)}{values.dtype}".encode())
        digest.update(values.view(torch.uint8).numpy().tobytes() if values.ndim else bytes(values.numpy()))
    return digest.hexdigest()


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
            f"{path} is damaged, or holds more than tensors and is refused for safety"
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


def _from_hub_cache(name: str, tried: list[str]) -> Found | None:
    path = _places.hub_cache_path(name)
    if path is None:
        tried.append("the hub's local cache does not have them")
        return None
    return Found(_read_checkpoint(path), "hub", f"{path.name} in the hub's cache")


def _from_hub(name: str, tried: list[str]) -> Found | None:
    try:
        path = _places.download(name)
    except BackboneUnavailable as error:
        tried.append(str(error))
        return None
    return Found(_read_checkpoint(path), "hub", f"the Hugging Face hub, {_places.hub_repository(name)}")


def _from_offline_cache(name: str, tried: list[str]) -> Found | None:
    path = _places.offline_cache_path()
    if name != _places.OFFLINE_BACKBONE or not path.is_file():
        return None
    tensors = _read_checkpoint(path)
    if tensors_digest(tensors) != _offline.OFFLINE_DIGEST:
        raise WeightsError(f"{path} is damaged; delete it, and it will be made again")
    return Found(tensors, "offline", f"{path.name}, converted from {_places.OFFLINE_PACKAGE}")


def _from_offline_package(name: str, tried: list[str]) -> Found | None:
    if name != _places.OFFLINE_BACKBONE:
        tried.append(f"the extra 'offline' has {_places.OFFLINE_BACKBONE} only")
        return None
    path = _places.offline_path()
    if path is None:
        tried.append("the extra 'offline' is not installed")
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() != _offline.OFFLINE_SHA256:
        raise WeightsError(
            f"{path} is not the file that {_places.OFFLINE_PACKAGE} 0.1.1 ships; install it again"
        )
    tensors = _offline.convert_offline(path)
    if tensors_digest(tensors) != _offline.OFFLINE_DIGEST:
        raise WeightsError(f"{path} did not convert to the known weights; please report this")
    _keep(tensors, _places.offline_cache_path())
    version = importlib.metadata.version(_places.OFFLINE_PACKAGE)
    return Found(tensors, "offline", f"the package {_places.OFFLINE_PACKAGE} {version}")


def _keep(tensors: dict[str, Tensor], path: Path) -> None:
    """Keep converted weights in the cache; a disk that refuses costs a second each time, no more."""
    try:
        with written_aside(path) as aside:
            save_file(tensors, aside)
    except (OSError, SafetensorError) as error:
        log.warning("the converted weights could not be kept in %s: %s", path, error)
