"""What holds in this process where a caller names nothing else: set by the widgets from Preferences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Defaults:
    """Choices of the process; the environment variables come before them.

    Attributes
    ----------
    device : {"auto", "cuda", "mps", "cpu"}
        Where networks run.
    store_folder : Path or None
        Where the shared store keeps features; None is the folder of caches.
    store_bytes : int
        What it may take on disk.
    """

    device: str = "auto"
    store_folder: Path | None = None
    store_bytes: int = 20 << 30


DEFAULTS = Defaults()
