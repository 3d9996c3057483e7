from ._device import failure_text, free_memory, is_out_of_memory, resolve_device
from ._load import load_backbone, loaded_backbone
from ._places import available_source, cache_directory, fetch_weights
from ._registry import BackboneInfo, Weights, backbone_info, list_backbones
from ._vit import QUERY_CHUNK, Backbone, Context, ViTBackbone

__all__ = [
    "QUERY_CHUNK",
    "Backbone",
    "BackboneInfo",
    "Context",
    "ViTBackbone",
    "Weights",
    "available_source",
    "backbone_info",
    "cache_directory",
    "failure_text",
    "fetch_weights",
    "free_memory",
    "is_out_of_memory",
    "list_backbones",
    "load_backbone",
    "loaded_backbone",
    "resolve_device",
]
