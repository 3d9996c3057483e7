"""Files are written whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def identity(path: Path) -> dict[str, Any]:
    """Return what tells a file from the same one after a change, in plain values."""
    about = path.stat()
    return {"image": str(path), "bytes": about.st_size, "changed": about.st_mtime_ns}


@contextmanager
def written_aside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it on success, remove it on failure.

    Others see the old file or the new one, never half of it, also where two write at once: the last one
    stays. Folders are made as needed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{secrets.token_hex(8)}-{path.name}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], told: Any, *, indent: int | None = None) -> None:
    """Write plain values as JSON, whole or not at all; ValueError at NaN, which JSON has no word for."""
    with written_aside(path) as aside:
        aside.write_text(json.dumps(told, indent=indent, allow_nan=False), encoding="utf-8")


@contextmanager
def folder_written_aside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` for a folder; see `written_aside`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside, old = (path.with_name(f".{secrets.token_hex(8)}-{path.name}") for _ in range(2))
    try:
        yield aside
        if path.exists():
            path.replace(old)
        aside.replace(path)
    finally:
        if old.exists() and not path.exists():
            old.replace(path)
        for stale in (aside, old):
            shutil.rmtree(stale, ignore_errors=True)


@contextmanager
def files_written_aside(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder in `folder`; move what was written to it there on success, else remove it.

    Until all is written what was there before is as it was; then files of the same names are replaced, those
    that lie deepest first, and others stay.
    """
    folder = Path(folder)
    is_new = not folder.exists()
    aside = folder / f".{secrets.token_hex(8)}"
    aside.mkdir(parents=True)
    try:
        yield aside
        written = [path for path in aside.rglob("*") if path.is_file()]
        for path in sorted(written, key=lambda path: (-len(path.parts), path)):
            target = folder / path.relative_to(aside)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except BaseException:  # closed, too
        shutil.rmtree(aside, ignore_errors=True)
        if is_new:
            folder.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)
