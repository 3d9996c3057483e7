"""The backbone that a classifier was trained with: no other will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_vitrail.backbones import Backbone, Weights, load_backbone, loaded_backbone
from napari_vitrail.errors import BackboneUnavailable, SpecMismatch

if TYPE_CHECKING:
    from napari_vitrail.classify import PixelClassifier


def trained_backbone(classifier: PixelClassifier, backbone: Backbone | None, device: str) -> Backbone:
    """Return the backbone a classifier was trained with, or raise SpecMismatch."""
    name, trained = classifier.spec.backbone, classifier.weights
    backbone = backbone or _load_again(name, trained, device)
    if backbone.info.name != name:
        raise SpecMismatch(f"the classifier was trained with {name}, got {backbone.info.name}")
    loaded = backbone.info.weights
    if trained is not None and (loaded is None or loaded.digest != trained.digest):
        came = "random weights" if loaded is None else f"those of {loaded.location} ({loaded.digest[:12]})"
        raise SpecMismatch(
            f"the classifier was trained with the weights of {trained.location} "
            f"({trained.digest[:12]}), got {came}; the same name from two sources is two backbones"
        )
    return backbone


def _load_again(name: str, trained: Weights | None, device: str) -> Backbone:
    """Return the backbone with the same weights; a path is never opened on a classifier's word."""
    if trained is None:
        return load_backbone(name, device=device)
    loaded = loaded_backbone(name, trained.digest, device=device)
    if loaded is not None:
        return loaded
    if trained.source == "file":
        raise BackboneUnavailable(
            f"the classifier was trained with the weights in {trained.location} ({trained.digest[:12]}); "
            "load them from where they are and pass that backbone (--weights on the command line)"
        )
    return load_backbone(name, weights=trained.source, device=device)
