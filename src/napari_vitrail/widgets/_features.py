"""Explore features: what a network takes to be alike, in colours, under the cursor and on a map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import napari.viewer
import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray
from qtpy.QtWidgets import QFormLayout, QLabel, QVBoxLayout

from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._checklist import ImageChecklist
from napari_vitrail.widgets._colours import ColoursPanel, colours_steps, write_colours
from napari_vitrail.widgets._dock import DockedWidget
from napari_vitrail.widgets._hover import SimilarityLayer
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._job import JobPanel
from napari_vitrail.widgets._map import MapPanel, Mapped, map_steps
from napari_vitrail.widgets._planes import plane_index, read_plane
from napari_vitrail.widgets._similar import Mask, SimilarityPanel, masks_steps, write_alike
from napari_vitrail.widgets._token_form import TokenForm
from napari_vitrail.widgets._tokens import TokenPlane, TokenPlanes, Tokens, tokens_steps

Result = TypeVar("Result")

_NO_IMAGE = "tick an image"
_NO_TOKENS = "press Compute features"


class FeaturesWidget(DockedWidget):
    """Compute the features of some images once, then look at them in three ways.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are read and written.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._job = JobPanel(
            "Compute features",
            "Compute the features of the ticked images, of a stack those of the plane in view",
            "Tick images and press Compute features.",
        )
        self._store = TokenPlanes(viewer, on_change=self._on_changed)
        self._form = TokenForm(on_change=self._on_changed)
        self._colours = ColoursPanel()
        self._similar = SimilarityPanel(viewer, tokens=self._comparable)
        self._map = MapPanel(viewer)
        self._images = ImageChecklist(viewer)
        self._images.changed.connect(self._on_changed)
        self._job.requested.connect(self._on_compute_requested)
        self._colours.requested.connect(self._on_colours_requested)
        self._similar.labels_requested.connect(self._on_labels_requested)
        self._map.requested.connect(self._on_map_requested)
        viewer.dims.events.connect(self._on_changed)
        self._similar.open()
        self._lay_out()
        self._on_changed()

    def come(self) -> None:
        """Listen to the key."""
        self._similar.open()
        self._on_changed()

    def leave(self) -> None:
        """Cancel the running job and give the key back."""
        self._job.cancel()
        self._similar.close_down()

    def _lay_out(self) -> None:
        """Put what is computed on top, and the three ways to look at it below."""
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        title = QLabel("Images")
        title.setToolTip(self._images.toolTip())
        rows.addRow(title, self._images)
        self._form.add_rows(rows)
        layout = QVBoxLayout(self)
        layout.addLayout(rows)
        layout.addWidget(self._job)
        layout.addWidget(self._colours)
        layout.addWidget(self._similar)
        layout.addWidget(self._map, 1)

    def _ready(self) -> list[TokenPlane]:
        """Return the tokens of the ticked images, as far as they are of the planes in view."""
        tokens = [self._store.of(image) for image in self._images.chosen]
        return [found for found in tokens if found is not None]

    def _comparable(self) -> list[TokenPlane]:
        """Return the same if all were computed alike, else none: others cannot be compared."""
        ready = self._ready()
        return ready if len({tokens.spec for tokens in ready}) == 1 else []

    def _obstacle(self) -> str:
        """Return why features cannot be computed, or nothing if they can."""
        if not self._images.chosen:
            return _NO_IMAGE
        try:
            for image in self._images.chosen:
                plane_index(image, self._viewer.dims)
        except ValueError as error:
            return str(error)
        return ""

    def _looking_obstacle(self) -> str:
        """Return why there is nothing to look at, or nothing if there is."""
        if self._comparable():
            return ""
        if self._ready():
            return f"the images were seen with different settings: {_NO_TOKENS}"
        if any(self._store.has_other_plane(image) for image in self._images.chosen):
            return f"the features are of a plane that is out of view: {_NO_TOKENS}"
        return self._obstacle() or _NO_TOKENS

    def _on_changed(self) -> None:
        self._job.allow(self._obstacle())
        obstacle = self._looking_obstacle()
        for panel in (self._colours, self._similar, self._map):
            panel.allow(obstacle)

    def _on_compute_requested(self) -> None:
        if obstacle := self._obstacle():  # a layer may change without a word: in place, by a script
            self._job.refuse(obstacle)
            return
        spec, chosen = self._form.spec, self._images.chosen
        known = {tokens.image for tokens in self._ready() if tokens.spec == spec}
        images = [image for image in chosen if image not in known] or chosen
        planes = [read_plane(image, self._viewer.dims) for image in images]
        seen = [image.data for image in images]
        self._job.run(
            tokens_steps([plane.pixels for plane in planes], spec),
            on_done=partial(self._on_computed, images, planes, seen, spec),
            title=f"Computing features of {_names(planes)}",
        )

    def _on_computed(
        self,
        images: Sequence[Image],
        planes: Sequence[ImagePlane],
        seen: Sequence[Any],
        spec: FeatureSpec,
        computed: Sequence[Tokens],
    ) -> str:
        """Keep the tokens of the images that are still what they were."""
        said = []
        for image, plane, data, (features, descriptors) in zip(images, planes, seen, computed, strict=True):
            if image not in self._viewer.layers or image.data is not data:
                said.append(f"{plane.layer_name!r} was changed or removed meanwhile.")
                continue
            self._store.keep(TokenPlane(image, plane, spec, features, descriptors))
            rows, columns = features.grid.shape
            said.append(f"{plane.layer_name}, {rows} x {columns} tokens of {features.width} features.")
        return " ".join(said)

    def _on_colours_requested(self) -> None:
        tokens = self._comparable()
        self._job.run(
            colours_steps([found.features for found in tokens], shared=self._colours.is_shared),
            on_done=partial(self._on_coloured, tokens),
            title="Colouring features",
        )

    def _on_coloured(self, tokens: Sequence[TokenPlane], colours: Sequence[NDArray[np.uint8]]) -> str:
        return self._written(tokens, colours, partial(write_colours, self._viewer), "coloured")

    def _on_labels_requested(self) -> None:
        kept, label = self._similar.kept, self._similar.label
        self._job.run(
            masks_steps(kept, self._similar.threshold),
            on_done=partial(self._on_labelled, kept, label),
            title="Making labels",
        )

    def _on_labelled(self, kept: Sequence[SimilarityLayer], label: int, masks: Sequence[Mask]) -> str:
        for similar in kept:
            similar.layer.visible = False  # it would cover what is now labelled
        tokens = [similar.tokens for similar in kept]
        return self._written(tokens, masks, partial(write_alike, self._viewer, label=label), "labelled")

    def _written(
        self,
        tokens: Sequence[TokenPlane],
        results: Sequence[Result],
        write: Callable[[TokenPlane, Result], Layer],
        verb: str,
    ) -> str:
        """Write each result whose image is still there; return what to say of them."""
        there = [
            (plane, result)
            for plane, result in zip(tokens, results, strict=True)
            if plane.image in self._viewer.layers
        ]
        for plane, result in there:
            write(plane, result)
        return f"{verb} {_names([plane.plane for plane, _ in there])}." if there else "the image is gone."

    def _on_map_requested(self) -> None:
        tokens = self._comparable()
        self._job.run(
            map_steps([found.features for found in tokens]),
            on_done=partial(self._on_mapped, tokens),
            title="Mapping tokens",
        )

    def _on_mapped(self, tokens: Sequence[TokenPlane], mapped: Mapped) -> str:
        return self._map.show_map(tokens, mapped)


def _names(planes: Sequence[ImagePlane]) -> str:
    """Return the images' names as one reads them out; how many there are where that is long."""
    names = [plane.layer_name for plane in planes]
    return " and ".join(names) if len(names) <= 2 else f"{len(names)} images"
