"""What the user prefers: read from napari's Preferences, and followed while it changes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from napari_vitrail.defaults import DEFAULTS, Defaults

_PLUGIN = "napari-vitrail"


def preference(group: str, name: str) -> Any:
    """Return the value of a preference, its default before napari 0.9.

    Parameters
    ----------
    group, name : str
        As the manifest declares them under ``configurations``.
    """
    settings = _settings()
    return declared()[group][name] if settings is None else getattr(getattr(settings, group), name)


def follow(group: str, callback: Callable[[], None]) -> Callable[[], None]:
    """Have a callback called when a preference of a group has changed; return what ends that.

    Parameters
    ----------
    group : str
    callback : callable
        Called without arguments.
    """
    settings = _settings()
    if settings is None:
        return lambda: None
    events = getattr(settings, group).events

    def on_event(event: object) -> None:
        callback()

    events.connect(on_event)
    return lambda: events.disconnect(on_event)


def apply_computing() -> None:
    """Let the core compute where, and keep features as, Preferences say from now on."""
    folder = preference("computing", "store_folder").strip()
    chosen = Defaults(
        preference("computing", "device"),
        Path(folder).expanduser() if folder else None,
        int(preference("computing", "store_gigabytes") * (1 << 30)),
    )
    if chosen == DEFAULTS:
        return
    for name, value in vars(chosen).items():
        setattr(DEFAULTS, name, value)
    if "napari_vitrail.store" in sys.modules:  # else it is yet to be opened; importing it loads torch
        from napari_vitrail.store import shared_store

        shared_store.cache_clear()


@cache
def declared() -> dict[str, dict[str, Any]]:
    """Return the default of every preference in every group, as the manifest declares them."""
    import yaml  # napari reads its settings with it

    text = (files("napari_vitrail") / "napari.yaml").read_text(encoding="utf-8")
    groups = yaml.safe_load(text)["contributions"]["configurations"]
    return {
        group: {name: about["default"] for name, about in content["properties"].items()}
        for group, content in groups.items()
    }


def _settings() -> Any:
    """Return napari's settings of this plugin; None where it has none."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:  # before napari 0.9
        return None
    return get_plugin_settings().get(_PLUGIN)
