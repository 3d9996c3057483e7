"""Tokens that were computed before: in memory, and on disk for other sessions, processes and machines."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import uuid
import warnings
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.backbones import cache_directory
from napari_vitrail.defaults import DEFAULTS
from napari_vitrail.errors import VitrailWarning
from napari_vitrail.features import KnownTokens
from napari_vitrail.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_vitrail.backbones import Context

log = logging.getLogger(__name__)

FORMAT = 1
MEMORY_BYTES = 1 << 30
CONTEXT_BYTES = 512 << 20
DISK_BYTES = DEFAULTS.store_bytes
_SUFFIX = ".zarr.zip"
_LEFT_BEHIND_AFTER = 24 * 3600.0  # seconds: a file that nobody has finished by then never will be


@dataclass(frozen=True)
class StoredTile:
    """A file of a store.

    Attributes
    ----------
    path : Path
    nbytes : int
    used : float
        When it was read or written last, in seconds since the epoch.
    """

    path: Path
    nbytes: int
    used: float


class FeatureStore:
    """Tokens of tiles, found again by what the network saw.

    A key is made of the tile's pixels, of all that the spec says about its tokens, of where they lie
    and of the digest of the weights; neither the file's name nor, at the same ``dtype``, the device
    matters. Tokens are kept in
    half precision, and those that were just computed are handed out so too: a hit is a miss to the bit.

    Parameters
    ----------
    folder : path, optional
        Where tokens of whole tiles are written, one compressed zarr file for each; without it they are
        kept in memory only.
    memory_bytes, context_bytes, disk_bytes : int
        Limits, of tokens in memory, of contexts that may be asked again, and of files; what was not used for
        longest goes first. Who asks for each image once, and for all of it, needs nothing in memory.

    Notes
    -----
    Files are written aside and renamed, so that processes may share a folder, and carry the SHA-256 of
    their content in their name. What is damaged or of another version is computed anew, with one
    warning; so is everything where the disk is full or cannot be written.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        memory_bytes: int = MEMORY_BYTES,
        context_bytes: int = CONTEXT_BYTES,
        disk_bytes: int = DISK_BYTES,
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self.disk_bytes = disk_bytes
        self.contexts: Recent[Context] = Recent(context_bytes)
        self._memory: Recent[KnownTokens] = Recent(memory_bytes)
        self._on_disk: int | None = None  # bytes, not known yet
        self._has_warned = False
        self._lock = Lock()

    # ---- tokens

    def get(self, key: str) -> KnownTokens | None:
        """Return the tokens that were stored under a key, or None."""
        tokens = self._memory.get(key)
        if tokens is None and self.folder is not None:
            tokens = self._read(key)
            if tokens is not None:
                self._memory.put(key, tokens)
        return tokens

    def holds(self, key: str) -> bool:
        """Whether all tokens of a tile are there, in memory or in a file, which is not opened."""
        tokens = self._memory.get(key)
        if tokens is not None and tokens.known.all():
            return True
        return self.folder is not None and bool(self._paths(key))

    def put(self, key: str, tokens: KnownTokens, about: dict[str, Any]) -> None:
        """Store tokens; on disk only those of a whole tile.

        Parameters
        ----------
        key : str
        tokens : KnownTokens
        about : dict
            Plain values that say what the tokens are, for people and for `describe`.
        """
        self._memory.put(key, tokens)
        if self.folder is not None and tokens.known.all() and np.isfinite(tokens.values).all():
            try:
                self._write(key, tokens, about)
            except OSError as error:
                self._warn(f"cannot be written ({error})")

    def _read(self, key: str) -> KnownTokens | None:
        for path in self._paths(key):
            try:
                content = path.read_bytes()
            except OSError as error:  # unless another process has just removed it
                if path.exists():
                    self._warn(f"cannot be read ({error})")
                continue
            if _checksum(content) != path.name.removesuffix(_SUFFIX).partition("-")[2]:
                self._warn(f"holds a damaged file ({path})")
                _removed(path)
                continue
            try:
                if _attributes(path).get("format") != FORMAT:
                    self._warn(f"holds a file of another version ({path})")
                    _removed(path)
                    continue
                values = _values(path)
            except (OSError, AttributeError):  # the latter is zarr's word for a file that is not there
                if path.exists():
                    raise
                continue  # another process has just removed it
            _touch(path)
            return KnownTokens(values, np.ones(values.shape[:2], bool))
        return None

    def _write(self, key: str, tokens: KnownTokens, about: dict[str, Any]) -> None:
        if self._paths(key):  # another process was faster: the content is the same, its date is not
            return
        folder = self._folder_of(key)
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{uuid.uuid4().hex}{_SUFFIX}"
        try:
            _pack(aside, tokens.values, about | {"format": FORMAT})
            content = aside.read_bytes()
            aside.replace(folder / f"{key}-{_checksum(content)}{_SUFFIX}")
        finally:
            aside.unlink(missing_ok=True)
        self._keep_within_budget(len(content))

    def _folder_of(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / key[:2]

    def _paths(self, key: str) -> list[Path]:
        return sorted(self._folder_of(key).glob(f"{key}-*{_SUFFIX}"))

    def _warn(self, what: str) -> None:
        """Say once what is wrong; every file would say it again."""
        text = f"the feature store {self.folder} {what}; features are computed anew where needed"
        if not self._has_warned:
            warnings.warn(text, VitrailWarning, stacklevel=3)
            self._has_warned = True
        log.info(text)

    # ---- files

    def tiles(self) -> list[StoredTile]:
        """Return the files of the store, the one used longest ago first."""
        if self.folder is None or not self.folder.is_dir():
            return []
        found = [_stored(path) for path in self.folder.glob(f"??/[!.]*{_SUFFIX}")]
        return sorted((tile for tile in found if tile is not None), key=lambda tile: tile.used)

    def describe(self, tile: StoredTile) -> str:
        """Return what a file says that it holds, in one line; all tiles of a kind say the same."""
        try:
            attributes = _attributes(tile.path)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return "damaged"
        return ", ".join(f"{name}={value}" for name, value in sorted(attributes.items()))

    def clear(self, unused_for: float = 0) -> int:
        """Remove files that were not used for some seconds, and forget what is in memory.

        Returns
        -------
        freed : int
            Bytes of the files that were removed.
        """
        self._memory.clear()
        self.contexts.clear()
        with self._lock:
            self._on_disk = None
        for path in self._left_behind():
            path.unlink(missing_ok=True)
        latest = time.time() - unused_for
        return sum(_removed(tile.path) for tile in self.tiles() if tile.used <= latest)

    def _left_behind(self) -> Iterator[Path]:
        """Yield files that were never finished, because a process was killed."""
        if self.folder is None:
            return
        for path in self.folder.glob(f"??/.*{_SUFFIX}"):
            tile = _stored(path)
            if tile is not None and time.time() - tile.used > _LEFT_BEHIND_AFTER:
                yield path

    def _keep_within_budget(self, added: int) -> None:
        """Remove what was not used for longest where the folder has become too large."""
        with self._lock:
            self._make_room(added)

    def _make_room(self, added: int) -> None:
        if self._on_disk is None:
            self._on_disk = sum(tile.nbytes for tile in self.tiles())
        else:
            self._on_disk += added
        if self._on_disk <= self.disk_bytes:
            return
        tiles = self.tiles()
        self._on_disk = sum(tile.nbytes for tile in tiles)
        for tile in tiles:  # a tenth more than needed: not for every file anew
            if self._on_disk <= 0.9 * self.disk_bytes:
                break
            self._on_disk -= _removed(tile.path)


@cache
def shared_store() -> FeatureStore:
    """Return the store that all widgets and the command line use, in the folder of caches."""
    folder = DEFAULTS.store_folder or cache_directory() / "features"
    return FeatureStore(folder, disk_bytes=DEFAULTS.store_bytes)


def _pack(path: Path, values: np.ndarray, attributes: dict[str, Any]) -> None:
    """Write tokens as one compressed zarr array in a zip file."""
    import zarr
    from zarr.codecs import BloscCodec

    with zarr.storage.ZipStore(path, mode="w") as store:
        array = zarr.create_array(
            store, shape=values.shape, chunks=values.shape, dtype=values.dtype, attributes=attributes,
            compressors=BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle", typesize=2),
        )  # fmt: skip
        array[...] = values


def _values(path: Path) -> np.ndarray:
    """Return the tokens in a file."""
    import zarr

    with zarr.storage.ZipStore(path, mode="r") as store:
        return np.asarray(zarr.open_array(store, mode="r")[...])


def _attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a file, without its values."""
    with zipfile.ZipFile(path) as packed:
        return dict(json.loads(packed.read("zarr.json"))["attributes"])


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _touch(path: Path) -> None:
    """Note that a file was used, where one may."""
    try:
        os.utime(path)
    except OSError as error:
        log.debug("%s is not marked as used: %s", path, error)


def _stored(path: Path) -> StoredTile | None:
    """Return what is known of a file; None if another process has just removed it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return StoredTile(path, status.st_size, status.st_mtime)


def _removed(path: Path) -> int:
    """Remove a file; return the bytes that this has freed, none if another process uses it."""
    try:
        nbytes = path.stat().st_size
        path.unlink()
    except OSError as error:
        log.info("%s is not removed: %s", path, error)
        return 0
    return nbytes
