"""Of which images and how masks are made: what an interrupted run is told from another by."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from napari_vitrail import provenance
from napari_vitrail.files import identity, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_vitrail.backbones import BackboneInfo
    from napari_vitrail.cosegmentation import CosegmentationSpec
    from napari_vitrail.cosegmentfiles._images import CheckedImage
    from napari_vitrail.cosegmentfiles._plan import SetFiles
    from napari_vitrail.reading import Reading
    from napari_vitrail.refinement import Refinement


def settings_of(
    images: Sequence[CheckedImage], reading: Reading, spec: CosegmentationSpec, backbone: BackboneInfo,
    **others: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return all that masks depend on, in plain values; the same again for the same images and options."""
    settings = provenance.settings_of(spec, reading, backbone, **others)
    return settings | {"images": [identity(image.path) for image in images]}


def begin_masks(files: SetFiles, settings: dict[str, Any], *, resume: bool) -> None:
    """Write the settings down, and remove masks that were made by others, and what tells of them.

    Parameters
    ----------
    files : SetFiles
    settings : dict
        See `settings_of`.
    resume : bool
        Whether to leave the masks that an earlier run with the same settings has made.

    Raises
    ------
    ValueError
        If the earlier run had other settings, or its file is damaged.
    """
    if resume and files.settings.exists():
        _check_same(files, settings)
        return
    for index in range(len(files.images)):
        files.mask(index).unlink(missing_ok=True)
    for summary in (files.areas, files.gallery):  # of masks that are gone
        summary.unlink(missing_ok=True)
    write_json(files.settings, settings, indent=1)


def _check_same(files: SetFiles, settings: dict[str, Any]) -> None:
    try:
        earlier = json.loads(files.settings.read_text(encoding="utf-8"))
        differing = [name for name in settings if settings[name] != earlier.get(name)]
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{files.settings} must be of vitrail cosegment, and is not: {error}") from error
    if differing:
        raise ValueError(
            f"{files.folder} was begun with other {' and '.join(differing)}: leave resume out to begin anew "
            "(what the network saw is still in the store of features)"
        )


def origin_of(
    spec: CosegmentationSpec, backbone: BackboneInfo, refinement: Refinement | None
) -> dict[str, str]:
    """Return for people what it takes to get the same again."""
    told = {"backbone": f"{backbone.name} ({backbone.licence})", "citation": backbone.citation}
    if backbone.weights is not None:
        told["digest of the weights"] = backbone.weights.digest
    told |= {"settings": str(spec), "refinement": str(refinement or "none")}
    return told | {"version": f"napari-vitrail {version('napari-vitrail')}"}
