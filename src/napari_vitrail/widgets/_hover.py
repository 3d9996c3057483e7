"""While a key is held: how alike everything is to what is under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels, Layer, Points, Shapes
from napari.utils.events import Event
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.notifications import show_info
from numpy.typing import NDArray

from napari_vitrail.widgets._layers import SIMILARITY, mark, written
from napari_vitrail.widgets._tokens import TokenPlane, in_plane, placed_over

KEYS = ("H", "J", "K", "G", "U", "W")
"""Keys that napari leaves alone; the first that nobody has bound is used."""

_NO_GRID = "Switch the grid view off: in it each map would have a cell of its own"
_OPACITY = 0.75
_COLORMAP = "inferno"


@dataclass(frozen=True)
class SimilarityLayer:
    """An image layer with the similarity of each token of a plane to one token, from 0 to 1.

    Attributes
    ----------
    tokens : TokenPlane
        Those that are compared.
    layer : Image
        One pixel for each of them.
    """

    tokens: TokenPlane
    layer: Image

    @property
    def values(self) -> NDArray[np.float32]:
        """The similarities (h, w)."""
        return np.asarray(self.layer.data).reshape(self.tokens.grid.shape)

    def compare(self, descriptor: NDArray[np.float32]) -> None:
        """Show the similarity to another token.

        In place, and without what napari would else do for new data (thumbnail, extent): it runs many
        times a second.
        """
        self.values[...] = self.tokens.descriptors.similarity(descriptor)
        self.layer.refresh(thumbnail=False, highlight=False, extent=False)


class HoverSimilarity:
    """Shows, while a key is held, the similarity of some images to the token under the cursor.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the key is pressed.
    tokens : callable
        Returns the tokens of the images to compare, the topmost first, whenever the key is pressed.
    on_keep : callable
        Called without arguments when the maps were kept by a click.
    """

    def __init__(
        self,
        viewer: Viewer,
        *,
        tokens: Callable[[], list[TokenPlane]],
        on_keep: Callable[[], None],
    ) -> None:
        self._viewer = viewer
        self._tokens = tokens
        self._on_keep = on_keep
        self._key = ""
        self._compared: list[TokenPlane] = []  # while the key is held
        self._shown: list[SimilarityLayer] = []
        self._kept: list[SimilarityLayer] = []
        self._under: tuple[TokenPlane, tuple[int, int]] | None = None
        self._selected: list[Layer] = []  # when the key was pressed

    @property
    def key(self) -> str:
        """The key to hold; empty where none was free."""
        return self._key

    @property
    def kept(self) -> list[SimilarityLayer]:
        """The maps that the last click has kept, as far as they have not been removed."""
        return [similar for similar in self._kept if similar.layer in self._viewer.layers]

    def bind(self) -> None:
        """Take a key that nobody has bound."""
        if not self._key:
            self._key = next((key for key in KEYS if _is_free(self._viewer, key)), "")
            if self._key:
                self._viewer.bind_key(self._key, self._hold)

    def unbind(self) -> None:
        """Give the key back, and take away what is shown."""
        self.stop()
        if self._key:
            self._viewer.bind_key(self._key, None)
            self._key = ""

    def start(self) -> None:
        """Show the similarity of all visible images to what is under the cursor, wherever that moves."""
        self.stop()  # a release that napari did not see: another window had the keyboard
        if getattr(self._viewer, "canvas", self._viewer).grid.enabled:  # napari 0.9 moved it
            show_info(_NO_GRID)
            return
        self._compared = [tokens for tokens in self._tokens() if tokens.image.visible]
        if not self._compared:
            return
        self._selected = list(self._viewer.layers.selection)
        for tokens in self._compared:
            for earlier in written(self._viewer.layers, tokens.image.name, SIMILARITY):
                earlier.visible = False
        self._viewer.mouse_move_callbacks.append(self._on_moved)
        self._viewer.mouse_drag_callbacks.append(self._on_pressed)
        self._follow(self._viewer.cursor.position)

    def stop(self) -> None:
        """Take away what was not kept."""
        for callbacks, callback in (
            (self._viewer.mouse_move_callbacks, self._on_moved),
            (self._viewer.mouse_drag_callbacks, self._on_pressed),
        ):
            if callback in callbacks:
                callbacks.remove(callback)
        for similar in self._shown:
            if similar.layer in self._viewer.layers:
                self._viewer.layers.remove(similar.layer)
        if self._compared:
            selection = self._viewer.layers.selection
            selection.clear()
            selection.update(layer for layer in self._selected if layer in self._viewer.layers)
        self._compared, self._shown, self._selected, self._under = [], [], [], None

    def _hold(self, _: Viewer) -> Iterator[None]:
        """Run in two halves, as napari does it: until the yield on press, the rest on release."""
        self.start()
        yield
        self.stop()

    def _follow(self, position: tuple[float, ...]) -> None:
        """Compare with the token at a position in the world, if it is another one than before."""
        under = self._token_under(position)
        if under is None or under == self._under:
            return
        self._under = under
        tokens, cell = under
        if not self._shown:
            self._shown = [self._add(compared) for compared in reversed(self._compared)]
        (descriptor,) = tokens.descriptors.rows(np.array([cell]))
        for similar in self._shown:
            similar.compare(descriptor)

    def _token_under(self, position: tuple[float, ...]) -> tuple[TokenPlane, tuple[int, int]] | None:
        """Return the topmost image at a position in the world, and its nearest cell."""
        for tokens in self._compared:
            if tokens.image not in self._viewer.layers or not tokens.image.visible:
                continue
            pixel = tokens.pixel_at(position)
            if pixel is not None:
                return tokens, tokens.descriptors.cell_at(pixel)
        return None

    def _add(self, tokens: TokenPlane) -> SimilarityLayer:
        """Add an empty map on top of all layers. It is selected: a click must not paint meanwhile."""
        layer = Image(
            in_plane(np.zeros(tokens.grid.shape, np.float32), tokens.plane.index),
            name=f"{tokens.image.name} {SIMILARITY}",
            metadata=mark(tokens.image.name, SIMILARITY),
            colormap=_COLORMAP,
            contrast_limits=(0, 1),
            opacity=_OPACITY,
            interpolation2d="linear",
            **placed_over(tokens),
        )
        self._viewer.add_layer(layer)
        return SimilarityLayer(tokens, layer)

    def _on_moved(self, _: Viewer, event: Event) -> None:
        self._follow(event.position)

    def _on_pressed(self, _: Viewer, event: Event) -> None:
        """Keep what is shown; the cursor changes it no more."""
        if self._shown:
            self._viewer.mouse_move_callbacks.remove(self._on_moved)
            self._kept, self._shown = self._shown, []
            for similar in self._kept:
                similar.layer.refresh()  # now with the thumbnail
            self._on_keep()


def _is_free(viewer: Viewer, key: str) -> bool:
    """Whether neither napari nor the user does anything at a key."""
    keymaps = [viewer.keymap, *(kind.class_keymap for kind in (Viewer, Image, Labels, Points, Shapes))]
    return not any(coerce_keybinding(key) in keymap for keymap in keymaps)
