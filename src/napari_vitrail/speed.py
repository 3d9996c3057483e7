"""How fast this machine is: seconds that a patch, a query or a pixel takes, learned from work done."""

from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from napari_vitrail.backbones import cache_directory
from napari_vitrail.files import written_aside

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

log = logging.getLogger(__name__)

MEMORY_SECONDS = 60.0
"""Of work of a kind that is looked back on: a machine may be slower today."""


class Speeds:
    """Seconds that a unit of each kind of work takes, as an average of the work done last.

    Parameters
    ----------
    path : path, optional
        Of the JSON file in which they are kept from session to session.

    Attributes
    ----------
    spent : float, seconds
        All work that was measured by this object.
    weights : dict of str to str
        Digest of the weights that each backbone was measured with.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._lock = Lock()
        self._done: dict[str, tuple[float, float]] = {}  # kind: units, seconds
        self.spent = 0.0
        self.weights: dict[str, str] = {}
        self._read()

    def note(self, kind: str, units: float, seconds: float) -> None:
        """Take down that some units of a kind of work took some seconds."""
        with self._lock:
            self.spent += seconds
            if units <= 0:
                return
            before, took = self._done.get(kind, (0.0, 0.0))
            kept = min(1.0, MEMORY_SECONDS / (took + seconds)) if took + seconds else 1.0
            self._done[kind] = ((before + units) * kept, (took + seconds) * kept)

    @contextmanager
    def noting(self, kind: str, units: float) -> Iterator[None]:
        """Take down how long what is done meanwhile took."""
        began = time.perf_counter()
        yield
        self.note(kind, units, time.perf_counter() - began)

    def seconds(self, kind: str, units: float) -> float | None:
        """Return how long some units of a kind of work will take; None where nobody knows."""
        if units == 0:
            return 0.0
        with self._lock:
            done = self._done.get(kind)
        return None if done is None else units * done[1] / done[0]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured yet, in this session or before."""
        return not self._done

    def save(self) -> None:
        """Keep what is known for later sessions; where that is not possible, they will measure anew."""
        if self._path is None:
            return
        with self._lock:
            content = {"seconds": {kind: list(done) for kind, done in self._done.items()}}
        try:
            with written_aside(self._path) as aside:
                aside.write_text(json.dumps(content | {"weights": self.weights}), encoding="utf-8")
        except OSError as error:
            log.info("the speed of this machine cannot be kept: %s", error)

    def _read(self) -> None:
        if self._path is None or not self._path.is_file():
            return
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            done = {
                str(kind): (float(units), float(took)) for kind, (units, took) in content["seconds"].items()
            }
            self._done = {kind: own for kind, own in done.items() if min(own) > 0}
            self.weights = {str(name): str(digest) for name, digest in content["weights"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.info("the file of this machine's speed is not used: %r", error)


@cache
def shared_speeds() -> Speeds:
    """Return the speeds that all of this process learn from and ask, kept in the folder of caches."""
    return Speeds(cache_directory() / "speed.json")


def kind_of(what: str, backbone: str, device: str, dtype: str) -> str:
    """Return the kind of work that a network does: ``what`` is ``patch`` or ``query``."""
    return f"{what} of {backbone} on {device} in {dtype}"
