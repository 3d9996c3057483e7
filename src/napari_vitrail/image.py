"""The one form in which images enter: checked, without alpha, with grey values from 0 to 1."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_vitrail.errors import SpecMismatch, VitrailWarning
from napari_vitrail.grey_values import finite_sample, grey_range, type_range

OUTSIDE_AT_MOST, USED_AT_LEAST = 0.5, 0.01
"""Shares of the pixels, and of the range, beyond which an image was hardly taken like the training ones."""


@dataclass(frozen=True, eq=False)
class LayeredImage:
    """An image and further channels of the same pixels: other stains, depth, features of one's own.

    The ViT sees the image alone; classical filters see it and each further channel.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array
    extra : mapping of str to (H, W) array
        Further channels by name, of any type of numbers each. A classifier is trained on channels of
        these names, and asks for them again; their order does not matter.
    overview : image with the same channels, optional
        Of a larger image that this one is a block of, see `napari_vitrail.overview`: grey values and contrast
        are those of the overview, so that all blocks are seen alike.

    Raises
    ------
    ValueError
        If there is neither a further channel nor an overview, one has another shape than the image, or the
        overview has other channels.
    """

    image: NDArray[np.generic]
    extra: Mapping[str, NDArray[np.generic]]
    overview: NDArray[np.generic] | LayeredImage | None = None

    def __post_init__(self) -> None:
        image = as_image(self.image)
        extra = {name: as_image(self.extra[name]) for name in sorted(self.extra)}
        if self.overview is not None:
            object.__setattr__(self, "overview", as_image(self.overview))
        if self.overview is not None and extra_names(self.overview) != tuple(extra):
            names = " and ".join(str(known) for known in (tuple(extra), extra_names(self.overview)))
            raise ValueError(f"overview must have the extra channels of the image, got {names}")
        if not extra and self.overview is None:
            raise ValueError("extra must hold a further channel at least; pass the image alone without any")
        for name, channel in extra.items():
            if channel.shape != image.shape[:2]:
                raise ValueError(
                    f"extra channel {name!r} must have the image's shape {image.shape[:2]}, "
                    f"got {channel.shape}"
                )
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "extra", extra)

    @classmethod
    def of_channels(
        cls, channels: Mapping[str, ArrayLike], overview: Mapping[str, ArrayLike] | None = None
    ) -> LayeredImage:
        """Return an image of which several channels (H, W) are known and none is the main one.

        The ViT sees them together: the first three as red, green and blue, of two the first as
        red and blue, each stretched to its own 0.1 and 99.9 percentiles, since stains differ in brightness;
        of a block of a larger image to those of the channels of its `overview`.

        Raises
        ------
        ValueError
            If there are fewer than two, or they differ in shape.
        """
        planes = [as_image(channel) for channel in channels.values()]
        if len(planes) < 2 or len({plane.shape for plane in planes}) > 1 or planes[0].ndim != 2:
            shapes = ", ".join(str(plane.shape) for plane in planes)
            raise ValueError(f"channels must be two or more of one shape (H, W), got {shapes or 'none'}")
        whole = planes if overview is None else [as_image(overview[name]) for name in channels]
        ranges = [IntensityRange.of([plane], "percentile") for plane in whole]
        composite = _composite([own.scale(plane) for own, plane in zip(ranges, planes, strict=True)])
        extra = dict(zip(channels, planes, strict=True))
        return cls(composite, extra, None if overview is None else cls.of_channels(overview))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the image, without the further channels."""
        return self.image.shape


Picture = NDArray[np.generic] | LayeredImage
"""A checked image."""


