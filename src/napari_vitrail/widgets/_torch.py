"""Torch in a process that draws with OpenGL."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from importlib.util import find_spec

log = logging.getLogger(__name__)


def load_triton_apart() -> None:
    """Import triton, if it is there, in such a way that it keeps to its own copy of LLVM.

    Mesa, which draws for napari on most Linux machines without an NVIDIA card, loads LLVM for
    everyone to see. Triton, which torch's own wheels for Linux bring and which timm imports by way
    of torchvision, carries another LLVM; where both have a symbol, the linker takes Mesa's, and
    importing triton after a viewer was shown ends the process with a segmentation fault.
    ``RTLD_DEEPBIND`` makes a library prefer its own symbols.
    """
    if "triton" in sys.modules or not hasattr(os, "RTLD_DEEPBIND") or find_spec("triton") is None:
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
    try:
        import_module("triton")
    except ImportError:
        log.info("triton cannot be imported; torch does without it", exc_info=True)
    finally:
        sys.setdlopenflags(flags)
