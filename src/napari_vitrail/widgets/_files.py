"""What napari calls to open and save ``.vitrail`` files; loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari import current_viewer
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_info, show_warning

from napari_vitrail.annotations import save_annotations
from napari_vitrail.progress import drain
from napari_vitrail.widgets._annotations import LayerData, Pair, annotations_steps, capture, named_pairs
from napari_vitrail.widgets._layers import is_result
from napari_vitrail.widgets._opening import opened

NOTHING: list[tuple[None]] = [(None,)]
"""What tells napari that a file was read and holds no layer."""


def project_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[Any]] | None:
    """Return what reads a ``.vitrail`` file; None for several, which are no stack."""
    return _read if isinstance(path, str) or len(path) == 1 else None


def _read(path: str | Sequence[str]) -> list[Any]:
    """Return the layers of a project, and say what is not as it was."""
    file = Path(path if isinstance(path, str) else path[0])
    found = opened(file)
    if found.remarks:
        show_warning("\n".join(found.remarks))
    if not found.layers:
        show_info(
            f"{file.name} holds no strokes, only a classifier: open an image, then Paint to segment > "
            "Batch > Apply classifier..."
        )
    return found.layers or NOTHING


def write_project(path: str, data: list[LayerData]) -> list[str]:
    """Write the strokes among some layers, and references to their images, to a ``.vitrail`` file.

    Results of ours are left out. What was learned is saved by the widget, which has it.

    Raises
    ------
    ValueError
        If there are no strokes, or no image that they could be on.
    """
    layers = [_layer(each) for each in data]
    captured = [capture(strokes, image) for strokes, image in _pairs(layers)]
    if not captured:
        raise ValueError(
            f"{path} is not saved: select strokes, a labels layer that is no result, and the image below them"
        )
    save_annotations(path, drain(annotations_steps(captured)))
    return [path]


def _layer(data: LayerData) -> Layer:
    """Return the viewer's layer that some layer data are of, which knows its file; else one like it."""
    viewer = current_viewer()
    for layer in () if viewer is None else viewer.layers:
        if layer.data is data[0] and layer.name == data[1]["name"]:
            return layer
    return Layer.create(*data)


def _pairs(layers: list[Layer]) -> list[Pair]:
    """Return the strokes among some layers, each with its image: the one it is named after, or the first."""
    viewer = current_viewer()
    strokes = [layer for layer in layers if isinstance(layer, Labels) and not is_result(layer)]
    given = [layer for layer in layers if isinstance(layer, Image) and not is_result(layer)]
    images = given or [
        layer for layer in (() if viewer is None else viewer.layers)
        if isinstance(layer, Image) and not is_result(layer)
    ]  # fmt: skip
    named = dict(named_pairs([*strokes, *images]))
    return [(layer, named.get(layer, images[0])) for layer in strokes if images]
