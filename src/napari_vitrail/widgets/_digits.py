"""Keys 1 to 9 on a strokes layer: they choose classes as long as any widget shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from napari import Viewer
from napari.layers import Labels
from napari.utils.key_bindings import KeyBinding

from napari_vitrail.widgets._keymap import own_use, parse_key

DIGITS = "123456789"

Chooser = Callable[[Labels], None]


@dataclass
class _Bound:
    """What is bound on a layer, and how many ask for it."""

    keys: dict[KeyBinding, Chooser] = field(default_factory=dict)
    asked: int = 0


_bound: WeakKeyDictionary[Labels, _Bound] = WeakKeyDictionary()


def bind_digits(viewer: Viewer, strokes: Labels) -> None:
    """Let the keys 1 to 9 choose classes on a layer, but for those that the user has uses for.

    Several widgets may ask for it, on one viewer or on two; each calls `release_digits` in the end.
    """
    bound = _bound.setdefault(strokes, _Bound())
    bound.asked += 1
    if bound.asked > 1:
        return
    for digit in DIGITS:
        key = parse_key(digit)
        if not own_use(key, viewer, strokes):
            bound.keys[key] = _chooser(int(digit))
            strokes.bind_key(key, bound.keys[key])


def release_digits(strokes: Labels) -> None:
    """Give the keys back, unless another widget wants them; what someone has taken since stays theirs."""
    bound = _bound[strokes]
    bound.asked -= 1
    if bound.asked:
        return
    del _bound[strokes]
    for key, choose in bound.keys.items():
        if strokes.keymap.get(key) is choose:
            strokes.bind_key(key, None)


def _chooser(label: int) -> Chooser:
    """Return what a key does on a layer."""

    def choose(layer: Labels) -> None:
        layer.selected_label = label

    return choose
