"""Large libraries are imported beside the work that needs them, which can be cancelled meanwhile."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from threading import Lock, Thread
from typing import TYPE_CHECKING

from napari_vitrail.progress import beside_steps

if TYPE_CHECKING:
    from napari_vitrail.progress import Steps

_ONE_AT_A_TIME = Lock()
"""Torch imports itself in circles; two threads that do so together may see modules that are half there."""


def import_ahead(*names: str) -> None:
    """Begin to import modules, one after the other, for work that has not been asked for yet.

    Whoever needs one meanwhile, see `importing_steps`, waits for what is left of it.

    Parameters
    ----------
    *names : str
    """
    if not all(name in sys.modules for name in names):
        Thread(target=_import_all, args=names, name="importing ahead", daemon=True).start()


def importing_steps(name: str) -> Steps[None]:
    """Yield Progress until a module was imported, by another thread: torch and timm take seconds each.

    Work that is closed meanwhile ends at once; the import goes on, and the next who needs it waits for less.
    What is wrong with the module is left to be said by the caller's own import.

    Parameters
    ----------
    name : str
    """
    yield from beside_steps(partial(_imported, name), "loading", _ONE_AT_A_TIME)


def _imported(name: str) -> None:
    with suppress(ImportError):
        import_module(name)


def _import_all(*names: str) -> None:
    for name in names:
        with _ONE_AT_A_TIME:
            _imported(name)
