from ._device import resolve_device
from ._load import load_backbone, loaded_backbone
from ._places import available_source, fetch_weights
from ._registry import BackboneInfo, Weights, backbone_info, list_backbones
from ._vit import Backbone, ViTBackbone

__all__ = [
    "Backbone",
    "BackboneInfo",
    "ViTBackbone",
    "Weights",
    "available_source",
    "backbone_info",
    "fetch_weights",
    "list_backbones",
    "load_backbone",
    "loaded_backbone",
    "resolve_device",
]
