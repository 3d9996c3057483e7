"""Sample images with painted strokes: for the demonstration, a first look and the tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DATA = files("napari_vitrail") / "data"


@dataclass(frozen=True)
class Sample:
    """An image, strokes to learn from and others to score with.

    Attributes
    ----------
    image : (H, W) or (H, W, 3) array
        The image.
    labels : (H, W) int array
        Strokes to train with; 0 = unlabelled.
    held_out : (H, W) int array
        Strokes of the same classes kept apart for scoring; they share no pixel with `labels`.
    class_names : dict of int to str
        What each class id means.
    """

    image: NDArray[Any]
    labels: NDArray[np.integer]
    held_out: NDArray[np.integer]
    class_names: dict[int, str]


@dataclass(frozen=True)
class Stroke:
    """One stroke of a round brush.

    Attributes
    ----------
    label : int
        The class it paints.
    radius : int, in pixels
        Radius of the brush around the pixel under its centre.
    held_out : bool
        Whether it is kept for scoring.
    points : list of [row, column], in pixels
        The polyline that the brush follows.
    """

    label: int
    radius: int
    held_out: bool
    points: list[list[int]]


def histology() -> Sample:
    """Return a micrograph of glands with strokes on epithelium, stroma and lumen.

    Returns
    -------
    sample : Sample
        An RGB image of 512 x 512 pixels; one per cent of its pixels is labelled for training and
        two for scoring.

    Notes
    -----
    The image is scikit-image's `skimage.data.immunohistochemistry`: colon, an antibody stained
    brown with DAB, nuclei blue with haematoxylin. Epithelium is the glands with the nuclei inside
    them; stroma the tissue between, with its own nuclei; lumen the empty space inside glands and
    vessels. Colour alone does not decide: the nuclei of both tissues are blue, and stroma is
    almost as bright as lumen.
    """
    from skimage.data import immunohistochemistry

    return _with_strokes(immunohistochemistry(), "histology")


def coffee() -> Sample:
    """Return a photograph of a cup of coffee with strokes on six things.

    Returns
    -------
    sample : Sample
        An RGB image of 400 x 600 pixels; one per cent of its pixels is labelled for training and
        three for scoring.

    Notes
    -----
    The image is scikit-image's `skimage.data.coffee`, by Rachel Michetti. The classes are what
    things are, not what they look like: the cup is white inside and red outside, its saucer is of
    the same red, and spoon and saucer mirror what is around them.
    """
    from skimage.data import coffee as photograph

    return _with_strokes(photograph(), "coffee")


def coins() -> Sample:
    """Return a grey picture of 24 coins, with strokes on coins and background.

    Returns
    -------
    sample : Sample
        A grey image of 303 x 384 pixels; one per cent of its pixels is labelled for training and
        four for scoring.

    Notes
    -----
    The image is scikit-image's `skimage.data.coins`: Greek coins from Pompeii, lit from the upper
    left. The background is as bright there as some coins are elsewhere, so that no threshold parts
    the two; coins come as objects to count and measure, see `find_instances`.
    """
    from skimage.data import coins as picture

    return _with_strokes(picture(), "coins")


def _with_strokes(image: NDArray[Any], name: str) -> Sample:
    """Return an image with the strokes that are drawn on it in the file of that name."""
    drawing = json.loads((_DATA / f"{name}_strokes.json").read_text(encoding="utf-8"))
    strokes = [Stroke(**stroke) for stroke in drawing["strokes"]]
    return Sample(
        image=image,
        labels=paint([stroke for stroke in strokes if not stroke.held_out], image.shape[:2]),
        held_out=paint([stroke for stroke in strokes if stroke.held_out], image.shape[:2]),
        class_names={int(label): name for label, name in drawing["class_names"].items()},
    )


def paint(strokes: Sequence[Stroke], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return strokes as labels, a later one over an earlier one.

    Parameters
    ----------
    strokes : sequence of Stroke
        What to paint; what lies outside the image is cut off.
    shape : (H, W), in pixels
        Shape of the image.

    Returns
    -------
    labels : (H, W) uint8 array
        0 where no stroke is.
    """
    from skimage.draw import disk, line

    labels = np.zeros(shape, np.uint8)
    for stroke in strokes:
        for start, end in pairwise(stroke.points):
            for centre in zip(*line(*start, *end), strict=True):
                labels[disk(centre, stroke.radius + 0.5, shape=shape)] = stroke.label
    return labels


def sample_of(image: NDArray[Any], labels: NDArray[np.integer]) -> Sample:
    """Return an image and its strokes as a sample: some strokes are held out, see `hold_out`.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) array
    labels : (H, W) int array
        0 = unlabelled.

    Returns
    -------
    sample : Sample
        Its classes are named after their ids.
    """
    if labels.shape != image.shape[:2]:
        raise ValueError(f"labels must have the image's shape {image.shape[:2]}, got {labels.shape}")
    kept, held_out = hold_out(labels)
    names = {int(id_): f"class {id_}" for id_ in np.unique(labels[labels > 0])}
    return Sample(image, kept, held_out, names)


def hold_out(
    labels: NDArray[np.integer], *, fraction: float = 0.4, random_state: int = 0
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Set whole strokes apart for scoring.

    Parameters
    ----------
    labels : (H, W) int array
        0 = unlabelled. A stroke is what touches, corners included, with one label.
    fraction : float, 0 to 1
        How much of each class is set apart, at most; at least one stroke is where there are two.
    random_state : int
        Chooses the strokes.

    Returns
    -------
    kept, held_out : (H, W) int arrays
        Both parts; every class keeps at least one stroke, so one of a single stroke is not scored.
    """
    from skimage.measure import label as connected

    generator = np.random.default_rng(random_state)
    held_out = np.zeros_like(labels)
    for class_id in np.unique(labels[labels > 0]):
        strokes: NDArray[np.intp] = connected(labels == class_id, connectivity=2)
        areas = np.bincount(strokes.ravel())[1:]
        chosen = _chosen(areas, fraction * areas.sum(), generator)
        held_out[np.isin(strokes, chosen + 1)] = class_id
    return np.where(held_out > 0, 0, labels), held_out


def _chosen(areas: NDArray[np.intp], most: float, generator: np.random.Generator) -> NDArray[np.intp]:
    """Return the indices of strokes that fill at most `most` pixels, or else of the smallest."""
    order = generator.permutation(len(areas))
    total, chosen = 0, []
    for index in order:
        if total + areas[index] <= most:
            chosen.append(index)
            total += areas[index]
    if not chosen and len(areas) > 1:
        chosen = [areas.argmin()]
    return np.array(chosen, np.intp)
