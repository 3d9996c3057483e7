"""Where the network runs."""

from __future__ import annotations

import os

DEVICES = ("auto", "cuda", "mps", "cpu")


def resolve_device(device: str = "auto") -> str:
    """Return ``cuda``, ``mps`` or ``cpu``.

    Parameters
    ----------
    device : {"auto", "cuda", "mps", "cpu"}
        ``auto`` reads the environment variable ``VITRAIL_DEVICE``, else takes the best that is there.

    Raises
    ------
    ValueError
        If the device is unknown, or asked for and not there.
    """
    import torch

    if device == "auto":
        device = os.environ.get("VITRAIL_DEVICE") or "auto"
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, there in available.items() if there)
    if device not in available:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if not available[device]:
        there = ", ".join(name for name, is_there in available.items() if is_there)
        raise ValueError(f"device {device!r} is not available here; available: {there}")
    return device
