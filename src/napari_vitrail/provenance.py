"""What results depend on, in plain values: what one run is told from another by."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_vitrail.backbones import BackboneInfo
    from napari_vitrail.reading import Reading


def settings_of(spec: Any, reading: Reading, backbone: BackboneInfo, **others: Any) -> dict[str, Any]:
    """Return what the results of an image depend on; the same again for the same options.

    Parameters
    ----------
    spec : dataclass
    reading : Reading
    backbone : BackboneInfo
    **others
        Anything that JSON can hold.
    """
    weights = backbone.weights
    settings = {
        "version": version("napari-vitrail"),
        **others,
        "spec": asdict(spec),
        "reading": asdict(reading),
        "weights": None if weights is None else weights.digest,
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain
