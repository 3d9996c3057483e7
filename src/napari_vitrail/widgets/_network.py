"""Which network looks at images, and at how many pixels of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_vitrail.backbones import available_source, backbone_info, list_backbones
from napari_vitrail.spec import DEFAULT_BACKBONE
from napari_vitrail.widgets._form import backbone_title, choice, folded, label_of

if TYPE_CHECKING:
    from napari_vitrail.matching import MatchingSpec

SIDES = [("518 pixels", 518), ("1036 pixels", 1036)]
_SIDE_HELP = (
    "The longer side at which images are seen. Twice as many show places half as large, and take about "
    "eight times as long"
)
_NETWORK_HELP = "Which of the networks at hand looks at the images; vitrail models lists all"
_MORE_HELP = "Another network, or more pixels; the defaults suit most images"


class Network(NamedTuple):
    """A backbone by its name, and the longer side in pixels at which it sees an image."""

    backbone: str = DEFAULT_BACKBONE
    side: int = 518

    def spec(self) -> MatchingSpec:
        """Return how images are matched by it; loads torch."""
        from napari_vitrail.matching import MATCHING

        return replace(MATCHING.for_backbone(self.backbone), side=self.side)


class NetworkChoice(QWidget):
    """The network and the side, under a title that unfolds them.

    Parameters
    ----------
    on_chosen : callable
        Called with another `Network` when one is chosen.
    sides : sequence of (str, int)
        What can be chosen as the side.
    side : int
        What is chosen at first.
    """

    def __init__(
        self,
        on_chosen: Callable[[Network], None],
        sides: Sequence[tuple[str, int]] = SIDES,
        side: int = Network().side,
    ) -> None:
        super().__init__()
        self._on_network = on_chosen
        names = [info.name for info in list_backbones() if available_source(info.name)]
        titles = [
            (backbone_title(backbone_info(name)), name) for name in dict.fromkeys([DEFAULT_BACKBONE, *names])
        ]
        self._backbone = choice("Network", titles, DEFAULT_BACKBONE, _NETWORK_HELP)
        self._side = choice("Seen at", sides, side, _SIDE_HELP)
        rows = QWidget()
        form = QFormLayout(rows)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for combo in (self._backbone, self._side):
            form.addRow(label_of(combo), combo.native)
            combo.changed.connect(self._on_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(folded("More", rows, _MORE_HELP))

    def _on_chosen(self, _: Any) -> None:
        self._on_network(Network(self._backbone.value, self._side.value))
