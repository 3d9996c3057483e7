"""Fast, Balanced or Fine: what to compute, chosen by the time it will take on this image."""

from __future__ import annotations

import logging
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel

from napari_vitrail.presets import PRESETS, preset, preset_of
from napari_vitrail.progress import Progress, Steps
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.speed import shared_speeds
from napari_vitrail.widgets._form import wrapped
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._runner import Job, Runner
from napari_vitrail.widgets._settings import follow
from napari_vitrail.widgets._timer import timer
from napari_vitrail.widgets._workbench import Workbench, preferred_spec

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

CUSTOM = "Custom"
PAUSE_MS = 500
"""Without a change, after which the times are forecast again."""
LOOKED_UP_AT_MOST = 1 << 24
"""Pixels of an image that are looked up in the store; of larger ones nothing is said to be there."""
UNKNOWN = "time unknown"
_HELP = (
    "How finely the ViT looks, and how long Segment will take on this image, less what is stored already. "
    "The time is known once it has been done on this machine. "
    "Whoever changes the Settings by hand has a Custom one"
)

Times = dict[str, "float | None"]


class Presets:
    """A choice of presets that says how long each will take.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._times: Times = {}
        self._chosen = ("", "")  # the preset and the backbone
        self._asked: tuple[object, ...] = ()
        self._preferred = preferred_spec()
        self._unfollow: Callable[[], None] | None = None
        self._combo = QComboBox()  # magicgui's keeps what is chosen first, whatever the order
        self._combo.setToolTip(wrapped(_HELP))
        self._combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._combo.setMinimumContentsLength(6)
        self._combo.currentIndexChanged.connect(self._on_chosen)
        self._soon = timer(bench.job, PAUSE_MS, self._forecast)
        self._runner = Runner(
            on_progress=lambda progress: None,
            on_error=lambda error: log.warning("no forecast: %s", error),
            on_warning=log.info,
            on_idle=lambda: None,
        )
        bench.job.destroyed.connect(self._runner.retire)
        bench.changed.connect(self._on_changed)
        bench.learned.connect(self._on_learned)
        self._offer()

    def add_rows(self, layout: QFormLayout) -> None:
        """Add the choice, as a labelled row."""
        label = QLabel("Preset")
        label.setToolTip(self._combo.toolTip())
        layout.addRow(label, self._combo)

    def follow(self) -> None:
        """Follow Preferences, and forecast what is chosen."""
        if self._unfollow is None:
            self._unfollow = follow("painting", self._on_preferred)
            self._soon.start()

    def leave(self) -> None:
        """Follow nothing any more: the widget is gone, or hidden."""
        self._soon.stop()
        self._runner.cancel()
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    def _on_preferred(self) -> None:
        if preferred_spec() != self._preferred:
            self._preferred = preferred_spec()
            self._show(self._preferred)

    def _show(self, spec: FeatureSpec) -> None:
        self._bench.form.show(spec, self._bench.form.estimator)

    def _on_chosen(self, index: int) -> None:
        if index < len(PRESETS):
            self._show(preset(PRESETS[index], self._bench.form.backbone))

    def _on_changed(self) -> None:
        name, backbone = self._chosen
        now = self._bench.form.backbone
        if name in PRESETS and now != backbone:
            self._chosen = name, now
            if self._bench.form.valid_spec == replace(preset(name, backbone), backbone=now):
                self._show(preset(name, now))  # its patches are others, and so are its strides
                return
        self._offer()
        if self._unfollow is not None and self._question() != self._asked:
            self._soon.start()

    def _on_learned(self) -> None:
        """Forecast again: the machine is known better, and more is stored."""
        self._asked = ()
        if self._unfollow is not None:
            self._soon.start()

    def _question(self) -> tuple[object, ...]:
        """Return what a forecast is about."""
        image = self._bench.layers.image
        return image, tuple(self._specs().values())

    def _specs(self) -> dict[str, FeatureSpec]:
        """Return what there is to choose from: the presets, and what was made by hand."""
        backbone, own = self._bench.form.backbone, self._bench.form.valid_spec
        specs = {name: preset(name, backbone) for name in PRESETS}
        return specs if own is None or own in specs.values() else specs | {CUSTOM: own}

    def _forecast(self) -> None:
        """Ask how long each choice will take, unless nobody can know or something is running."""
        if shared_speeds().is_empty or self._bench.image_obstacle():
            self._times = {}
            self._offer()
        elif self._bench.job.is_busy:
            self._soon.start()
        else:
            self._asked = self._question()
            steps = forecast_steps(self._bench.plane(), self._specs())
            self._runner.start(Job(steps, self._on_forecast, "Forecasting"))

    def _on_forecast(self, times: Times) -> None:
        self._times = times
        self._offer()

    def _offer(self) -> None:
        """Show the choices with their times, and which of them the form shows."""
        own = self._bench.form.valid_spec
        chosen = CUSTOM if own is None else preset_of(own) or CUSTOM
        self._chosen = chosen, self._bench.form.backbone
        names = [*PRESETS, *([CUSTOM] if chosen == CUSTOM else [])]
        texts = [f"{name} – {spoken_time(self._times.get(name))}" for name in names]
        with QSignalBlocker(self._combo):
            if texts != [self._combo.itemText(index) for index in range(self._combo.count())]:
                self._combo.clear()
                self._combo.addItems(texts)
            self._combo.setCurrentIndex(names.index(chosen))


def forecast_steps(plane: ImagePlane, specs: dict[str, FeatureSpec]) -> Steps[Times]:
    """Yield Progress; return how many seconds each of some specs will take on a plane."""
    from napari_vitrail.forecast import forecast_seconds  # loads torch
    from napari_vitrail.store import shared_store

    shape = plane.sides
    is_looked_up = not plane.is_lazy and prod(shape) <= LOOKED_UP_AT_MOST
    image = plane.read() if is_looked_up else None
    times = {}
    for done, (name, spec) in enumerate(specs.items(), start=1):
        times[name] = forecast_seconds(shape, spec, image=image, store=shared_store())
        yield Progress(done, len(specs), "forecasts")
    return times


def spoken_time(seconds: float | None) -> str:
    """Return a time as one would say it: ``about 6 s``."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return "under 1 s"
    if seconds < 100:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min"
