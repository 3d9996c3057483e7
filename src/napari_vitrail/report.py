"""The report of a demonstration: label images, overlays and one HTML file that holds it all."""

from __future__ import annotations

import base64
import platform
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.demo import FEATURE_SETS
from napari_vitrail.files import written_aside
from napari_vitrail.imagefile import jpeg_bytes, png_bytes, write_tiff
from napari_vitrail.picture import class_colours, overlay, shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_vitrail.backbones import BackboneInfo
    from napari_vitrail.demo import Comparison, Outcome
    from napari_vitrail.picture import Colour
    from napari_vitrail.samples import Sample

REPORT_NAME = "report.html"
LARGEST_SIDE = 1024  # of pictures inside the report; the files beside it are as large as the image

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .3rem .8rem; border-bottom: 1px solid #8886; text-align: left; }}
.pictures {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }}
figure {{ margin: 0; }}
img {{ width: 100%; }}
.chip {{ display: inline-block; width: .9em; height: .9em; border-radius: 2px; margin: 0 .3em 0 1em; }}
code {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def output_names() -> list[str]:
    """Return the names of the files that a report consists of."""
    kinds = ("segmentation.tif", "overlay.png")
    return [REPORT_NAME, *(f"{name}_{kind}" for name in FEATURE_SETS for kind in kinds)]


def write_report(
    directory: str | os.PathLike[str],
    sample: Sample,
    comparison: Comparison,
    backbone: BackboneInfo,
    *,
    title: str = "vitrail demo",
) -> Path:
    """Write what each feature set made of a sample.

    Parameters
    ----------
    directory : str or path
        Made if it is not there. For each feature set it gets ``<set>_segmentation.tif`` and
        ``<set>_overlay.png``, and a ``report.html`` that needs no other file.
    sample : Sample
        The image and its strokes.
    comparison : Comparison
        Of the feature sets.
    backbone : BackboneInfo
        The backbone and the weights it loaded.
    title : str
        Heading of the report.

    Returns
    -------
    path : Path
        Of the HTML file.
    """
    folder = Path(directory)
    colours = class_colours(sample.class_names)
    picture = shown(sample.image)
    figures = [("Strokes: training filled, held-out outlined", _strokes(picture, sample, colours))]
    for outcome in comparison.outcomes:
        name = outcome.spec.features
        tinted = overlay(picture, outcome.segmentation, colours)
        write_tiff(folder / f"{name}_segmentation.tif", outcome.segmentation)
        _write(folder / f"{name}_overlay.png", png_bytes(tinted))
        figures.append((name, tinted))
    body = [
        _legend(sample, colours),
        _table(sample, comparison.outcomes),
        f"<p>ViT features, computed once for all: {comparison.feature_seconds:.1f} s.</p>",
        _pictures(figures),
        _origin(comparison.outcomes, backbone),
    ]
    page = _PAGE.format(title=escape(title), body="\n".join(body))
    _write(folder / REPORT_NAME, page.encode())
    return folder / REPORT_NAME


def _write(path: Path, data: bytes) -> None:
    with written_aside(path) as aside:
        aside.write_bytes(data)


def _strokes(picture: NDArray[np.uint8], sample: Sample, colours: dict[int, Colour]) -> NDArray[np.uint8]:
    """Return the picture with training strokes filled and held-out strokes outlined."""
    outlined = overlay(picture, sample.held_out, colours, opacity=0)
    return overlay(outlined, sample.labels, colours, opacity=1)


def _legend(sample: Sample, colours: dict[int, Colour]) -> str:
    """Return the size of the image, the share that is labelled and the classes in their colours."""
    chips = "".join(
        f'<span class="chip" style="background: rgb{colours[id_]}"></span>{escape(name)}'
        for id_, name in sorted(sample.class_names.items())
    )
    height, width = sample.image.shape[:2]
    labelled, held_out = (100 * np.mean(part > 0) for part in (sample.labels, sample.held_out))
    return (
        f"<p>An image of {height} × {width} pixels; {labelled:.2g} % of them are labelled for "
        f"training, {held_out:.2g} % held out for scoring. Classes:{chips}</p>"
    )


def _table(sample: Sample, outcomes: Sequence[Outcome]) -> str:
    """Return scores and times, one row for each feature set."""
    ids = sorted(sample.class_names)
    classes = [f"IoU {sample.class_names[id_]}" for id_ in ids]
    heads = ["features", "accuracy", "mean IoU", *classes, "training", "segmentation", "classifier"]
    rows = [_row("th", heads)]
    for outcome in outcomes:
        found = outcome.score
        numbers = [found.accuracy, found.mean_iou] if found else [np.nan, np.nan]
        numbers += [found.ious.get(id_, np.nan) if found else np.nan for id_ in ids]
        scores = ["–" if np.isnan(number) else f"{number:.3f}" for number in numbers]
        times = [f"{outcome.train_seconds:.1f} s", f"{outcome.segment_seconds:.1f} s"]
        rows.append(_row("td", [outcome.spec.features, *scores, *times, outcome.choice]))
    return f"<table>\n{chr(10).join(rows)}\n</table>"


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _pictures(figures: Iterable[tuple[str, NDArray[np.uint8]]]) -> str:
    """Return captioned pictures, embedded."""
    items = []
    for caption, picture in figures:
        step = -(-max(picture.shape[:2]) // LARGEST_SIDE)
        data = base64.b64encode(jpeg_bytes(picture[::step, ::step])).decode()
        image = f'<img alt="{escape(caption)}" src="data:image/jpeg;base64,{data}">'
        items.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return f'<div class="pictures">\n{chr(10).join(items)}\n</div>'


def _origin(outcomes: Sequence[Outcome], backbone: BackboneInfo) -> str:
    """Return backbone, weights, settings and versions: what it takes to get the same again."""
    weights = backbone.weights
    facts = {"backbone": f"{backbone.name} ({backbone.licence})", "citation": backbone.citation}
    if weights is not None:
        facts["weights"] = f"{weights.source}: {weights.location}"
        facts["digest of the weights"] = weights.digest
    facts["settings"] = str(outcomes[-1].spec)
    facts["versions"] = ", ".join(
        [f"{name} {version(name)}" for name in ("napari-vitrail", "torch", "timm", "scikit-learn")]
        + [f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"]
    )
    rows = (
        f"<tr><th>{escape(name)}</th><td><code>{escape(text)}</code></td></tr>"
        for name, text in facts.items()
    )
    return f"<h2>Made with</h2>\n<table>\n{chr(10).join(rows)}\n</table>"
