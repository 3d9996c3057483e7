"""Sample data: images that come with strokes, ready for a first try."""

from __future__ import annotations

from typing import Any

from napari_vitrail import samples
from napari_vitrail.widgets._layers import class_colours, class_table


def histology_strokes() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a micrograph of glands and the strokes painted on it, as layer data."""
    return _layers(samples.histology(), "histology")


def coffee_strokes() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a photograph of a cup of coffee and the strokes painted on it, as layer data."""
    return _layers(samples.coffee(), "coffee")


def coins_strokes() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a grey picture of coins and the strokes painted on it, as layer data."""
    return _layers(samples.coins(), "coins")


def _layers(sample: samples.Sample, name: str) -> list[tuple[Any, dict[str, Any], str]]:
    """Return a sample's image and the strokes to train with as layer data."""
    strokes = {
        "name": f"{name} strokes",
        "features": class_table(sample.class_names),
        "colormap": class_colours(),
        "opacity": 1,
    }
    return [
        (sample.image, {"name": name}, "image"),
        (sample.labels, strokes, "labels"),
    ]
