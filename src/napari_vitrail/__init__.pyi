from .backbones import BackboneInfo, list_backbones, load_backbone
from .classify import (
    PixelClassifier,
    class_probabilities,
    fit_classifier,
    fit_classifier_steps,
    probabilities_steps,
    segment,
    segment_steps,
)
from .errors import (
    BackboneUnavailable,
    ComputeError,
    ProjectError,
    SpecMismatch,
    VitrailError,
    WeightsError,
)
from .features import (
    DescriptorGrid,
    TokenMap,
    attention_maps,
    extract_features,
    extract_features_steps,
    features_at,
    pca_colours,
    token_map,
    token_map_steps,
)
from .grid import FeatureGrid, Grid
from .image import as_image
from .progress import Progress, drain
from .project import load_classifier, save_classifier
from .spec import AMIR_COSEGMENTATION, DOCHERTY_SEGMENTATION, SEGMENTATION, FeatureSpec

__all__ = [
    "AMIR_COSEGMENTATION",
    "DOCHERTY_SEGMENTATION",
    "SEGMENTATION",
    "BackboneInfo",
    "BackboneUnavailable",
    "ComputeError",
    "DescriptorGrid",
    "FeatureGrid",
    "FeatureSpec",
    "Grid",
    "PixelClassifier",
    "Progress",
    "ProjectError",
    "SpecMismatch",
    "TokenMap",
    "VitrailError",
    "WeightsError",
    "as_image",
    "attention_maps",
    "class_probabilities",
    "drain",
    "extract_features",
    "extract_features_steps",
    "features_at",
    "fit_classifier",
    "fit_classifier_steps",
    "list_backbones",
    "load_backbone",
    "load_classifier",
    "pca_colours",
    "probabilities_steps",
    "save_classifier",
    "segment",
    "segment_steps",
    "token_map",
    "token_map_steps",
]
