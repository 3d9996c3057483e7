"""Labels, points and boxes of a few frames, passed on through a stack or a movie."""

from napari_vitrail.propagation._boxes import propagate_boxes, propagate_boxes_steps
from napari_vitrail.propagation._frame import PropagatedFrame
from napari_vitrail.propagation._passing import CarriedFrame, Pass
from napari_vitrail.propagation._points import propagate_points, propagate_points_steps
from napari_vitrail.propagation._propagate import propagate_labels, propagate_labels_steps
from napari_vitrail.propagation._seen import SeenFrame, SeenFrames, known_or_blank
from napari_vitrail.propagation._spec import DINO_PROPAGATION, PROPAGATION, PropagationSpec
from napari_vitrail.propagation._stretches import Direction
from napari_vitrail.propagation._tracks import TrackedBoxes, Tracks

__all__ = [
    "DINO_PROPAGATION",
    "PROPAGATION",
    "CarriedFrame",
    "Direction",
    "Pass",
    "PropagatedFrame",
    "PropagationSpec",
    "SeenFrame",
    "SeenFrames",
    "TrackedBoxes",
    "Tracks",
    "known_or_blank",
    "propagate_boxes",
    "propagate_boxes_steps",
    "propagate_labels",
    "propagate_labels_steps",
    "propagate_points",
    "propagate_points_steps",
]
