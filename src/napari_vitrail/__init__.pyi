from .alignment import Alignment, fit_alignment, warp_image
from .annotations import Annotation, Annotations, ClassLabel, load_annotations, save_annotations
from .backbones import BackboneInfo, list_backbones, load_backbone
from .blocks import Blocks, overview, read_block
from .channels import ChosenChannels
from .classify import PixelClassifier, fit_classifier, fit_classifier_steps
from .cleanup import ChosenCleanUp
from .crf import DenseCRF
from .errors import (
    BackboneUnavailable,
    ComputeError,
    MissingExtra,
    ProjectError,
    SpecMismatch,
    VitrailError,
    VitrailWarning,
    WeightsError,
)
from .features import (
    DescriptorGrid,
    Plan,
    TokenMap,
    attention_maps,
    extract_features,
    extract_features_steps,
    features_at,
    pca_colours,
    plan_features,
    token_map,
    token_map_steps,
)
from .forecast import forecast_seconds
from .grid import FeatureGrid, Grid
from .image import LayeredImage, as_image
from .instances import find_instances, find_instances_steps
from .large import segment_blocks, segment_blocks_steps
from .matching import (
    AMIR_MATCHING,
    MATCHING,
    ImagePair,
    MatchingSpec,
    SeenImage,
    find_correspondences,
    find_steps,
    see_image,
    see_image_steps,
    see_pair,
    see_pair_steps,
    see_slices,
    similarity_map,
    transfer_points,
)
from .measurements import join_tables, measure, write_csv
from .pairs import (
    Correspondences,
    SavedPairs,
    SavedPoints,
    load_bigwarp,
    load_napari_points,
    load_pairs,
    load_points,
    save_bigwarp,
    save_napari_points,
    save_pairs,
)
from .presets import preset
from .progress import Progress, drain
from .project import Project, load_classifier, load_project, save_classifier, save_project
from .reference import ImageReference
from .refinement import refine, refine_steps
from .segmentation import (
    class_probabilities,
    coarse_to_fine_steps,
    probabilities_steps,
    segment,
    segment_steps,
)
from .smoothing import Smoothing
from .sparse import SparseLabels
from .spec import AMIR_COSEGMENTATION, DOCHERTY_SEGMENTATION, SEGMENTATION, FeatureSpec
from .store import FeatureStore, shared_store
from .training import TrainingPlanes, training_planes, training_planes_steps
from .trust import Trust, assess, assess_steps
from .uncertainty import most_uncertain, uncertainty

__all__ = [
    "AMIR_COSEGMENTATION",
    "AMIR_MATCHING",
    "DOCHERTY_SEGMENTATION",
    "MATCHING",
    "SEGMENTATION",
    "Alignment",
    "Annotation",
    "Annotations",
    "BackboneInfo",
    "BackboneUnavailable",
    "Blocks",
    "ChosenChannels",
    "ChosenCleanUp",
    "ClassLabel",
    "ComputeError",
    "Correspondences",
    "DenseCRF",
    "DescriptorGrid",
    "FeatureGrid",
    "FeatureSpec",
    "FeatureStore",
    "Grid",
    "ImagePair",
    "ImageReference",
    "LayeredImage",
    "MatchingSpec",
    "MissingExtra",
    "PixelClassifier",
    "Plan",
    "Progress",
    "Project",
    "ProjectError",
    "SavedPairs",
    "SavedPoints",
    "SeenImage",
    "Smoothing",
    "SparseLabels",
    "SpecMismatch",
    "TokenMap",
    "TrainingPlanes",
    "Trust",
    "VitrailError",
    "VitrailWarning",
    "WeightsError",
    "as_image",
    "assess",
    "assess_steps",
    "attention_maps",
    "class_probabilities",
    "coarse_to_fine_steps",
    "drain",
    "extract_features",
    "extract_features_steps",
    "features_at",
    "find_correspondences",
    "find_instances",
    "find_instances_steps",
    "find_steps",
    "fit_alignment",
    "fit_classifier",
    "fit_classifier_steps",
    "forecast_seconds",
    "join_tables",
    "list_backbones",
    "load_annotations",
    "load_backbone",
    "load_bigwarp",
    "load_classifier",
    "load_napari_points",
    "load_pairs",
    "load_points",
    "load_project",
    "measure",
    "most_uncertain",
    "overview",
    "pca_colours",
    "plan_features",
    "preset",
    "probabilities_steps",
    "read_block",
    "refine",
    "refine_steps",
    "save_annotations",
    "save_bigwarp",
    "save_classifier",
    "save_napari_points",
    "save_pairs",
    "save_project",
    "see_image",
    "see_image_steps",
    "see_pair",
    "see_pair_steps",
    "see_slices",
    "segment",
    "segment_blocks",
    "segment_blocks_steps",
    "segment_steps",
    "shared_store",
    "similarity_map",
    "token_map",
    "token_map_steps",
    "training_planes",
    "training_planes_steps",
    "transfer_points",
    "uncertainty",
    "warp_image",
    "write_csv",
]
