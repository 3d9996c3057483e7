"""The zip behind a ``.vitrail`` file: it may come from anyone, so it is looked at before it is unpacked."""

from __future__ import annotations

import io
import json
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.errors import ProjectError
from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Mapping

FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)

LARGEST_MEMBER = 2**30
"""Bytes that a member may unpack to; a forest of 200 trees is some 50 MB."""
LARGEST_DESCRIPTION = 2**24
"""Bytes of JSON; an image takes less than a thousand."""
LARGEST_SUM = 2**31
"""Bytes that all members together may unpack to."""

DESCRIPTION, ESTIMATOR, TENSORS = "project.json", "classifier.skops", "tensors.safetensors"
_STROKES = re.compile(r"strokes-(0|[1-9][0-9]{0,4})\.npz")

UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError, EOFError, LookupError, MemoryError,
    OSError, RuntimeError, ValueError,
)  # fmt: skip
"""What `zipfile` raises at an archive that is damaged."""


def strokes_member(index: int) -> str:
    """Return the name of the member that holds the strokes on an image."""
    return f"strokes-{index}.npz"


def read_archive(
    path: str | os.PathLike[str], *, without: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the description in a ``.vitrail`` file, and its other members.

    Parameters
    ----------
    path : path
    without : collection of str
        Members that are not read; they are looked at all the same.

    Returns
    -------
    description : dict
        In the manner of the newest version, whatever the file's is.
    members : dict of name to bytes

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ProjectError
        If it is damaged, newer than this version can read, or holds members that it should not.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with path.open("rb") as file:
        members = unpacked(file, str(path), _most, without)
    if DESCRIPTION not in members:
        raise ProjectError(f"{path} is not a .vitrail file, or is damaged: it has no {DESCRIPTION}")
    return _described(members.pop(DESCRIPTION), path), members


def write_archive(path: str | os.PathLike[str], members: Mapping[str, bytes]) -> None:
    """Write a ``.vitrail`` file, whole or not at all; ProjectError if it could not be read again."""
    for name, data in members.items():
        check_size(path, name, len(data))
    _check_sum(path, sum(map(len, members.values())))
    with written_aside(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def unpacked(
    file: Any, path: str, most: Callable[[str], int], without: Collection[str] = ()
) -> dict[str, bytes]:
    """Return the members of a zip, in memory, after a look at all of their names and sizes.

    Parameters
    ----------
    file : binary file
    path : str
        What messages call it.
    most : callable
        Returns how many bytes a member of some name may have; 0 if none may have that name.
    without : collection of str
        Members that are not read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(archive.infolist(), path, most)
            return {name: _member(archive, name, path) for name in archive.namelist() if name not in without}
    except ProjectError:
        raise
    except UNREADABLE as error:
        raise ProjectError(f"{path} is not a .vitrail file, or is damaged: {error}") from error


def check_size(path: str | os.PathLike[str], name: str, size: int) -> None:
    """Raise ProjectError if a member is larger than it may be."""
    _check_size(path, name, size, _most(name))


def _most(name: str) -> int:
    """Return how many bytes a member of a ``.vitrail`` file may have."""
    if name == DESCRIPTION:
        return min(LARGEST_DESCRIPTION, LARGEST_MEMBER)
    return LARGEST_MEMBER if name in (ESTIMATOR, TENSORS) or _STROKES.fullmatch(name) else 0


def _described(data: bytes, path: Path) -> dict[str, Any]:
    """Return the description, checked for its version and made as the newest has it."""
    try:
        description = json.loads(data)
        version = description["format_version"]
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise ProjectError(f"{path} is damaged: its {DESCRIPTION} cannot be read: {error}") from error
    if version not in READABLE_VERSIONS or not isinstance(version, int):
        raise ProjectError(
            f"{path} has format version {version}, and this napari-vitrail reads "
            f"{', '.join(map(str, READABLE_VERSIONS))}; update napari-vitrail"
        )
    if version == 1:  # a classifier and nothing else
        return {"classifier": description, "settings": None, "classes": [], "images": []}
    return dict(description)


def _check_members(members: list[zipfile.ZipInfo], path: str, most: Callable[[str], int]) -> None:
    """Raise ProjectError at the first member that we would never have written."""
    seen = set()
    for member in members:
        name = member.filename
        if not most(name) or name != member.orig_filename:
            raise ProjectError(
                f"{path} is refused: it holds {member.orig_filename!r}, which has no place in a .vitrail file"
            )
        if name in seen:
            raise ProjectError(f"{path} is refused: it holds {name} more than once")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ProjectError(f"{path} is refused: {name} is a link")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ProjectError(f"{path} is refused: {name} is packed in a way we never use")
        _check_size(path, name, member.file_size, most(name))
        seen.add(name)
    _check_sum(path, sum(member.file_size for member in members))


def _member(archive: zipfile.ZipFile, name: str, path: str) -> bytes:
    """Return a member's bytes, never more than it says it has."""
    size = archive.getinfo(name).file_size
    with archive.open(name) as member:
        buffer = io.BytesIO(member.read(size + 1))
    if buffer.getbuffer().nbytes != size:
        raise ProjectError(f"{path} is damaged: {name} is not as long as it says")
    return buffer.getvalue()


def _check_size(path: str | os.PathLike[str], name: str, size: int, most: int) -> None:
    if size > most:
        raise ProjectError(f"{path} is refused: {name} would take {size} bytes, above the {most} allowed")


def _check_sum(path: str | os.PathLike[str], size: int) -> None:
    if size > LARGEST_SUM:
        raise ProjectError(f"{path} is refused: it would take {size} bytes, above the {LARGEST_SUM} allowed")
