"""Frames that were labelled, kept on disk for another run to go on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.batch import find_images, is_pattern
from napari_vitrail.files import identity, write_json, written_aside
from napari_vitrail.grid import Grid
from napari_vitrail.propagation import PropagatedFrame

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = "settings.json"


class KeptFrames(Mapping[int, PropagatedFrame]):
    """Frames in a folder, each read when it is asked for.

    Parameters
    ----------
    folder : Path
    settings : dict
        All that frames depend on, but for labels: in plain values.
    resume : bool
        Whether to keep what an earlier run with the same settings has left; all else there is removed.

    Raises
    ------
    ValueError
        If the folder is of something else.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], *, resume: bool) -> None:
        self.folder = folder
        earlier = folder / _SETTINGS
        if folder.exists() and not earlier.exists() and any(folder.iterdir()):
            raise ValueError(f"{folder} is not of an earlier run: choose another output, or remove it")
        if not (resume and earlier.exists() and _read_settings(earlier) == settings):
            for number in self:
                self._file(number).unlink()
        write_json(earlier, settings, indent=1)

    def __getitem__(self, number: int) -> PropagatedFrame:
        path = self._file(number)
        if not path.exists():
            raise KeyError(number)
        try:
            with np.load(path) as own:
                grid = Grid(tuple(own["cells"].tolist()), tuple(own["origin"]), tuple(own["spacing"]))
                return PropagatedFrame(
                    number, own["labels"], tuple(own["ids"].tolist()), own["shares"], grid,
                    tuple(own["sources"].tolist()), str(own["key"]), own["moved"], float(own["quality"]),
                )  # fmt: skip
        except Exception as error:  # numpy raises anything at damaged files
            raise ValueError(f"{path} must be of vitrail propagate, and is not: remove it") from error

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self._file(number).exists()

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(int(path.stem) for path in self.folder.glob("*.npz") if path.stem.isdecimal()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def put(self, frame: PropagatedFrame) -> None:
        """Keep a frame, whatever there was of it."""
        grid = frame.grid
        with written_aside(self._file(frame.index)) as aside:
            np.savez_compressed(
                aside, labels=frame.labels, ids=frame.ids, shares=frame.shares, cells=grid.shape,
                origin=grid.origin, spacing=grid.spacing, sources=frame.sources, key=frame.key,
                moved=frame.moved, quality=frame.quality,
            )  # fmt: skip

    def has(self, frame: PropagatedFrame) -> bool:
        """Whether a frame is kept just so."""
        return frame.index in self and self[frame.index].key == frame.key

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06}.npz"


def stack_identity(path: Path) -> str:
    """Return what tells a stack from the same one after a change: of all its files, in one word."""
    if is_pattern(str(path)):
        files = find_images([path])
    else:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    told = json.dumps([identity(file) for file in files])
    return hashlib.sha256(told.encode()).hexdigest()


def _read_settings(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be of vitrail propagate, and is not: {error}") from error
