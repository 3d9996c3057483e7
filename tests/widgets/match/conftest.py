"""Two photographs of one thing, a tiny network, and the widget."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from skimage.data import astronaut

from napari_vitrail import MATCHING, MatchingSpec, align_steps, drain, see_pair_steps
from tests.widgets.match.hands import SHIFT, dock, match

TINY = MatchingSpec(
    replace(MATCHING.descriptor, layer=2, stride=4),
    side=128,
    guide=(1, "token"),
    fine=(0, "token"),
    window=7.0,
)


@pytest.fixture(scope="session")
def photographs():
    """Return two crops (128, 128, 3) of a photograph; p in the first is p - SHIFT in the second."""
    picture = astronaut()
    return [picture[y : y + 128, x : x + 128] for y, x in ((40, 120), (40 + SHIFT[0], 120 + SHIFT[1]))]


@pytest.fixture
def asked():
    """Return a list of the specs by which the widget has let images be seen."""
    return []


@pytest.fixture(autouse=True)
def aligning(monkeypatch, tiny_backbone, asked):
    """Put a tiny network in place of the one that aligns."""
    tiny = replace(TINY, guide=(2, "token"))

    def steps(*images, spec=None, **options):
        asked.append(spec)
        return align_steps(*images, spec=tiny, backbone=tiny_backbone, **options)

    monkeypatch.setattr("napari_vitrail.matching.align_steps", steps)
    return steps


@pytest.fixture(autouse=True)
def steps(monkeypatch, tiny_backbone, asked):
    """Put a tiny network in place of the real one."""

    def steps(*images, spec=None):
        asked.append(spec)
        return see_pair_steps(*images, TINY, backbone=tiny_backbone)

    monkeypatch.setattr("napari_vitrail.matching.see_pair_steps", steps)
    return steps


@pytest.fixture
def may_go(monkeypatch, steps):
    """Return an event for which the network waits before it looks."""
    may_go = threading.Event()

    def slow_steps(*images, spec):
        may_go.wait(20)
        return (yield from steps(*images, spec=spec))

    monkeypatch.setattr("napari_vitrail.matching.see_pair_steps", slow_steps)
    yield may_go
    may_go.set()


@pytest.fixture
def expected(photographs, steps):
    """Return the pair that the widget is to see."""
    return drain(steps(*photographs))


@pytest.fixture
def viewer(make_napari_viewer_proxy, photographs):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1200, 800)
    viewer.add_image(photographs[0], name="left")
    viewer.add_image(photographs[1], name="right")
    return viewer


@pytest.fixture
def widget(qtbot, viewer):
    return dock(qtbot, viewer)


@pytest.fixture
def matched(qtbot, widget):
    """Return the widget after it has seen both images."""
    match(qtbot, widget)
    return widget
