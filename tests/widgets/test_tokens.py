"""What is asked of the network, and what a click on the map of tokens finds."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_vitrail.backbones import available_source
from napari_vitrail.progress import drain
from napari_vitrail.samples import histology
from napari_vitrail.spec import DEFAULT_BACKBONE, FeatureSpec
from napari_vitrail.widgets._scatter import Scatter
from napari_vitrail.widgets._token_form import TokenForm
from napari_vitrail.widgets._tokens import tokens_steps
from tests.widgets.driving import combo


@pytest.fixture
def form(qtbot):
    """Return the form, shown in a widget, and the widget."""
    form, widget = TokenForm(on_change=lambda: None), QWidget()
    form.add_rows(QFormLayout(widget))
    qtbot.addWidget(widget)
    return form, widget


def choose_backbone(widget, title):
    """Choose a backbone whose title may go on with what would be fetched."""
    backbones = next(box for box in widget.findChildren(QComboBox) if "DINOv2" in box.itemText(0))
    backbones.setCurrentIndex(backbones.findText(title, Qt.MatchFlag.MatchStartsWith))


def test_one_token_for_each_patch_of_the_last_layer(form):
    expected = FeatureSpec(features="vit", backbone=DEFAULT_BACKBONE, layer=-1, stride=14)
    assert form[0].spec == expected


def test_the_stride_follows_the_patch(form):
    form, widget = form
    combo(widget, "2 x 2 per patch").setCurrentText("2 x 2 per patch")
    assert form.spec.stride == 7
    choose_backbone(widget, "DINO S/16")
    assert form.spec.stride == 8


def test_the_last_layer_stays_the_last(form):
    form, widget = form
    choose_backbone(widget, "DINOv2 L/14")
    assert form.spec.layer == -1
    form._layer.value = 20
    choose_backbone(widget, "DINOv2 S/14")
    assert form.spec.layer == -1  # there is no block 20 in it
    form._layer.value = 5
    choose_backbone(widget, "DINOv2 L/14")
    assert form.spec.layer == 5


@pytest.mark.slow
def test_tokens_of_the_real_network_have_length_one(form):
    if available_source(DEFAULT_BACKBONE) is None:
        pytest.skip("no weights on this machine")
    crops = [histology().image[:84, :98], histology().image[:42, :42, 0]]
    tokens = drain(tokens_steps(crops, form[0].spec))
    assert [features.grid.shape for features, _ in tokens] == [(6, 7), (3, 3)]
    for _, descriptors in tokens:
        np.testing.assert_allclose(np.linalg.norm(descriptors.values, axis=-1), 1, rtol=1e-5)


def test_a_click_picks_the_point_under_it(qtbot):
    scatter = Scatter("black")
    qtbot.addWidget(scatter)
    scatter.resize(300, 300)
    scatter.show()
    positions = np.array([(-1, -1), (1, 1), (0, 0)])
    scatter.show_points(positions, np.ones((3, 4)))
    canvas = scatter._canvas.native
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    with qtbot.waitSignal(scatter.picked) as picked:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    assert picked.args == [2]
    assert scatter.nearest((middle.x() + 40, middle.y())) is None
