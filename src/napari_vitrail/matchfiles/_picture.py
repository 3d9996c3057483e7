"""Two images on one canvas, and a line from each point to its partner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.color import hsv2rgb

from napari_vitrail.grey_values import stretched, to_rgb
from napari_vitrail.image import IntensityRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_vitrail.pairs import Correspondences

    Ends = tuple[NDArray[np.float64], NDArray[np.float64]]


SIDE = 512
"""Pixels of the longer side of each image in the picture."""
GAP, MARGIN, EDGE, CAPTION = 24, 12, 30, 32  # pixels: between, above, beside (for numbers) and below
PAPER, INK, FAINT = (255, 255, 255), (40, 40, 44), (120, 120, 126)
MOST_NUMBERED = 40
"""Pairs of which each gets its number; where there are more, numbers would hide the images."""
_FINER = 3  # times finer the pairs are drawn than they are shown, so that edges are smooth
_GOLDEN = 0.618033988749895  # of the circle of hues from an id to the next, as the widget has it


def pairs_picture(
    image0: NDArray[Any],
    image1: NDArray[Any],
    pairs: Correspondences,
    *,
    ids: NDArray[np.int64] | None = None,
    dull: NDArray[np.bool_] | None = None,
    titles: tuple[str, str] = ("", ""),
    note: str = "",
) -> NDArray[np.uint8]:
    """Draw two images side by side, with the points of each pair and a line between them.

    Parameters
    ----------
    image0, image1 : (H, W) or (H, W, 3) array
        Of any size and type; both are shown equally large, their grey values stretched.
    pairs : Correspondences
    ids : (n,) int array, optional
        A pair's number and colour, which is that of the widget; else they are counted from 0.
    dull : (n,) bool array, optional
        Pairs that are shown without colour and number, such as outliers.
    titles : (str, str)
        What is written below the images.
    note : str
        What is written at the end of the line.

    Returns
    -------
    picture : (h, w, 3) uint8 array
    """
    numbers = np.arange(len(pairs)) if ids is None else ids
    greyed = np.zeros(len(pairs), bool) if dull is None else dull
    order = np.argsort(~greyed, kind="stable")  # colours on top
    pairs, numbers, greyed = pairs[order], numbers[order], greyed[order]
    canvas, panels = _laid_out(_thumbnail(image0), _thumbnail(image1))
    ends = panels[0].placed(pairs.points0, image0.shape), panels[1].placed(pairs.points1, image1.shape)
    _draw_pairs(canvas, ends, _colours(numbers, greyed))
    if (~greyed).sum() <= MOST_NUMBERED:
        _draw_numbers(canvas, (ends[0][~greyed], ends[1][~greyed]), numbers[~greyed])
    _write_below(canvas, panels, titles, note)
    return np.asarray(canvas)


class _Panel(NamedTuple):
    """Where an image is on the canvas: x and y of its corner, width and height."""

    corner: tuple[int, int]
    size: tuple[int, int]

    def placed(self, points: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return where points of an image of this shape are on the canvas, as x and y."""
        return (points[:, ::-1] + 0.5) * np.divide(self.size, shape[1::-1]) + self.corner


def _thumbnail(image: NDArray[Any]) -> Image.Image:
    """Return an image at the size of the picture, its contrast stretched as the network sees it."""
    step = max(1, max(image.shape[:2]) // (2 * SIDE))  # what is not seen costs no memory
    seen = image[::step, ::step]
    scaled = to_rgb(IntensityRange.of([seen]).scale(seen))
    pixels = np.rint(255 * stretched(scaled, scaled)).astype(np.uint8)
    factor = SIDE / max(image.shape[:2])
    height, width = (max(1, round(side * factor)) for side in image.shape[:2])
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)


def _laid_out(left: Image.Image, right: Image.Image) -> tuple[Image.Image, tuple[_Panel, _Panel]]:
    """Return a canvas with two images side by side, and where they are."""
    height = max(left.height, right.height)
    canvas = Image.new("RGB", (left.width + GAP + right.width + 2 * EDGE, MARGIN + height + CAPTION), PAPER)
    panels = tuple(
        _Panel((x, MARGIN + (height - image.height) // 2), image.size)
        for x, image in ((EDGE, left), (EDGE + left.width + GAP, right))
    )
    for image, panel in zip((left, right), panels, strict=True):
        canvas.paste(image, panel.corner)
    return canvas, (panels[0], panels[1])


def _colours(ids: NDArray[np.int64], dull: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the colour of each pair, those of neighbouring ids as far apart as can be."""
    parts = [ids * _GOLDEN % 1, np.where(dull, 0, 0.8), np.where(dull, 0.5, 1)]
    colours: NDArray[np.uint8] = np.rint(255 * hsv2rgb(np.stack(parts, axis=-1))).astype(np.uint8)
    return colours


def _draw_pairs(canvas: Image.Image, ends: Ends, colours: NDArray[np.uint8]) -> None:
    """Draw lines below points, each in its colour; white and dark rims tell them from any image."""
    few = len(colours) <= MOST_NUMBERED
    layer = Image.new("RGBA", (canvas.width * _FINER, canvas.height * _FINER))
    drawing = ImageDraw.Draw(layer)
    lines = [[tuple(end) for end in pair] for pair in np.stack(ends, axis=1) * _FINER]
    for width, dark in ((3.6, True), (1.7, False)) if few else ((2.2, True), (1.1, False)):
        for line, colour in zip(lines, colours.tolist(), strict=True):
            fill = (0, 0, 0, 80 if few else 40) if dark else (*colour, 235 if few else 210)
            drawing.line(line, fill=fill, width=round(width * _FINER))
    for radius, rim in ((6.4, (0, 0, 0, 150)), (5.4, (255, 255, 255, 255)), (4.0, None)):
        reach = radius * (1 if few else 0.7) * _FINER
        for line, colour in zip(lines, colours.tolist(), strict=True):
            fill = (*colour, 255) if rim is None else rim
            for x, y in line:
                drawing.ellipse((x - reach, y - reach, x + reach, y + reach), fill=fill)
    layer = layer.resize(canvas.size, Image.Resampling.BOX)
    canvas.paste(layer, mask=layer)


def _draw_numbers(canvas: Image.Image, ends: Ends, ids: NDArray[np.int64]) -> None:
    """Write the number of each pair on the side of its points where there is no line."""
    drawing, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for points, aside, anchor in zip(ends, (-9, 9), ("rm", "lm"), strict=True):
        for (x, y), id_ in zip(points, ids.tolist(), strict=True):
            drawing.text(
                (x + aside, y), str(id_), (255, 255, 255), font, anchor, stroke_width=2, stroke_fill=(0, 0, 0)
            )


def _write_below(
    canvas: Image.Image, panels: tuple[_Panel, _Panel], titles: tuple[str, str], note: str
) -> None:
    """Write what each image is called below it, as much as fits beside the note."""
    drawing, font, line = ImageDraw.Draw(canvas), ImageFont.load_default(14), canvas.height - CAPTION / 2
    right = canvas.width - EDGE
    drawing.text((right, line), note, FAINT, font, "rm")
    ends = panels[1].corner[0] - GAP, right - drawing.textlength(f"  {note}", font)
    for panel, end, title in zip(panels, ends, titles, strict=True):
        x = panel.corner[0]
        while len(title) > 2 and x + drawing.textlength(title, font) > end:
            title = f"{title.removesuffix('…')[:-1]}…"
        drawing.text((x, line), title, INK, font, "lm")
