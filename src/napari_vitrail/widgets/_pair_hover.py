"""While a key is held: how alike everything in both images is to what is under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel

from napari_vitrail.grid import FeatureGrid
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._hover import HoverSimilarity
from napari_vitrail.widgets._matching import Matching, Subject
from napari_vitrail.widgets._tokens import TokenPlane

if TYPE_CHECKING:
    from napari_vitrail.matching import ImagePair, SeenImage


class PairHover(QLabel):
    """Says which key to hold, and shows maps while it is held.

    Parameters
    ----------
    matching : Matching
    """

    def __init__(self, matching: Matching) -> None:
        super().__init__()
        self._matching = matching
        self._made_of: ImagePair | None = None
        self._made: list[TokenPlane] = []
        self._hover = HoverSimilarity(matching.viewer, tokens=self._tokens, on_keep=self._on_changed)
        self.setWordWrap(True)
        self.setToolTip(wrapped("A click while the key is held keeps the maps as layers"))
        matching.changed.connect(self._on_changed)

    def open(self) -> None:
        """Listen to the key."""
        self._hover.bind()
        self._on_changed()

    def close_down(self) -> None:
        """Listen no more."""
        self._hover.unbind()

    def _on_changed(self) -> None:
        key, obstacle = self._hover.key, self._matching.seen_obstacle()
        self.setText(f"Hold {key} over either image to see what is alike in both." if key else "")
        self.setVisible(bool(key) and not obstacle)

    def _tokens(self) -> list[TokenPlane]:
        """Return the descriptors of both images, as the network saw them."""
        seen = self._matching.seen
        if seen is None:
            return []
        if seen is not self._made_of:
            images = seen.seen0, seen.seen1
            pairs = zip(self._matching.subjects, images, strict=True)
            self._made_of, self._made = seen, [_token_plane(*pair) for pair in pairs][::-1]
        return self._made


def _token_plane(subject: Subject, seen: SeenImage) -> TokenPlane:
    """Return the descriptors of an image, in its own pixels."""
    rows, columns = (of_seen / own for of_seen, own in zip(seen.seen_shape, seen.shape, strict=True))
    grid = seen.descriptors.grid.magnified((rows, columns))
    descriptors = seen.descriptors.placed(grid)
    features = FeatureGrid(seen.descriptors.values, grid)
    return TokenPlane(subject.image, subject.plane, seen.spec.descriptor, features, descriptors)
