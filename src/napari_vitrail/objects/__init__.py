"""What is in one image, found without a label."""

from napari_vitrail.objects._boxes import Boxes, BoxRule, overlaps
from napari_vitrail.objects._cuts import NormalisedCuts
from napari_vitrail.objects._density import DenseClusters
from napari_vitrail.objects._find import (
    find_objects,
    find_objects_seen,
    find_objects_seen_steps,
    find_objects_steps,
)
from napari_vitrail.objects._found import FoundObjects
from napari_vitrail.objects._pieces import Pieces
from napari_vitrail.objects._proposals import ObjectProposals
from napari_vitrail.objects._regions import Regions
from napari_vitrail.objects._seen import SeenScene
from napari_vitrail.objects._spec import DOCHERTY_OBJECTS, OBJECTS, ObjectsSpec
from napari_vitrail.objects._tree import MergeTree

__all__ = [
    "DOCHERTY_OBJECTS",
    "OBJECTS",
    "BoxRule",
    "Boxes",
    "DenseClusters",
    "FoundObjects",
    "MergeTree",
    "NormalisedCuts",
    "ObjectProposals",
    "ObjectsSpec",
    "Pieces",
    "Regions",
    "SeenScene",
    "find_objects",
    "find_objects_seen",
    "find_objects_seen_steps",
    "find_objects_steps",
    "overlaps",
]
