"""Vision Transformers and their weights: the only room that knows timm, the hub and ONNX."""

from napari_vitrail.backbones._device import resolve_device
from napari_vitrail.backbones._load import load_backbone
from napari_vitrail.backbones._registry import BackboneInfo, Weights, backbone_info, list_backbones
from napari_vitrail.backbones._vit import Backbone, ViTBackbone
from napari_vitrail.backbones._weights import available_source, fetch_weights

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
    "resolve_device",
]
