"""Some frames of a stack beside each other, with their labels in colour."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from napari_vitrail.image import main_of
from napari_vitrail.picture import class_colours, overlay
from napari_vitrail.propagation import known_or_blank
from napari_vitrail.thumbnails import labels_at, thumbnail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_vitrail.framefiles import Frames
    from napari_vitrail.picture import Colour
    from napari_vitrail.propagationfiles._kept import KeptFrames
    from napari_vitrail.propagationfiles._run import FrameDone

SIDE = 320
"""Of the longer side of a frame at most, in pixels."""
GAP = 4
ASPECT = 1.6
"""Of the whole picture, about: width by height."""
MOST_IN_FILM = 400
"""Frames that one picture can have."""
BY_HAND: Colour = (255, 255, 255)


def film_picture(
    frames: Frames, kept: KeptFrames, done: Sequence[FrameDone], every: int
) -> NDArray[np.uint8]:
    """Draw every so-manieth frame, row by row.

    Parameters
    ----------
    frames : FileImages or ArrayFrames
    kept : KeptFrames
        Of at least those frames that are done.
    done : sequence of FrameDone
    every : int

    Returns
    -------
    picture : (h, w, 3) uint8 array
        Labels tinted and outlined, each in the same colour throughout; a number and, unless it was labelled
        by hand, the quality on each frame; a white rim round those labelled by hand.
    """
    chosen = done[::every]
    colours = class_colours({id_ for own in done for id_ in own.pixels})
    pictures = [_frame(frames, kept, own, colours) for own in chosen]
    height, width = pictures[0].shape[:2]
    columns = min(len(pictures), max(1, round(math.sqrt(len(pictures) * ASPECT * height / width))))
    rows = math.ceil(len(pictures) / columns)
    whole = np.zeros((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        top, left = row * (height + GAP), column * (width + GAP)
        whole[top : top + height, left : left + width] = picture
    return whole


def _frame(
    frames: Frames, kept: KeptFrames, done: FrameDone, colours: dict[int, Colour]
) -> NDArray[np.uint8]:
    picture = thumbnail(main_of(known_or_blank(frames[done.frame])), SIDE)
    canvas = Image.fromarray(overlay(picture, labels_at(kept[done.frame].labels, picture.shape), colours))
    drawing, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    text = str(done.frame) if done.is_given else f"{done.frame}  {done.quality:.2f}"
    drawing.rectangle((0, 0, drawing.textlength(text, font) + 7, 16), fill=(0, 0, 0))
    drawing.text((4, 8), text, BY_HAND, font, "lm")
    if done.is_given:
        drawing.rectangle((0, 0, canvas.width - 1, canvas.height - 1), outline=BY_HAND, width=3)
    return np.asarray(canvas)
