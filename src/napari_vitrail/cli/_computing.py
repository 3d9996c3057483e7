"""Where features are computed, with which weights, and where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.spec import FeatureSpec
    from napari_vitrail.store import FeatureStore


def add_computing(parser: ArgumentParser, weights: str | None) -> None:
    """Let weights and device be chosen; `weights` is the default, None that of the classifier."""
    asks = "default: auto" if weights else "default: those it was trained with"
    parser.add_argument(
        "--weights", default=weights, metavar="auto|hub|offline|PATH",
        help=f"where the backbone's weights come from; {asks}",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="auto", choices=("auto", "cuda", "mps", "cpu"), help="default: %(default)s"
    )


def add_no_store(parser: ArgumentParser) -> None:
    """Let the store be left alone."""
    parser.add_argument(
        "--no-store", action="store_true",
        help="neither look features up nor keep them; results are the same",
    )  # fmt: skip


def backbone_of(spec: FeatureSpec, options: Namespace) -> Backbone:
    """Return the backbone of a spec, loaded."""
    from napari_vitrail.backbones import load_backbone

    return load_backbone(spec.backbone, weights=options.weights, device=options.device)


def store_of(options: Namespace) -> FeatureStore:
    """Return the shared store; or one in memory, which rounds alike."""
    from napari_vitrail.store import FeatureStore

    return FeatureStore() if options.no_store else store_in(None)


def passing_store_of(options: Namespace) -> FeatureStore:
    """Return the store for images that are asked for once: it keeps files alone, and nothing in memory."""
    from napari_vitrail.store import FeatureStore, shared_store

    folder = None if options.no_store else shared_store().folder
    return FeatureStore(folder, memory_bytes=0, context_bytes=0, disk_bytes=shared_store().disk_bytes)


def store_in(folder: Path | None) -> FeatureStore:
    """Return the store in a folder, or the shared one."""
    from napari_vitrail.store import FeatureStore, shared_store

    return FeatureStore(folder) if folder else shared_store()
