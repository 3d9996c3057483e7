"""A page that shows what images share: pictures, parts that are shown, hidden and followed, the choice."""

from __future__ import annotations

from html import escape
from importlib.resources import files as packaged
from os.path import relpath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from napari_vitrail.cosegmentfiles._curve import drawn_curve
from napari_vitrail.cosegmentfiles._summary import hexadecimal
from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from napari_vitrail.cosegmentation import Curve
    from napari_vitrail.cosegmentfiles._images import FailedImage
    from napari_vitrail.cosegmentfiles._masks import ImageFound
    from napari_vitrail.cosegmentfiles._summary import PartSummary

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
{colours}
</style>
</head>
<body data-parts="{many}">
<header>
<h1>{title}</h1>
<p>{subtitle}</p>
</header>
"""
_TOOLS = """<nav aria-label="Parts and pictures">
<div class="parts">{chips}</div>
<div class="tools">
<label>Tint <input type="range" id="tint" min="0" max="100" value="{tint}"></label>
<label>Fade the rest <input type="range" id="fade" min="0" max="100" value="{fade}"></label>
<label>Size <input type="range" id="size" min="80" max="400" value="190"></label>
<label>Order <select id="order"><option value="place">as given</option><option value="large">largest first\
</option><option value="small">smallest first</option></select></label>
</div>
</nav>
"""
_CHIP = """<span class="chip" data-part="{id}"><input type="checkbox" checked aria-label="show {name}">\
<button type="button" aria-pressed="false" \
title="In {images} images, {share:.1%} of each on average. Follow it through all pictures; Escape ends it">\
{name} <small>{images} · {share:.0%}</small></button></span>"""
_FIGURE = """<figure data-share="{share:.4f}" style="--ratio: {ratio:.3f}">
<div><img src="{source}" width="{width}" height="{height}" alt="{name}" loading="lazy" decoding="async">
<svg viewBox="0 0 {width} {height}" aria-hidden="true">\
<path class="rest" d="M0 0H{width}V{height}H0Z{rest}"/>{paths}</svg></div>
<figcaption><a href="{mask}" title="{path}: its mask">{name}</a> <small>{told}</small></figcaption>
</figure>
"""


class Gallery(NamedTuple):
    """What a page shows.

    Attributes
    ----------
    images : sequence of ImageFound
    parts : sequence of PartSummary
    failed : sequence of FailedImage
    curve : Curve or None
        By which the number of clusters was chosen.
    origin : mapping of str to str
        What it takes to get the same again.
    """

    images: Sequence[ImageFound]
    parts: Sequence[PartSummary]
    failed: Sequence[FailedImage]
    curve: Curve | None
    origin: Mapping[str, str]


def write_gallery(path: Path, gallery: Gallery) -> None:
    """Write a gallery as one HTML file; links and thumbnails beside it are relative to it."""
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        for piece in _pieces(gallery, path.parent):
            file.write(piece)


def _pieces(gallery: Gallery, folder: Path) -> Iterator[str]:
    own = packaged("napari_vitrail.cosegmentfiles")
    colours = "\n".join(
        f'[data-part="{part.id}"] {{ --colour: {hexadecimal(part.colour)}; }}' for part in gallery.parts
    )
    count = len(gallery.images)
    yield _HEAD.format(
        title=f"What {count} {'images share' if count > 1 else 'image shows'}",
        subtitle=escape(_subtitle(gallery)),
        style=own.joinpath("gallery.css").read_text(encoding="utf-8"),
        colours=colours,
        many="one" if len(gallery.parts) == 1 else "many",
    )
    chips = "".join(
        _CHIP.format(id=part.id, name=escape(part.name), images=part.images, share=part.share)
        for part in gallery.parts
    )
    tint, fade = (10, 75) if len(gallery.parts) == 1 else (45, 60)
    yield _TOOLS.format(chips=chips, tint=tint, fade=fade)
    yield '<main id="pictures">\n'
    for image in gallery.images:
        yield _figure(image, folder)
    yield "</main>\n"
    yield _failed(gallery.failed)
    yield _origin(gallery)
    script = own.joinpath("gallery.js").read_text(encoding="utf-8")
    yield f"<script>\n{script}</script>\n</body>\n</html>\n"


def _subtitle(gallery: Gallery) -> str:
    """Return in a sentence how many images have something of it."""
    with_any = sum(bool(image.areas) for image in gallery.images)
    told = f"Found in {with_any} of {len(gallery.images)} images."
    if gallery.failed:
        told += f" {len(gallery.failed)} could not be read."
    return told


def _figure(found: ImageFound, folder: Path) -> str:
    height, width = found.image.size
    paths = "".join(
        f'<path class="part" data-part="{id_}" d="{outline}"/>' for id_, outline in found.outlines.items()
    )
    return _FIGURE.format(
        share=found.share,
        ratio=width / height,
        source=found.image.thumbnail,
        width=width,
        height=height,
        name=escape(found.image.name),
        path=escape(str(found.image.path)),
        rest="".join(found.outlines.values()),
        paths=paths,
        mask=quote(relpath(found.mask, folder).replace("\\", "/")),
        told=f"{found.share:.0%}" if found.areas else "none",
    )


def _failed(failed: Sequence[FailedImage]) -> str:
    if not failed:
        return ""
    items = "".join(f"<li>{escape(image.error)}</li>" for image in failed)
    return f"<section>\n<h2>Left out</h2>\n<ul>{items}</ul>\n</section>\n"


def _origin(gallery: Gallery) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td><code>{escape(text)}</code></td></tr>"
        for name, text in gallery.origin.items()
    )
    curve = "" if gallery.curve is None else drawn_curve(gallery.curve)
    return f"<section>\n<h2>How it was found</h2>\n{curve}<table>{rows}</table>\n</section>\n"
