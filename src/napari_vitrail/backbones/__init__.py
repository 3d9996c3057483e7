"""Vision Transformers and their weights: the only room that knows timm, the hub and ONNX."""

import lazy_loader

# Listing backbones must not wait for torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
