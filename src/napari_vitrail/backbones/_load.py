"""From a name to a backbone that is ready to run."""

from __future__ import annotations

import logging
import os
import warnings
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from napari_vitrail.backbones._device import resolve_device
from napari_vitrail.backbones._registry import BackboneInfo, Weights, backbone_info
from napari_vitrail.backbones._vit import ViTBackbone
from napari_vitrail.backbones._weights import Found, find_weights, tensors_digest
from napari_vitrail.errors import VitrailWarning, WeightsError

log = logging.getLogger(__name__)

KEPT = 2
"""Backbones that stay in memory, the latest ones."""

SELF_CHECK_PATCHES = 4
"""Patches a side of the image that a device is checked with."""
SELF_CHECK_TOLERANCE = 0.05
"""Of the largest value. Products in 19 bits (TF32), a habit of GPUs, and half precision stay well below."""

_recent: dict[tuple[str, str, float, str], ViTBackbone] = {}
_lock = Lock()  # loading is slow, and redirects what timm prints: one thread at a time


def load_backbone(
    name: str, *, weights: str | os.PathLike[str] = "auto", device: str = "auto"
) -> ViTBackbone:
    """Return a backbone with real weights; one that was loaded before is not loaded again.

    Parameters
    ----------
    name : str
        A registered backbone, see `list_backbones`.
    weights : {"auto", "hub", "offline"} or path
        Where the weights come from: the first of local cache, hub and ``offline`` extra that has them;
        one of these by name; or a checkpoint (safetensors, or a state dict saved by torch in timm's
        naming or that of the DINO, DINOv2 or DINOv3 repositories).
    device : {"auto", "cuda", "mps", "cpu"}

    Returns
    -------
    backbone : ViTBackbone
        ``backbone.info.weights`` says which weights these are and what served them.

    Raises
    ------
    ValueError
        If the name or the device is unknown.
    BackboneUnavailable
        If no source has the weights; the message names the ways to get them.
    WeightsError
        If a file is damaged or belongs to another architecture.
    """
    info, device = backbone_info(name), resolve_device(device)
    key = (name, *_source_key(weights), device)
    with _lock:
        if key not in _recent:
            _recent[key] = _loaded(info, weights, device)
            for oldest in list(_recent)[:-KEPT]:
                del _recent[oldest]
        return _recent[key]


def loaded_backbone(name: str, digest: str, *, device: str = "auto") -> ViTBackbone | None:
    """Return a backbone with certain weights if it is still in memory, wherever they came from.

    Parameters
    ----------
    name : str
    digest : str
        SHA-256 of the weights, see `Weights`.
    device : {"auto", "cuda", "mps", "cpu"}
    """
    wanted = (name, digest, resolve_device(device))
    with _lock:
        known = list(_recent.items())
    for (*_, asked), backbone in known:  # the device that was asked for: it may have been refused
        weights = backbone.info.weights
        if weights is not None and (backbone.info.name, weights.digest, asked) == wanted:
            return backbone
    return None


def _source_key(weights: str | os.PathLike[str]) -> tuple[str, float]:
    """Return what tells sources apart: a checkpoint that was written anew is another one."""
    path = Path(weights)
    return str(weights), path.stat().st_mtime if path.is_file() else 0.0


def _loaded(info: BackboneInfo, source: str | os.PathLike[str], device: str) -> ViTBackbone:
    found = find_weights(info.name, source)
    model = empty_model(info)
    tensors = _fitted(found, model, info)
    model.load_state_dict(tensors, strict=True, assign=True)
    loaded = Weights(found.source, found.location, tensors_digest(tensors))
    log.info("%s: weights from %s (%s)", info.name, loaded.location, loaded.digest[:12])
    return _on_device(ViTBackbone(model, replace(info, weights=loaded), "cpu"), device)


def _on_device(backbone: ViTBackbone, device: str) -> ViTBackbone:
    """Return a backbone on a device, unless the device cannot be trusted with it.

    A tiny image is seen by both: drivers exist that compute something else without a word.
    """
    if device == "cpu":
        return backbone
    side = SELF_CHECK_PATCHES * backbone.info.patch_size
    image = np.random.default_rng(0).random((side, side, 3), np.float32)
    expected = backbone.tokens(image).patches
    try:
        moved = ViTBackbone(backbone._model, backbone.info, device)
        found = moved.tokens(image).patches
        corners = np.indices((SELF_CHECK_PATCHES, SELF_CHECK_PATCHES)).reshape(2, -1).T
        context = moved.context(image, margin=0, dtype="float16")
        asked, _ = moved.query(context, corners * backbone.info.patch_size, dtype="float16")
    except RuntimeError as error:  # of a driver, or for lack of memory
        reason = str(error).strip().partition("\n")[0]
    else:
        differences = np.abs(found - expected), np.abs(asked.reshape(expected.shape) - expected)
        difference = float(np.max(differences) / np.abs(expected).max())
        if difference < SELF_CHECK_TOLERANCE:  # not where it is no number
            return moved
        reason = f"it differs from the CPU by {difference:.1%} on a tiny image"
    warnings.warn(f"the device {device} is not used, the CPU is: {reason}", VitrailWarning, stacklevel=3)
    return ViTBackbone(backbone._model, backbone.info, "cpu")


def empty_model(info: BackboneInfo) -> Any:
    """Return timm's model of a registered backbone with random weights."""
    import timm

    return timm.create_model(info.name, pretrained=False, num_classes=0, dynamic_img_size=True)


def _fitted(found: Found, model: Any, info: BackboneInfo) -> dict[str, Any]:
    """Return the tensors under the model's names, or raise WeightsError saying what does not fit."""
    from timm.models import eva, vision_transformer

    convert = (eva if info.rotary else vision_transformer).checkpoint_filter_fn
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    _check_patch_size(found, info)
    try:
        with redirect_stdout(StringIO()):  # timm prints a line for every bias of DINOv3 that it leaves out
            converted = convert(dict(found.tensors), model)
    except (LookupError, RuntimeError, TypeError, ValueError, AssertionError) as error:
        raise WeightsError(_does_not_fit(found, info, str(error))) from error
    extra = {name for name in converted if name not in expected and not name.startswith(("head", "fc_norm"))}
    tensors = {name: tensor.float() for name, tensor in converted.items() if name in expected}
    missing = [name for name in expected if name not in tensors]
    if missing or extra:
        named = ", ".join(sorted([*missing, *extra])[:3])
        raise WeightsError(_does_not_fit(found, info, f"{len(missing)} missing, {len(extra)} extra: {named}"))
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            came = f"{name} is {tuple(tensors[name].shape)} instead of {tuple(shape)}"
            raise WeightsError(_does_not_fit(found, info, came))
    return tensors


def _check_patch_size(found: Found, info: BackboneInfo) -> None:
    """Raise WeightsError at patches of another size, which timm would resample without a word."""
    for name, tensor in found.tensors.items():
        projects = name.endswith("patch_embed.proj.weight") and tensor.ndim == 4
        if projects and tensor.shape[-1] != info.patch_size:
            came = f"its patches are {tensor.shape[-1]} pixels wide instead of {info.patch_size}"
            raise WeightsError(_does_not_fit(found, info, came))


def _does_not_fit(found: Found, info: BackboneInfo, reason: str) -> str:
    return f"{found.location} does not hold the weights of {info.name}: {reason}"
