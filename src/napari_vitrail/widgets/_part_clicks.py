"""A click on a part in the viewer highlights it everywhere."""

from __future__ import annotations

from collections.abc import Collection

from napari.layers import Labels, Layer

from napari_vitrail.widgets._clicks import Position, StillClicks
from napari_vitrail.widgets._part_layers import layers_of_parts
from napari_vitrail.widgets._sharing import Sharing


class PartClicks(StillClicks):
    """Listens to clicks in the viewer while no tool is in hand.

    Parameters
    ----------
    sharing : Sharing
    """

    def __init__(self, sharing: Sharing) -> None:
        super().__init__(sharing.viewer, self._on_clicked)
        self._sharing = sharing

    def _on_clicked(self, position: Position, layers: Collection[Layer]) -> None:
        """Let the part at a position stand out; all where there is none, or it does already."""
        if self._sharing.found is None:
            return
        meant = self._layers_of(layers)
        above = [own for own in reversed(self._sharing.viewer.layers) if own in meant and own.visible]
        label = next((found for layer in above if (found := _label(layer, position))), 0)
        self._sharing.highlight({label} if label and {label} != self._sharing.highlighted else ())

    def _layers_of(self, layers: Collection[Layer]) -> list[Labels]:
        """Return the layers of parts of the images of which any layer is among some."""
        viewer, images = self._sharing.viewer, self._sharing.here.values()
        owns = ({image.layer, *layers_of_parts(viewer, [image])} for image in images)
        return layers_of_parts(
            viewer, (image for image, own in zip(images, owns, strict=True) if own & set(layers))
        )


def _label(layer: Labels, position: Position) -> int:
    """Return the label of a layer at a position in the world, 0 where there is none."""
    return int(layer.get_value(position, world=True) or 0)
