"""The channels that a project names, among the layers that are in the viewer now."""

from __future__ import annotations

from collections.abc import Iterable

from napari.layers import Image, Labels, Layer

from napari_vitrail.channels import ChosenChannels
from napari_vitrail.widgets._annotations import link_leads_to, subject_known
from napari_vitrail.widgets._image_plane import Channels
from napari_vitrail.widgets._layers import MARK
from napari_vitrail.widgets._planes import full_resolution


def channels_taken_up(strokes: Labels, image: Image, layers: Iterable[Layer]) -> tuple[Channels | None, str]:
    """Return the channels that were chosen when strokes were saved, and what is to be said of them.

    Further layers that are not here are left out: who opened the strokes was told. None where the file
    does not say which channels there were.

    Parameters
    ----------
    strokes : Labels
        As they were opened from a file.
    image : Image
        What they are on.
    layers : iterable of Layer
        Those of the viewer.
    """
    subject = subject_known(strokes)
    if subject is None or subject.channels is None:
        return None, ""
    chosen = subject.channels
    if not _fits(image, chosen):
        shape = full_resolution(image).shape
        return None, (
            f"the channels that were chosen for {subject.image.name!r} are not those of {image.name!r}, "
            f"whose shape is {shape}: choose them anew under Channels"
        )
    images = [layer for layer in layers if isinstance(layer, Image) and layer != image]
    found = [
        next((own for own in images if link_leads_to(link, own)), None)
        for link in strokes.metadata[MARK]["further"]
    ]
    finest = len(image.data) - 1 if image.multiscale else 0
    level, remark = min(chosen.level, finest), ""
    if level != chosen.level:
        remark = f"{image.name!r} has no level {chosen.level} of a pyramid here: level {level} is worked on"
    further = tuple(layer for layer in found if layer is not None)
    return Channels(chosen.axis, chosen.chosen, further, level), remark


def _fits(image: Image, chosen: ChosenChannels) -> bool:
    """Whether an image, which may be another one of the same name, has the channels that were chosen."""
    if chosen.axis is None:
        return True
    sides = full_resolution(image).shape[: image.ndim]
    return not image.rgb and chosen.axis < len(sides) > 2 and max(chosen.chosen) < sides[chosen.axis]
