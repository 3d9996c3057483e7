"""Keys in napari: which there are, and what they are used for already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from napari import Viewer
from napari.layers import Labels
from napari.utils.key_bindings import USER_KEYMAP, KeyBinding, KeyCode, KeymapProvider, coerce_keybinding
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QMenu, QWidget

Keymap = Mapping[Any, Any]
_NO_KEYS = (None, KeyCode.UNKNOWN, KeyCode.Ctrl, KeyCode.Shift, KeyCode.Alt, KeyCode.Meta)
"""What may be all there is before or after the signs, but is no key that does something."""


def parse_key(text: str) -> KeyBinding:
    """Return the key that a text names.

    Parameters
    ----------
    text : str
        A key after any modifiers: ``T``, ``F9``, ``Ctrl+Shift+T``.

    Raises
    ------
    ValueError
        If it names none.
    """
    binding = coerce_keybinding(text.strip().replace("+", "-"))
    if len(binding.parts) != 1 or binding.parts[0].key in _NO_KEYS:
        raise ValueError(f"a key must be like T, F9 or Ctrl+Shift+T, got {text!r}")
    return binding


def used_for(key: KeyBinding, viewer: Viewer, strokes: Labels | None, window: QWidget | None) -> str:
    """Return what a key does already while strokes are painted, nothing if it is free.

    Parameters
    ----------
    key : KeyBinding
    viewer : napari.Viewer
    strokes : Labels or None
        The layer that is painted on.
    window : QWidget or None
        The viewer's window, whose menus have keys too.
    """
    layer = {} if strokes is None else strokes.keymap
    keymaps = [USER_KEYMAP, layer, *_of_class(Labels), viewer.keymap, *_of_class(Viewer)]
    for keymap in keymaps:
        if (function := _found(keymap, key)) is not None:
            return _spoken(function)
    return "" if window is None else _of_menus(key, window)


def own_use(key: KeyBinding, viewer: Viewer, strokes: Labels) -> str:
    """Return what the user has a key for on a labels layer; what napari is shipped with does not count."""
    for keymap in (USER_KEYMAP, strokes.keymap, *_of_class(Labels), viewer.keymap):
        function = _found(keymap, key)
        if function is not None and not _is_shipped(key, function):
            return _spoken(function)
    return ""


def is_ours(use: str) -> bool:
    """Whether it is this plugin that uses a key."""
    return use.startswith("napari_vitrail: ")


def _found(keymap: Keymap, key: KeyBinding) -> Any:
    """Return what a keymap holds for a key, which may be its blocker of all keys."""
    return keymap.get(key, keymap.get(...))


def _of_class(provider: type[KeymapProvider]) -> Iterator[Keymap]:
    for base in provider.__mro__:
        if "class_keymap" in vars(base):
            yield vars(base)["class_keymap"]


def _is_shipped(key: KeyBinding, function: Callable[..., Any]) -> bool:
    """Whether napari has a function on a key before anyone changes that in Preferences."""
    return key in default_shortcuts.get(f"napari:{getattr(function, '__name__', '')}", ())


def _spoken(function: Any) -> str:
    """Return who has bound a key and for what, ``napari: activate labels paint mode``."""
    if function is ...:
        return "nothing, it is blocked"
    room = str(getattr(function, "__module__", "")).partition(".")[0]
    name = getattr(function, "__name__", type(function).__name__)
    return f"{room}: {name.replace('_', ' ').strip()}"


def _of_menus(key: KeyBinding, window: QWidget) -> str:
    """Return the entry of the menus that a key calls."""
    sequence = QKeySequence(key.to_text())
    for menu in window.findChildren(QMenu):
        for action in menu.actions():
            if sequence in action.shortcuts():
                return f"menu: {action.text().replace('&', '')}"
    return ""
