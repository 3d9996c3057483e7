from .backbones import BackboneInfo, list_backbones, load_backbone
from .classify import PixelClassifier, fit_classifier, fit_classifier_steps
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
from .segmentation import (
    class_probabilities,
    coarse_to_fine_steps,
    probabilities_steps,
    segment,
    segment_steps,
)
from .spec import AMIR_COSEGMENTATION, DOCHERTY_SEGMENTATION, SEGMENTATION, FeatureSpec
from .store import FeatureStore

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
    "FeatureStore",
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
    "coarse_to_fine_steps",
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
