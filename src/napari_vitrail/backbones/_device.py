"""Where the network runs, and what a device says when its memory is short."""

from __future__ import annotations

import os

from napari_vitrail.defaults import DEFAULTS
from napari_vitrail.errors import CHEAPER

_SHORT = (
    "out of memory", "can't allocate memory", "not enough memory", "invalid buffer size", "alloc_failed",
)  # fmt: skip
"""What CUDA, MPS and the CPUs of three systems say when memory is short."""
DEVICES = ("auto", "cuda", "mps", "cpu")


def resolve_device(device: str = "auto") -> str:
    """Return ``cuda``, ``mps`` or ``cpu``.

    Parameters
    ----------
    device : {"auto", "cuda", "mps", "cpu"}
        ``auto`` reads the environment variable ``VITRAIL_DEVICE``, else what Preferences in napari say,
        else takes the best that is there.

    Raises
    ------
    ValueError
        If the device is unknown, or asked for and not there.
    """
    import torch

    if device == "auto":
        device = os.environ.get("VITRAIL_DEVICE") or DEFAULTS.device
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, there in available.items() if there)
    if device not in available:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if not available[device]:
        there = ", ".join(name for name, is_there in available.items() if is_there)
        raise ValueError(f"device {device!r} is not available here; available: {there}")
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is a lack of memory, of the machine or of a device.

    Torch says so with an exception of its own for CUDA and with plain RuntimeErrors else.
    """
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _SHORT)


def failure_text(error: BaseException) -> str:
    """Return what an error of a computation says, with what needs less memory if that was short."""
    text = str(error).strip()
    if is_out_of_memory(error):
        return f"{text.rstrip('.') or 'out of memory'}{CHEAPER}"
    return text or type(error).__name__


def free_memory(device: str) -> None:
    """Hand back what torch keeps for later on a device."""
    import torch

    if device == "cuda":
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
