"""Sample data: images that come with strokes, ready for a first try."""

from __future__ import annotations

from typing import Any

from napari_vitrail import samples
from napari_vitrail.widgets._layers import class_colours, class_table


def histology_strokes() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a micrograph of glands and the strokes painted on it, as layer data."""
    sample = samples.histology()
    strokes = {
        "name": "histology strokes",
        "features": class_table(sample.class_names),
        "colormap": class_colours(),
        "opacity": 1,
    }
    return [
        (sample.image, {"name": "histology"}, "image"),
        (sample.labels, strokes, "labels"),
    ]
