"""Send what was propagated to Paint to segment: where it is sure, as strokes to be learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_vitrail.progress import Progress, Steps
from napari_vitrail.widgets._gallery_images import LayerImage
from napari_vitrail.widgets._label_passage import LabelPassage
from napari_vitrail.widgets._layers import class_names
from napari_vitrail.widgets._propagation import Propagation
from napari_vitrail.widgets._send_strokes import PlaneStrokes, SendStrokes, send_strokes

if TYPE_CHECKING:
    from napari_vitrail.propagation import PropagatedFrame

_MOST_FRAMES = 6
_MOST_CLASSES = 8
"""Ids of a stack up to which each is a class; more are single objects of one kind."""
_SURE = 0.9
"""Share of a label from which on a pixel counts: a classifier learns from what it is told, right or wrong."""
_OBJECT, _GROUND = "object", "background"
_HINT = (
    f"Send labels to learn from, of the labelled frames and of others, {_MOST_FRAMES} at most: where they "
    "are sure, as strokes. Paint to segment opens, which tells by looks where this tells by place"
)


class SureFrame(NamedTuple):
    """A frame to be learned from.

    Attributes
    ----------
    image : LayerImage
    labels : (H, W) int array
        As the layer has them.
    frame : PropagatedFrame or None
        What says how sure they are; None where a hand has made them.
    """

    image: LayerImage
    labels: NDArray[np.integer]
    frame: PropagatedFrame | None


class SendFrames(SendStrokes):
    """A button that makes strokes of propagated labels.

    Parameters
    ----------
    propagation : Propagation
    """

    def __init__(self, propagation: Propagation) -> None:
        self._propagation = propagation
        super().__init__("Send to Paint to segment", _HINT, (propagation.shown, propagation.changed))

    def _obstacle(self) -> str:
        passage = self._propagation.passage
        kind = "" if passage is None else passage.strokes_obstacle
        return kind or self._propagation.found_obstacle()

    def _on_clicked(self) -> None:
        passage = self._propagation.passage
        if not isinstance(passage, LabelPassage) or passage.draft is None:
            return
        if self._propagation.job.is_busy:
            self._propagation.job.refuse("wait until all frames are done")
            return
        frames = sure_frames(passage, set(self._propagation.labelled))
        self._propagation.job.run(
            strokes_steps(frames, with_ground=self._propagation.choice.mode == "dense"),
            on_done=partial(self._on_done, class_names(passage.source)),
            title="Making strokes",
        )

    def _on_done(self, known: Mapping[int, str], made: tuple[list[PlaneStrokes], dict[int, str]]) -> str:
        strokes, names = made
        spoken = {label: known.get(label, name) for label, name in names.items()}
        return send_strokes(self._propagation.viewer, strokes, spoken)


def sure_frames(passage: LabelPassage, labelled: set[int]) -> list[SureFrame]:
    """Return some frames of a passage: labelled ones, and the others spread over the better half."""
    assert passage.draft is not None
    by_quality = sorted(passage.frames, key=lambda index: -passage.frames[index].quality)
    better = sorted(set(by_quality[: (len(by_quality) + 1) // 2]) - labelled)
    hand = _spread(sorted(labelled & passage.frames.keys()), _MOST_FRAMES)
    chosen = sorted({*hand, *_spread(better, _MOST_FRAMES - len(hand))})
    layer, draft = passage.stack.layer, passage.draft
    return [
        SureFrame(
            LayerImage(layer, passage.stack.planes[index], layer.name),
            draft.labels(index),
            None if index in labelled else passage.frames[index],
        )
        for index in chosen
    ]


def strokes_steps(
    frames: Sequence[SureFrame], *, with_ground: bool
) -> Steps[tuple[list[PlaneStrokes], dict[int, str]]]:
    """Yield Progress; return strokes where labels are sure, and what their classes are called.

    Each id is a class under its own number while there are few, else all are one; what has none is the
    background where that is wanted.
    """
    ids = sorted({int(own) for frame in frames for own in np.unique(frame.labels)} - {0})
    few = len(ids) <= _MOST_CLASSES and max(ids, default=0) < np.iinfo(np.uint8).max
    classes = {own: own if few else 1 for own in ids}
    names = {own: f"label {own}" for own in ids} if few else {1: _OBJECT}
    if with_ground:
        classes[0] = max(names, default=0) + 1
        names[classes[0]] = _GROUND
    made = []
    for done, frame in enumerate(frames, start=1):
        strokes = np.zeros(frame.labels.shape, np.uint8)
        for own, class_ in classes.items():
            strokes[frame.labels == own] = class_
        if frame.frame is not None:
            strokes[_confidence(frame.frame) < _SURE] = 0
        made.append((frame.image, strokes))
        yield Progress(done, len(frames), "frames")
    return made, names


def _confidence(frame: PropagatedFrame) -> NDArray[np.float32]:
    """Return how sure the labels of a frame are at each pixel."""
    from napari_vitrail.grid import FeatureGrid, Grid

    height, width = frame.labels.shape
    placed = FeatureGrid(frame.confidence[..., None], frame.grid).on(Grid.of_pixels((height, width)))
    return placed.values[..., 0]


def _spread(frames: Sequence[int], count: int) -> Sequence[int]:
    """Return some frames, as far apart as they can be."""
    if len(frames) <= count:
        return frames
    return [frames[round(at)] for at in np.linspace(0, len(frames) - 1, max(count, 0))]
