"""A stack or a movie labelled from some of its frames: label stacks, tables and pictures, as files."""

from napari_vitrail.propagationfiles._film import MOST_IN_FILM, film_picture
from napari_vitrail.propagationfiles._follow import BOXES, POINTS, PlaceKind, follow_steps
from napari_vitrail.propagationfiles._given import FrameSource, GivenFrames, open_given
from napari_vitrail.propagationfiles._kept import KeptFrames, stack_identity
from napari_vitrail.propagationfiles._places import followed_lines, read_tables
from napari_vitrail.propagationfiles._plan import PropagationFiles, plan_propagation, plan_table
from napari_vitrail.propagationfiles._run import (
    FrameDone,
    PropagationWanted,
    check_frames_steps,
    propagate_files_steps,
)
from napari_vitrail.propagationfiles._stacks import write_confidence, write_labels
from napari_vitrail.propagationfiles._table import summary_lines, write_table

__all__ = [
    "BOXES",
    "MOST_IN_FILM",
    "POINTS",
    "FrameDone",
    "FrameSource",
    "GivenFrames",
    "KeptFrames",
    "PlaceKind",
    "PropagationFiles",
    "PropagationWanted",
    "check_frames_steps",
    "film_picture",
    "follow_steps",
    "followed_lines",
    "open_given",
    "plan_propagation",
    "plan_table",
    "propagate_files_steps",
    "read_tables",
    "stack_identity",
    "summary_lines",
    "write_confidence",
    "write_labels",
    "write_table",
]
