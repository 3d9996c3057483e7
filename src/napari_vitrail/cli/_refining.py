"""The border of what was found, moved to where colours change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from napari_vitrail.refinement import Refinement


def add_refine(parser: ArgumentParser, whose: str) -> None:
    """Let borders be refined."""
    parser.add_argument(
        "--refine", choices=("grabcut", "crf"),
        help=f"move the border of {whose} to where colours change; needs napari-vitrail[refine] or [crf]",
    )  # fmt: skip


def refinement_of(options: Namespace) -> Refinement | None:
    """Return what refines borders; MissingExtra where that is not installed."""
    from napari_vitrail import crf, grabcut

    if options.refine is None:
        return None
    (grabcut if options.refine == "grabcut" else crf).check_installed()
    return grabcut.GrabCut() if options.refine == "grabcut" else crf.DenseCRF()