@overload
def as_image(image: LayeredImage) -> LayeredImage: ...
@overload
def as_image(
    image: ArrayLike, *, channel_axis: int | None = ..., channels: Sequence[int] | None = ...
) -> NDArray[np.generic]: ...
def as_image(
    image: ArrayLike | LayeredImage, *,
    channel_axis: int | None = None, channels: Sequence[int] | None = None,
) -> Picture:  # fmt: skip
    """Return an image as (H, W) or (H, W, 3), whatever its number of channels.

    Parameters
    ----------
    image : (H, W), (H, W, 3), (H, W, 4) or any 3-dimensional array with a named channel axis
        Alpha is dropped, with a warning where it is not opaque. A `LayeredImage` stays one.
    channel_axis : int, optional
        Axis that holds the channels. Needed unless the last axis holds 3 or 4 of them.
    channels : sequence of int, optional
        The one or three channels to use, needed where there are not 1, 3 or 4 of them.

    Returns
    -------
    image : (H, W) or (H, W, 3) array
        In the data type of the input.

    Raises
    ------
    ValueError
        If the image is empty, has another number of dimensions or channels, or does not hold numbers.
    """
    if isinstance(image, LayeredImage):
        return image
    array = np.asarray(image)
    _check_numbers(array)
    if array.ndim == 2:
        if channels is not None or channel_axis is not None:
            raise ValueError(
                f"channels and channel_axis need an image with channels, got a grey one, shape {array.shape}"
            )
        return array
    if array.ndim != 3:
        raise ValueError(
            f"image must be (H, W), (H, W, 3) or (H, W, 4), or (H, W, C) with channel_axis, "
            f"got shape {array.shape}"
        )
    if channel_axis is None and channels is None and array.shape[-1] == 4:
        return _without_alpha(array)
    array = np.moveaxis(array, -1 if channel_axis is None else channel_axis, -1)
    return _chosen_channels(array, channels)


def _chosen_channels(array: NDArray[np.generic], channels: Sequence[int] | None) -> NDArray[np.generic]:
    count = array.shape[-1]
    if channels is None:
        if count not in (1, 3):
            raise ValueError(
                f"image must have 1 or 3 channels, or 4 with alpha last and no channel_axis, got {count}; "
                "name the axis and the channels with channel_axis and channels, for instance channels=(0,)"
            )
        return array[..., 0] if count == 1 else array
    chosen = [int(channel) for channel in channels]
    if len(chosen) not in (1, 3) or not all(-count <= channel < count for channel in chosen):
        raise ValueError(f"channels must name one or three of {count} channels, got {tuple(chosen)}")
    return array[..., chosen[0]] if len(chosen) == 1 else array[..., chosen]


def _check_numbers(array: NDArray[np.generic]) -> None:
    if array.size == 0:
        raise ValueError(f"image must not be empty, got shape {array.shape}")
    if array.dtype.kind not in "buif":
        raise ValueError(f"image must hold real numbers, got data type {array.dtype}")


def _without_alpha(array: NDArray[np.generic]) -> NDArray[np.generic]:
    alpha = array[..., 3]
    opaque = type_range(array.dtype)[1]
    if (alpha != opaque).any():
        warnings.warn("the image's alpha channel is not opaque and is ignored", VitrailWarning, stacklevel=4)
    return array[..., :3]


