"""Strokes that nobody has saved yet: where they are kept meanwhile, and who keeps them."""

from __future__ import annotations

import itertools
import os
import platform
import re
import time
from pathlib import Path

import platformdirs
import psutil

KEPT_DAYS = 14
"""For which strokes that nobody saved are offered to be restored."""
FOREIGN_SECONDS = 24 * 3600.0
"""Without a change, after which a process of another machine is taken to have ended."""
_SAME_START = 5.0  # seconds by which the system may tell a process's start differently later

_NAME = re.compile(r"(?P<host>.*)-(?P<process>\d+)-(?P<start>\d+)-\d+\.vitrail")
_open: set[Path] = set()
_numbers = itertools.count()


def unsaved_folder() -> Path:
    """Return where unsaved strokes are kept: in ``VITRAIL_DATA_DIR``, else the user's data folder."""
    chosen = os.environ.get("VITRAIL_DATA_DIR")
    return Path(chosen or platformdirs.user_data_dir("napari-vitrail", appauthor=False)) / "unsaved"


def open_unsaved() -> Path:
    """Return a path that no other viewer and no other process uses; nothing is written yet."""
    start = psutil.Process().create_time()
    path = unsaved_folder() / f"{_host()}-{os.getpid()}-{start:.0f}-{next(_numbers)}.vitrail"
    _open.add(path)
    return path


def close_unsaved(path: Path) -> None:
    """Use a path no more; what was written to it is left behind from now on."""
    _open.discard(path)


def left_behind() -> list[Path]:
    """Return the files of unsaved strokes that no viewer uses any more, the newest first.

    Those that are older than `KEPT_DAYS` are removed.
    """
    dated = []
    for path in unsaved_folder().glob("[!.]*.vitrail"):
        try:
            changed = path.stat().st_mtime
            if _is_in_use(path, changed):
                continue
            if time.time() - changed > KEPT_DAYS * 86400:
                path.unlink()
                continue
        except FileNotFoundError:  # another process has just removed it
            continue
        dated.append((changed, path))
    return [path for _, path in sorted(dated, reverse=True)]


def _is_in_use(path: Path, changed: float) -> bool:
    """Whether the viewer that has written a file is still there."""
    found = _NAME.fullmatch(path.name)
    if found is None:  # not ours
        return True
    if found["host"] != _host():
        return time.time() - changed < FOREIGN_SECONDS
    if int(found["process"]) == os.getpid():
        return path in _open
    try:
        start = psutil.Process(int(found["process"])).create_time()
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
    except psutil.AccessDenied:
        return True
    return bool(abs(start - int(found["start"])) < _SAME_START)


def _host() -> str:
    """Return this machine's name as a part of a file name."""
    return re.sub(r"[^\w.]", "_", platform.node()) or "_"
