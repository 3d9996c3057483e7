"""``vitrail store``: say what the store of features holds, or clear it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_vitrail.cli._computing import store_in
from napari_vitrail.cli._voice import megabytes

if TYPE_CHECKING:
    from napari_vitrail.store import StoredTile


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "store", parents=[common], help="say what the store of features holds, or clear it"
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="default: that of the other commands")
    parser.set_defaults(run=_run)
    actions = parser.add_subparsers(metavar="ACTION")
    clear = actions.add_parser("clear", parents=[common], help="remove files")
    clear.add_argument(  # what stood before "clear" holds too
        "--folder",
        type=Path,
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="default: that of the other commands",
    )
    clear.add_argument(
        "--unused-for", type=float, default=0, metavar="DAYS", help="only those that were not used since"
    )
    clear.set_defaults(run=_run_clear)


def _run(options: argparse.Namespace) -> int:
    store = store_in(options.folder)
    tiles = store.tiles()
    print(f"{store.folder}: {len(tiles)} tiles, {megabytes(sum(tile.nbytes for tile in tiles))}")
    kinds: dict[str, list[StoredTile]] = {}
    for tile in tiles:
        kinds.setdefault(store.describe(tile), []).append(tile)
    for kind, own in sorted(kinds.items()):
        print(f"  {kind}: {len(own)} tiles, {megabytes(sum(tile.nbytes for tile in own))}")
    return 0


def _run_clear(options: argparse.Namespace) -> int:
    freed = store_in(options.folder).clear(unused_for=options.unused_for * 86400)
    print(f"{megabytes(freed)} freed")
    return 0