@dataclass(frozen=True)
class IntensityRange:
    """The grey values that become 0 and 1; fitted once and kept with what was trained on it.

    Attributes
    ----------
    low, high : float
    extra : tuple of (name, IntensityRange)
        Those of the further channels, in the order in which features are computed of them.
    """

    low: float
    high: float
    extra: tuple[tuple[str, IntensityRange], ...] = ()

    @classmethod
    def of(cls, images: Sequence[Picture], rule: str = "auto") -> IntensityRange:
        """Return the range of some images under a rule of `FeatureSpec.intensity`.

        Parameters
        ----------
        images : sequence of (H, W) or (H, W, 3) arrays, or LayeredImage
            The training images; the range is common to them all.
        rule : {"auto", "percentile", "dtype"}
            See `napari_vitrail.FeatureSpec`.

        Raises
        ------
        ValueError
            If some images have other further channels than others, or no finite value.
        """
        kinds = {extra_names(image) for image in images}
        if len(kinds) > 1:
            lists = " and ".join(", ".join(names) or "none" for names in sorted(kinds))
            raise ValueError(f"all images must have the same extra channels, got {lists}")
        seen = [whole_of(image) for image in images]
        layered = [image for image in seen if isinstance(image, LayeredImage)]
        extra = tuple(
            (name, cls.of([image.extra[name] for image in layered], rule)) for name in next(iter(kinds))
        )
        return cls(*grey_range([main_of(image) for image in seen], rule), extra)

    @property
    def extra_names(self) -> tuple[str, ...]:
        """Names of the further channels."""
        return tuple(name for name, _ in self.extra)

    def scaled_extra(self, image: Picture) -> list[NDArray[np.float32]]:
        """Return the further channels of an image, scaled to 0..1, in the order of `extra`.

        Raises
        ------
        SpecMismatch
            If the image has others.
        """
        names = extra_names(image)
        if names != self.extra_names:
            trained, got = (", ".join(map(repr, known)) or "none" for known in (self.extra_names, names))
            raise SpecMismatch(
                f"the classifier was trained with the extra channels {trained}, the image has {got}"
            )
        if not isinstance(image, LayeredImage):
            return []
        return [own.scale(image.extra[name]) for name, own in self.extra]

    def misfit(self, image: NDArray[np.generic]) -> str | None:
        """Return what is wrong with an image's grey values for this range; None where nothing is."""
        sample = finite_sample(image)
        span = self.high - self.low
        if not sample.size or span <= 0:
            return None
        outside = np.mean((sample < self.low) | (sample > self.high))
        used = np.ptp(np.clip(sample, self.low, self.high)) / span
        if outside <= OUTSIDE_AT_MOST and (used >= USED_AT_LEAST or not np.ptp(sample)):
            return None
        return (
            f"the image's grey values, {sample.min():g} to {sample.max():g}, do not fit those of the "
            f"training images, {self.low:g} to {self.high:g}; is it of another data type or scaled otherwise?"
        )

    def scale(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return `image` as float32 from 0 to 1, clipped; a constant range gives zeros.

        Pixels that are not finite count as the low end, with a warning.
        """
        values = image.astype(np.result_type(image.dtype, np.float32))  # wide enough for any offset
        finite = np.isfinite(values)
        if not finite.all():
            warnings.warn(
                f"{np.size(finite) - np.count_nonzero(finite)} pixel values are NaN or infinite and are "
                f"taken as {self.low:g}, the low end of the grey values",
                VitrailWarning,
                stacklevel=2,
            )
            values[~finite] = self.low
        if self.high <= self.low:
            return np.zeros(values.shape, np.float32)
        values -= self.low
        values /= self.high - self.low
        return np.clip(values, 0, 1, out=values).astype(np.float32, copy=False)


def channel_name(channel: int) -> str:
    """Return what a channel along an axis is called among the further channels of an image."""
    return f"channel {channel}"


def main_of(image: Picture) -> NDArray[np.generic]:
    """Return the image without its further channels."""
    return image.image if isinstance(image, LayeredImage) else image


def whole_of(image: Picture) -> Picture:
    """Return what grey values and contrast of an image are taken from: the image, or its overview."""
    overview = image.overview if isinstance(image, LayeredImage) else None
    return image if overview is None else overview


def extra_names(image: Picture) -> tuple[str, ...]:
    """Return the names of an image's further channels, in their order."""
    return tuple(image.extra) if isinstance(image, LayeredImage) else ()


def _composite(scaled: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Return two or more channels, scaled to 0..1, as the colours that the ViT sees."""
    chosen = scaled[:3] if len(scaled) > 2 else [scaled[0], scaled[1], scaled[0]]
    return np.rint(np.stack(chosen, axis=-1) * 255).astype(np.uint8)
