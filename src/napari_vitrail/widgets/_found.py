"""The work of finding what images share: read them, let the network see them, look again and again."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.errors import VitrailWarning
from napari_vitrail.imports import importing_steps
from napari_vitrail.progress import Progress, Result, Steps
from napari_vitrail.widgets._gallery_images import GalleryImage, LayerImage, Readings
from napari_vitrail.widgets._naming import Naming
from napari_vitrail.widgets._thumbnails import thumbnail

if TYPE_CHECKING:
    from napari_vitrail.cosegmentation import (
        Consensus,
        CoSegmentation,
        PartSegmentation,
        SeenSet,
        VotedClusters,
        Votes,
    )
    from napari_vitrail.image import Picture

_NAMED = 3
"""Images, at most, of which is said why they cannot be read."""
_TOGETHER_SECONDS = 0.3


@dataclass(frozen=True, eq=False)
class Seen:
    """Images that the network has seen.

    Attributes
    ----------
    images : tuple of GalleryImage
        Those that could be read.
    thumbnails : tuple of (h, w, 3) uint8 arrays
    descriptors : SeenSet
        In the same order.
    left_out : tuple of (GalleryImage, str)
        Images that could not be read, and why.
    """

    images: tuple[GalleryImage, ...]
    thumbnails: tuple[NDArray[np.uint8], ...]
    descriptors: SeenSet
    left_out: tuple[tuple[GalleryImage, str], ...] = ()


@dataclass(frozen=True)
class Wish:
    """What is looked for among the descriptors at hand.

    Attributes
    ----------
    n_parts : int
        Into how many parts the object falls; 1 is the object as a whole.
    how : Consensus or Votes, optional
        How the shared object is found; None leaves it to the library.
    """

    n_parts: int = 4
    how: Consensus | Votes | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """What images share, and where it is in each small picture.

    Attributes
    ----------
    seen : Seen
    wish : Wish
    parts : PartSegmentation
    small : tuple of (h, w) int32 arrays
        The part of each pixel of each thumbnail, 0 where there is none.
    shares : (1 + n_parts,) float64
        The mean share of the images that is of no part, and of each.
    """

    seen: Seen
    wish: Wish
    parts: PartSegmentation
    small: tuple[NDArray[np.int32], ...]
    shares: NDArray[np.float64]

    @property
    def voted(self) -> VotedClusters | None:
        """The clusters of all that the network sees, which were voted for; None for another method."""
        from napari_vitrail.cosegmentation import VotedClusters

        own = self.parts.found.shared
        return own if isinstance(own, VotedClusters) else None

    def areas(self, naming: Naming) -> dict[int, float]:
        """Return the mean share of the images that each label covers."""
        labels = np.array(naming.labels)
        return {label: float(self.shares[1:][labels == label].sum()) for label in naming.kept}


class Located(NamedTuple):
    """Where the parts that were found are in one of the images.

    Attributes
    ----------
    found : Found
    number : int
        Of the image.
    parts : (H, W) int32
    """

    found: Found
    number: int
    parts: NDArray[np.int32]


def seen_steps(images: Sequence[GalleryImage]) -> Steps[Seen]:
    """Yield Progress; return some images as the network sees them; of those that cannot be read, warn.

    Raises
    ------
    ValueError
        If none can be read.
    """
    yield from importing_steps("napari_vitrail.cosegmentation")  # loads torch
    from napari_vitrail.cosegmentation import see_set_steps
    from napari_vitrail.store import shared_store

    readable, thumbnails, left_out = yield from _readable_steps(images)
    looking = see_set_steps(Readings(readable), store=shared_store())
    descriptors = yield from _by_image(looking, len(readable))
    return Seen(tuple(readable), tuple(thumbnails), descriptors, tuple(left_out))


def _readable_steps(
    images: Sequence[GalleryImage],
) -> Steps[tuple[list[GalleryImage], list[NDArray[np.uint8]], list[tuple[GalleryImage, str]]]]:
    """Yield Progress; return the images that can be read, a small picture of each, and why others cannot."""
    readable, thumbnails, left_out = [], [], []
    for done, image in enumerate(images, start=1):
        try:
            thumbnails.append(thumbnail(image.read()))
            readable.append(image)
        except (OSError, ValueError) as error:
            left_out.append((image, _named(image, error)))
        yield Progress(done, len(images), "reading images")
    errors = [error for _, error in left_out]
    if not readable:
        raise ValueError(f"none of {len(images)} images can be read; {errors[0]}")
    if errors:
        further = f"\nand {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
        warnings.warn(
            f"{len(errors)} of {len(images)} images are left out:\n" + "\n".join(errors[:_NAMED]) + further,
            VitrailWarning,
            stacklevel=2,
        )
    return readable, thumbnails, left_out


def _by_image(steps: Steps[Result], count: int) -> Steps[Result]:
    """Run steps that take as long for each of some images; let their Progress say which image it is."""
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(step.done * count // step.total, count, "images looked at")


def _named(image: GalleryImage, error: Exception) -> str:
    """Return why an image cannot be read; errors of files name them."""
    return str(error) if image.name in str(error) else f"{image.name}: {error}"


def object_steps(seen: Seen, wish: Wish) -> Steps[CoSegmentation]:
    """Yield Progress; return the object that images share which the network has seen."""
    from napari_vitrail.cosegmentation import cosegment_seen_steps

    return (yield from cosegment_seen_steps(seen.descriptors, wish.how))


def parted_steps(seen: Seen, wish: Wish, shared: CoSegmentation) -> Steps[Found]:
    """Yield Progress; return the parts of the object that images share, in all small pictures."""
    from napari_vitrail.cosegmentation import cosegment_parts_seen_steps

    parts, small = (yield from cosegment_parts_seen_steps(shared, wish.n_parts)), []
    shares = np.zeros(1 + parts.n_parts)
    for index, own in enumerate(seen.thumbnails):
        labels = parts.labels(index, own.shape)
        small.append(labels)
        shares += np.bincount(labels.ravel(), minlength=len(shares)) / labels.size
        yield Progress(index + 1, len(seen.thumbnails), "small pictures")
    return Found(seen, wish, parts, tuple(small), shares / len(small))


def located_steps(found: Found, indices: Iterable[int]) -> Steps[Found]:
    """Yield Progress, so far a tuple of `Located` in some images; return what was found.

    Those that are quick come together: the viewer is drawn anew after each tuple.
    """
    wanted, located, began = list(indices), [], time.monotonic()
    for done, index in enumerate(wanted, start=1):
        located.append(Located(found, index, found.parts.labels(index)))
        is_due = done == len(wanted) or time.monotonic() - began > _TOGETHER_SECONDS
        yield Progress(done, len(wanted), "layers", tuple(located) if is_due else None)
        if is_due:
            located, began = [], time.monotonic()
    return found


def opened_steps(found: Found, index: int) -> Steps[tuple[Located, Picture]]:
    """Yield Progress; return where the parts are in an image, and its pixels."""
    yield Progress(0, 1, "reading the image")
    return Located(found, index, found.parts.labels(index)), found.seen.images[index].read()


def find_steps(
    images: Sequence[GalleryImage], wish: Callable[[], Wish], in_view: Sequence[GalleryImage] = ()
) -> Steps[Found]:
    """Yield Progress, so far what was found and then where; return what was found.

    Parameters
    ----------
    images : sequence of GalleryImage
    wish : callable
        Returns what is looked for; asked once the network has seen all images.
    in_view : sequence of GalleryImage
        Those whose layers are wanted first, in this order.
    """
    seen = yield from seen_steps(images)
    in_layers = {index: image for index, image in enumerate(seen.images) if isinstance(image, LayerImage)}
    wanted = wish()
    shared = yield from object_steps(seen, wanted)
    return (yield from _shown_steps(seen, wanted, shared, in_order(in_layers, in_view)))


def in_order(images: Mapping[int, GalleryImage], first: Sequence[GalleryImage]) -> list[int]:
    """Return the numbers of some images, those that are wanted first before the others."""
    ranks = {image: rank for rank, image in enumerate(first)}
    return sorted(images, key=lambda index: (ranks.get(images[index], len(ranks)), index))


def find_again_steps(found: Found, wish: Wish, indices: Iterable[int]) -> Steps[Found]:
    """Yield Progress, so far what was found and then where in some images; return what was found.

    The object is not looked for again where only the number of its parts is another.
    """
    shared = found.parts.found
    if wish.how != found.wish.how:
        shared = yield from object_steps(found.seen, wish)
    return (yield from _shown_steps(found.seen, wish, shared, indices))


def _shown_steps(seen: Seen, wish: Wish, shared: CoSegmentation, indices: Iterable[int]) -> Steps[Found]:
    found = yield from parted_steps(seen, wish, shared)
    yield Progress(0, 1, "images", found)
    return (yield from located_steps(found, indices))
