"""Scores beside boxes: dark where the image is bright, and none that would lie on another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.widgets._scene import JudgedBox, Scene

SIZE = 9
"""Of letters, in points."""
_HEIGHT, _WIDTH = 1 / 40, 1 / 25
"""Of a score, as shares of the longer side of an image that fills the view."""
_BRIGHT = 0.5
_DARK, _LIGHT = (0.0, 0.0, 0.0, 1.0), (1.0, 1.0, 1.0, 1.0)


def score_texts(
    rows: Sequence[tuple[Scene, JudgedBox]], current: int | None, canvas: float
) -> dict[str, Any]:
    """Return the texts of boxes as a shapes layer takes them.

    Parameters
    ----------
    rows : sequence of (Scene, JudgedBox)
        In whose image each box is, and the box.
    current : int or None
        The number of the box that a key would judge, whose score is there in any case.
    canvas : float, 0 to 1
        How bright it is round an image.
    """
    places = np.array([_place(scene, box) for scene, box in rows]).reshape(-1, 4)
    written = _apart([scene for scene, _ in rows], places, _order([box for _, box in rows], current))
    strings = [f"{box.score:.1f}" if own else "" for (_, box), own in zip(rows, written, strict=True)]
    bright = [
        _brightness(scene, place, canvas) > _BRIGHT for (scene, _), place in zip(rows, places, strict=True)
    ]
    colours = np.array([_DARK if own else _LIGHT for own in bright]).reshape(-1, 4)
    return {
        "string": {"array": np.array(strings, dtype=np.str_)},
        "color": {"array": colours},
        "size": SIZE,
        "anchor": "upper_left",
    }


def _place(scene: Scene, box: JudgedBox) -> tuple[float, float, float, float]:
    """Return where a score is written, in pixels: above the upper left corner of its box."""
    side, (top, left, _, _) = max(scene.image.plane.sides), box.corners
    return top - _HEIGHT * side, left, top, left + _WIDTH * side


def _order(boxes: Sequence[JudgedBox], current: int | None) -> list[int]:
    """Return the numbers of boxes whose scores are written, those that are wanted most first."""
    wanted = [at for at, box in enumerate(boxes) if box.status != "rejected"]
    return sorted(
        wanted,
        key=lambda at: (at != current, boxes[at].status != "accepted", -boxes[at].score),
    )


def _apart(scenes: Sequence[Scene], places: NDArray[np.float64], order: Sequence[int]) -> NDArray[np.bool_]:
    """Return which texts are written: in order, those that lie on none of their image that is."""
    numbers = {scene: number for number, scene in enumerate(dict.fromkeys(scenes))}
    images = np.array([numbers[scene] for scene in scenes], int)
    written = np.zeros(len(places), bool)
    for at in order:
        top, left, bottom, right = places[at]
        others = places[written & (images == images[at])]
        is_above = (others[:, 0] >= bottom) | (others[:, 2] <= top)
        is_beside = (others[:, 1] >= right) | (others[:, 3] <= left)
        written[at] = (is_above | is_beside).all()
    return written


def _brightness(scene: Scene, place: NDArray[np.float64], canvas: float) -> float:
    """Return how bright an image is under a text, 0 to 1; beyond its border, the canvas."""
    if place[0] + place[2] < 0:
        return canvas
    small, place = scene.small, np.maximum(place, 0)
    scale = max(small.shape[:2]) / max(scene.image.plane.sides)
    top, left = np.floor(place[:2] * scale).astype(int)
    bottom, right = np.ceil(place[2:] * scale).astype(int)
    under = small[top : max(bottom, top + 1), left : max(right, left + 1)]
    return float(under.mean() / 255) if under.size else canvas
