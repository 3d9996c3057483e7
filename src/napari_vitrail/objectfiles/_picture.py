"""An image for people: its objects in colour, the ground dimmed, a frame around each box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from napari_vitrail.picture import class_colours, overlay
from napari_vitrail.thumbnails import labels_at, thumbnail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_vitrail.objectfiles._record import FoundBox
    from napari_vitrail.picture import Colour

SIDE = 1024
"""Of the longer side of a picture at most, in pixels."""
TAG = 17
"""Height of what is written on a box, in pixels."""
FRAME = 5
"""Width and height that a frame is drawn with at least, in pixels."""
DIMMED = 0.45
"""How bright the ground is, of what it was."""
ALL_TOGETHER: Colour = (255, 255, 255)
"""Of boxes around all objects together."""


def objects_picture(
    image: NDArray[Any],
    objects: NDArray[np.integer],
    boxes: Sequence[FoundBox],
    colours: Mapping[int, Colour] | None = None,
) -> NDArray[np.uint8]:
    """Draw the objects of an image.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) array
    objects : (H, W) int array
        Classes of the objects, 0 on the ground.
    boxes : sequence of FoundBox
    colours : mapping of int to (red, green, blue), optional
        Of the classes.

    Returns
    -------
    picture : (h, w, 3) uint8 array
        Classes that are objects tinted and outlined, each in a colour of its own; boxes of their parts in the
        same, those of all objects together in white, with their scores. Large images are shown smaller.
    """
    picture = thumbnail(image, SIDE)
    ids = {*np.unique(objects).tolist(), *(box.class_id for box in boxes)} - {0}
    own = dict(class_colours(ids) if colours is None else colours)
    small = labels_at(objects, picture.shape)
    picture[small == 0] = np.rint(DIMMED * picture[small == 0])
    tinted = overlay(picture, small, own, opacity=0.25)
    canvas = Image.fromarray(tinted)
    scale = np.divide(canvas.size, objects.shape[::-1])
    _draw_boxes(canvas, boxes, {0: ALL_TOGETHER, **own}, scale)
    return np.asarray(canvas)


def _draw_boxes(
    canvas: Image.Image,
    boxes: Sequence[FoundBox],
    colours: Mapping[int, Colour],
    scale: NDArray[np.floating],
) -> None:
    """Draw boxes with a dark rim, those with the best score on top."""
    drawing, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for box in sorted(boxes, key=lambda box: box.score):
        y0, x0, y1, x1 = box.corners
        (left, top), (right, bottom) = np.rint([[x0, y0], [x1, y1]] * scale).tolist()
        right, bottom = max(right, left + FRAME), max(bottom, top + FRAME)  # a large image is shown small
        colour = colours[box.class_id]
        drawing.rectangle((left, top, right - 1, bottom - 1), outline=(0, 0, 0), width=4)
        drawing.rectangle((left + 1, top + 1, right - 2, bottom - 2), outline=colour, width=2)
        at = (left + 1, top - TAG if top >= TAG else top + 1)
        _draw_score(drawing, at, f"{box.score:.1f}", colour, font)


def _draw_score(
    drawing: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, colour: Colour, font: Any
) -> None:
    """Write a score to the right and below of a corner, dark on the colour of its box."""
    x, y = corner
    drawing.rectangle((x, y, x + drawing.textlength(text, font) + 7, y + TAG), fill=colour)
    drawing.text((x + 4, y + 9), text, (0, 0, 0), font, "lm")
