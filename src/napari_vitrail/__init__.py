"""napari-vitrail: dense Vision-Transformer features as tools for microscopy.

The public names are loaded on first use: importing the package loads neither torch nor Qt.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
