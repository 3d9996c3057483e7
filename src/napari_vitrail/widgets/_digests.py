"""What images look like: the digests that were computed of them, as long as they hold."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from napari.layers import Image

from napari_vitrail.reference import pixels_digest
from napari_vitrail.widgets._image_plane import is_lazy
from napari_vitrail.widgets._planes import full_resolution


class Digests:
    """Digests of image layers, each forgotten with its layer and where that gets other data."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Image, tuple[int, str]] = WeakKeyDictionary()

    def of(self, image: Image) -> str:
        """Return the digest of an image that was looked at before, else nothing."""
        seen, digest = self._known.get(image, (0, ""))
        return digest if seen == id(image.data) else ""

    def look(self, image: Image) -> str:
        """Return the digest of an image that is about to go; nothing of one that is lazy."""
        pixels = full_resolution(image)
        if not self.of(image) and not is_lazy(pixels):
            self.note(image, pixels_digest(pixels, rgb=bool(image.rgb)))
        return self.of(image)

    def note(self, image: Image, digest: str) -> None:
        """Take note of what an image looks like."""
        self._known[image] = (id(image.data), digest)
