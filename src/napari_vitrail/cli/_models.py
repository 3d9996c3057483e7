"""``vitrail models``: list or fetch backbones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add(commands: Any, common: ArgumentParser) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser("models", parents=[common], help="list or fetch backbones")
    parser.set_defaults(run=_run)
    actions = parser.add_subparsers(metavar="ACTION")
    fetch = actions.add_parser(
        "fetch", parents=[common], help="download weights for a machine that will be offline"
    )
    fetch.add_argument("name", metavar="NAME", help="as listed by vitrail models")
    fetch.set_defaults(run=_run_fetch)


def _run(options: Namespace) -> int:
    from napari_vitrail.backbones import available_source, list_backbones

    row = "{:<44} {:>5} {:>5} {:>6}  {:<16} {}"
    print(row.format("name", "patch", "width", "MB", "licence", "here"))
    for info in list_backbones():
        here = available_source(info.name) or "-"
        size = f"{info.patch_size}", f"{info.width}", f"{info.megabytes}"
        print(row.format(info.name, *size, info.licence, here))
    print("\nplease cite")
    for family, citation in {info.family: info.citation for info in reversed(list_backbones())}.items():
        print(f"  {family}: {citation}")
    return 0


def _run_fetch(options: Namespace) -> int:
    from napari_vitrail.backbones import backbone_info, fetch_weights

    print(fetch_weights(backbone_info(options.name).name))
    return 0
