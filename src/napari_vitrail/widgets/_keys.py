"""Keys of the widget: set in Preferences, bound where they are free, listed with what they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from napari import Viewer
from napari.layers import Labels
from napari.settings import get_settings
from napari.utils.key_bindings import KeyBinding
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_vitrail.widgets._digits import DIGITS
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._keymap import is_ours, own_use, parse_key, used_for
from napari_vitrail.widgets._settings import follow, preference

_HELP = (
    "The keys are ours while the viewer has the keyboard: click on the canvas first. They can be changed "
    "in Preferences, under Vitrail; a key that is in use already is left as it is"
)
_NAPARI = {
    "activate_labels_paint_mode": "brush",
    "activate_labels_erase_mode": "eraser",
    "activate_labels_polygon_mode": "polygon",
    "activate_labels_fill_mode": "fill",
    "activate_labels_picker_mode": "pick a class",
    "decrease_brush_size": "smaller brush",
    "increase_brush_size": "larger brush",
}
_NO_KEY = "–"


@dataclass(frozen=True)
class KeyAction:
    """What a key does.

    Attributes
    ----------
    name : str
        Of the preference that says which key.
    title : str
        What it is called in the list.
    act : callable
        Called without arguments.
    """

    name: str
    title: str
    act: Callable[[], None]


class _Board(QObject):
    """Where widgets on one viewer learn that keys are free again."""

    released = Signal(object)
    """By a widget on this viewer."""


_board = _Board()


class Keys(QWidget):
    """A list of keys, which binds those of them that are free to the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    actions : sequence of KeyAction
        What there are keys for.
    group : str
        Of the preferences that say which.
    """

    def __init__(self, viewer: Viewer, actions: Sequence[KeyAction], group: str) -> None:
        super().__init__()
        self._viewer = viewer
        self._group = group
        self._actions = actions
        self._strokes: Labels | None = None
        self._bound: dict[KeyBinding, Callable[[Viewer], None]] = {}
        self._unfollow: Callable[[], None] | None = None
        self._list = QLabel()
        self._list.setWordWrap(True)
        self._list.setToolTip(wrapped(_HELP))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list)

    def bind(self, strokes: Labels | None) -> None:
        """Bind the keys, and mind those of this layer from now on."""
        if self._unfollow is None:
            self._unfollow = follow(self._group, self.refresh)
            get_settings().shortcuts.events.shortcuts.connect(self.refresh)
            _board.released.connect(self._on_released)
        elif strokes is self._strokes:
            return
        self._strokes = strokes
        self.refresh()

    def leave(self) -> None:
        """Give the keys back."""
        self._unbind()
        self._strokes = None
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None
            get_settings().shortcuts.events.shortcuts.disconnect(self.refresh)
            _board.released.disconnect(self._on_released)
            _board.released.emit(self._viewer)

    def refresh(self, event: object = None) -> None:
        """Bind the keys that are preferred now, where they are free, and list them."""
        self._unbind()
        rows = [self._bind(action) for action in self._actions]
        rows += self._further_rows()
        self._list.setText(
            "<table cellspacing='4'>"
            + "".join(
                f"<tr><td><b>{escape(key)}</b></td><td>{escape(title)}{note}</td></tr>"
                for key, title, note in rows
            )
            + "</table>"
        )

    def _further_rows(self) -> list[tuple[str, str, str]]:
        """Return rows of keys that are bound elsewhere: the key, its title, and a note."""
        return []

    def _on_released(self, viewer: Viewer) -> None:
        """Take up the keys that another widget on the viewer had."""
        if viewer is self._viewer:
            self.refresh()

    def _bind(self, action: KeyAction) -> tuple[str, str, str]:
        """Bind the key of an action unless something stands in the way; return its row of the list."""
        wanted = preference(self._group, action.name)
        if not wanted.strip():
            return _NO_KEY, action.title, ""
        try:
            key = parse_key(wanted)
        except ValueError as error:
            return _NO_KEY, action.title, f"<br><i>{escape(str(error))}</i>"
        use = used_for(key, self._viewer, self._strokes, self.window())
        if not use:
            self._bound[key] = _called(action)
            self._viewer.bind_key(key, self._bound[key])
        return key.to_text(), action.title, _used(use)

    def _unbind(self) -> None:
        for key, function in self._bound.items():
            if self._viewer.keymap.get(key) is function:  # else someone has taken it since
                self._viewer.bind_key(key, None)
        self._bound = {}


class PaintingKeys(Keys):
    """The keys that one paints with; digits and some of napari's are listed, too.

    Parameters
    ----------
    viewer : napari.Viewer
    actions : sequence of KeyAction
    """

    def __init__(self, viewer: Viewer, actions: Sequence[KeyAction]) -> None:
        super().__init__(viewer, actions, "keys")

    def _further_rows(self) -> list[tuple[str, str, str]]:
        digits = (f"{DIGITS[0]} … {DIGITS[-1]}", "paint with a class", self._used_digits())
        return [digits, *((keys, title, "") for keys, title in _keys_of_napari())]

    def _used_digits(self) -> str:
        """Return the notes on digits that do not choose classes."""
        if self._strokes is None:
            return ""
        uses = {digit: own_use(parse_key(digit), self._viewer, self._strokes) for digit in DIGITS}
        return "".join(_used(f"{digit}, {use}") for digit, use in uses.items() if use and not is_ours(use))


def _called(action: KeyAction) -> Callable[[Viewer], None]:
    """Return what a key does on a viewer, under a name that says so."""

    def act(viewer: Viewer) -> None:
        action.act()

    act.__name__ = action.title
    return act


def _used(use: str) -> str:
    """Return the note on a key that is not ours."""
    return f"<br><i>not bound, it is in use: {escape(use)}</i>" if use else ""


def _keys_of_napari() -> list[tuple[str, str]]:
    """Return those of napari's keys on a labels layer that one paints with, as they are set now."""
    shortcuts: dict[str, list[Any]] = get_settings().shortcuts.shortcuts
    found = []
    for name, title in _NAPARI.items():
        keys = [key.to_text() for key in shortcuts.get(f"napari:{name}", ())]
        letters = [key for key in keys if not key.isdigit()]  # digits choose classes
        if letters:
            found.append((", ".join(letters), f"{title} (napari)"))
    return found
