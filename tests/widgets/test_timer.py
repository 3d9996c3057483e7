"""What is asked for soon is done once, before the window is drawn, and not at all once forgotten."""

import pytest
from qtpy.QtWidgets import QWidget

from napari_vitrail.widgets._timer import Soon


@pytest.fixture
def order():
    return []


@pytest.fixture
def drawn(qtbot, order):
    class Drawn(QWidget):
        def paintEvent(self, event) -> None:
            order.append("drawn")

    widget = Drawn()
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitUntil(lambda: "drawn" in order)
    order.clear()
    return widget


def test_it_is_done_once_and_before_anything_is_drawn(qtbot, drawn, order):
    soon = Soon(drawn, lambda: order.append("done"))
    drawn.update()
    soon.ask()
    soon.ask()
    assert soon.is_wanted
    assert order == []
    qtbot.waitUntil(lambda: "drawn" in order)
    assert order == ["done", "drawn"]
    assert not soon.is_wanted


def test_what_is_forgotten_is_not_done_and_can_be_asked_for_again(qtbot, drawn, order):
    soon = Soon(drawn, lambda: order.append("done"))
    soon.ask()
    soon.forget()
    qtbot.wait(20)
    assert order == []
    soon.ask()
    soon.forget()
    soon.ask()
    qtbot.wait(20)
    assert order == ["done"]
