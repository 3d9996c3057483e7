"""Which network looks at both images, and at how many pixels of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_vitrail.backbones import available_source, backbone_info, list_backbones
from napari_vitrail.spec import DEFAULT_BACKBONE
from napari_vitrail.widgets._form import backbone_title, choice, folded, label_of

if TYPE_CHECKING:
    from napari_vitrail.matching import MatchingSpec
    from napari_vitrail.widgets._matching import Matching

_SIDES = [("518 pixels", 518), ("1036 pixels", 1036)]
_SIDE_HELP = (
    "The longer side at which both images are seen. Twice as many show places half as large, and take about "
    "eight times as long"
)
_NETWORK_HELP = "Which of the networks at hand looks at both images; vitrail models lists all"
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
    """The network and the side, under a title that unfolds them; a change looks again at what was seen.

    Parameters
    ----------
    matching : Matching
    """

    def __init__(self, matching: Matching) -> None:
        super().__init__()
        self._matching = matching
        names = [info.name for info in list_backbones() if available_source(info.name)]
        titles = [
            (backbone_title(backbone_info(name)), name) for name in dict.fromkeys([DEFAULT_BACKBONE, *names])
        ]
        self._backbone = choice("Network", titles, DEFAULT_BACKBONE, _NETWORK_HELP)
        self._side = choice("Seen at", _SIDES, Network().side, _SIDE_HELP)
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
        self._matching.look_by(Network(self._backbone.value, self._side.value))
