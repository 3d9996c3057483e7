"""Objects that images share, found without a label."""

from napari_vitrail.clusters import Clusters
from napari_vitrail.cosegmentation._clusters import Curve
from napari_vitrail.cosegmentation._common import CommonClusters
from napari_vitrail.cosegmentation._consensus import Consensus
from napari_vitrail.cosegmentation._cosegment import (
    cosegment,
    cosegment_seen,
    cosegment_seen_steps,
    cosegment_steps,
)
from napari_vitrail.cosegmentation._parts import (
    cosegment_parts,
    cosegment_parts_seen,
    cosegment_parts_seen_steps,
    cosegment_parts_steps,
)
from napari_vitrail.cosegmentation._partsegmentation import PartSegmentation
from napari_vitrail.cosegmentation._picture import SeenPicture
from napari_vitrail.cosegmentation._result import CoSegmentation
from napari_vitrail.cosegmentation._seen import SeenSet, see_set, see_set_steps
from napari_vitrail.cosegmentation._spec import AMIR_COSEGMENTATION, COSEGMENTATION, CosegmentationSpec
from napari_vitrail.cosegmentation._votes import VotedClusters, Votes
from napari_vitrail.object_plane import ObjectPlane

__all__ = [
    "AMIR_COSEGMENTATION",
    "COSEGMENTATION",
    "Clusters",
    "CoSegmentation",
    "CommonClusters",
    "Consensus",
    "CosegmentationSpec",
    "Curve",
    "ObjectPlane",
    "PartSegmentation",
    "SeenPicture",
    "SeenSet",
    "VotedClusters",
    "Votes",
    "cosegment",
    "cosegment_parts",
    "cosegment_parts_seen",
    "cosegment_parts_seen_steps",
    "cosegment_parts_steps",
    "cosegment_seen",
    "cosegment_seen_steps",
    "cosegment_steps",
    "see_set",
    "see_set_steps",
]
