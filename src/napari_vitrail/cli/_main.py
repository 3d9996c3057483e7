"""The commands, and what becomes of their errors."""

from __future__ import annotations

import argparse
import logging
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING

from napari_vitrail.cli import (
    _cosegment,
    _demo,
    _features,
    _match,
    _models,
    _objects,
    _propagate,
    _segment,
    _store,
    _train,
)
from napari_vitrail.cli._voice import INTERRUPTED, MISUSED, say, show_warning
from napari_vitrail.errors import VitrailError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = (_train, _segment, _match, _cosegment, _objects, _propagate, _features, _demo, _store, _models)


def main(words: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    words : sequence of str, optional
        What follows ``vitrail``; by default what the shell gave.

    Returns
    -------
    code : int
        0, or one of `FAILED`, `MISUSED`, `INTERRUPTED`.
    """
    options = parser().parse_args(words)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING)
    with warnings.catch_warnings():
        warnings.showwarning = show_warning
        try:
            code: int = options.run(options)
        except KeyboardInterrupt:
            say("interrupted")
            return INTERRUPTED
        except (VitrailError, ValueError, OSError) as error:
            say(str(error))
            return MISUSED
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has ``run``, the command."""
    top = argparse.ArgumentParser(
        prog="vitrail", description="Segment and match images with dense Vision Transformer features."
    )
    top.add_argument("--version", action="version", version=f"vitrail {version('napari-vitrail')}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-v", "--verbose", action="store_true", help="say what is loaded, and whence")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands, common)
    return top
