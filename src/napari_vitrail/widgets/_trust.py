"""How far the classifier can be trusted: a page of what held-out strokes say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from magicgui.widgets import CheckBox
from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_vitrail.spec import Estimator
from napari_vitrail.widgets._assessing import ablate_steps, assess_steps, compare_steps
from napari_vitrail.widgets._form import ESTIMATOR_TITLES, FEATURE_TITLES, allow, choice, wrapped
from napari_vitrail.widgets._image_plane import ImagePlane
from napari_vitrail.widgets._layers import class_names
from napari_vitrail.widgets._planes import Painted
from napari_vitrail.widgets._plot import Plot
from napari_vitrail.widgets._trust_plots import (
    Colour,
    draw_classes,
    draw_comparison,
    draw_confusion,
    draw_curve,
    draw_importance,
    titles_of,
)
from napari_vitrail.widgets._workbench import Workbench

if TYPE_CHECKING:
    from napari_vitrail.trust import Ablation, Comparison, Trust

_ADVICE = (
    "Each stroke is left out once, and predicted by a classifier that has not seen it. "
    "It takes two strokes of a class, in different places."
)
_HELP = "Leave out strokes in turn, train on the others, and see how well those left out are predicted"
_COMPARE_HELP = (
    "Leave the same strokes out of every feature set: which of them wins? With the box ticked also out of "
    "every estimator, which takes a minute or more"
)
_ABLATE_HELP = "Train again without this group of features, and see what that costs on the same strokes"
_USE_HELP = "Set features and estimator to these"
_VIEWS = {
    "Confusion": "What held-out strokes of each class were taken for: share, and number of strokes",
    "Classes": "Intersection over union of each class on held-out strokes; in brackets, how many",
    "Feature groups": "What is lost on held-out strokes when a group of features is scrambled; 95 % bounds",
    "Learning curve": "How the accuracy on held-out strokes grows with the strokes trained on",
    "Which class": "What held-out strokes say of each class; the one that needs paint most comes first",
    "Comparison": "Accuracy of feature sets and estimators on the same held-out strokes, with 95 % bounds",
}
CONFUSION, CLASSES, GROUPS, CURVE, ADVICE, COMPARISON = _VIEWS


_NOTHING = [("–", None)]


@dataclass
class _Assessed:
    """What has been found out about one set of strokes so far.

    Attributes
    ----------
    trust : Trust
    colours : list of RGBA
        Of each class, as they were.
    pairs : list of image and labels
        Empty as long as the assessment goes on.
    ablations : dict of str to Ablation
        Those that were asked for, by group.
    comparison : Comparison or None
        None as long as nobody asked.
    """

    trust: Trust
    colours: list[Colour]
    pairs: list[Painted] = field(default_factory=list)
    ablations: dict[str, Ablation] = field(default_factory=dict)
    comparison: Comparison | None = None


class TrustPage(QWidget):
    """Assesses the strokes, shows what came of it, and sets the form to what did best.

    Parameters
    ----------
    bench : Workbench
    """

    requested = Signal()
    """Work is about to start that nothing else should follow upon."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self._known: _Assessed | None = None
        self._assess = QPushButton("Assess")
        self._compare = QPushButton("Compare")
        self._all = CheckBox(text="Compare every estimator, too", value=False, tooltip=wrapped(_COMPARE_HELP))
        self._headline = QLabel(_ADVICE)
        self._view = choice("View", [(name, name) for name in _VIEWS], CONFUSION)
        self._plot = Plot(bench.viewer)
        self._sentences = QLabel()
        self._group = choice("Group", _NOTHING, None, _ABLATE_HELP)
        self._ablate = QPushButton("Train without")
        self._candidate = choice("Candidate", _NOTHING, None, _USE_HELP)
        self._use = QPushButton("Use this")
        self._groups_row = _joined(self._group.native, self._ablate)
        self._candidates_row = _joined(self._candidate.native, self._use)
        self._assess.clicked.connect(self._on_assess)
        self._compare.clicked.connect(self._on_compare)
        self._ablate.clicked.connect(self._on_ablate)
        self._use.clicked.connect(self._on_use)
        self._view.changed.connect(self._show)
        bench.changed.connect(self._allow)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        self._headline.setToolTip("What held-out strokes say of the classifier")
        self._sentences.setToolTip(wrapped(_VIEWS[ADVICE]))
        for label in (self._headline, self._sentences):
            label.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addLayout(_row(self._assess, self._compare))
        layout.addWidget(self._headline)
        layout.addWidget(self._view.native)
        layout.addWidget(self._plot, 1)
        layout.addWidget(self._sentences)
        layout.addWidget(self._groups_row)
        layout.addWidget(self._all.native)
        layout.addWidget(self._candidates_row)
        layout.addStretch()

    def _allow(self) -> None:
        """Let be asked for what can be; else the tooltips say what stands in the way."""
        known = self._known
        obstacle = self._bench.obstacle()
        done = known is not None and bool(known.pairs)
        for button, hint, stands in (
            (self._assess, _HELP, obstacle),
            (self._compare, _COMPARE_HELP, "" if done else "press Assess first"),
            (self._ablate, _ABLATE_HELP, self._no_ablation(done)),
            (self._use, _USE_HELP, ""),
        ):
            allow(button, hint, stands)

    def _no_ablation(self, done: bool) -> str:
        if self._group.value is None:
            return "there is one group of features only"
        return "" if done else "the assessment is not done"

    def _on_assess(self) -> None:
        if obstacle := self._bench.obstacle():  # a layer may change without a word: in place, by a script
            self._bench.job.refuse(obstacle)
            return
        self.requested.emit()
        plane, strokes = self._bench.plane(), self._bench.layers.strokes
        spec, estimator = self._bench.form.spec, self._bench.form.estimator
        self._bench.job.run(
            assess_steps(self._bench.painted_anew(), spec, estimator, class_names(strokes)),
            on_done=partial(self._on_assessed, plane, strokes),
            on_preview=partial(self._on_known, strokes),
            title=f"Holding out strokes on {plane.layer_name}",
        )

    def _on_known(self, strokes: Labels, trust: Trust, pairs: list[Painted] | None = None) -> None:
        """Show what is known so far."""
        colours = [tuple(np.asarray(strokes.get_color(int(id_)))) for id_ in trust.held_out.rows.classes]
        self._known = _Assessed(trust, colours, pairs or [])
        groups = list(trust.held_out.rows.groups)
        self._group.choices = [(name, name) for name in groups] if len(groups) > 1 else _NOTHING
        self._headline.setText(trust.summary)
        self._show()

    def _on_assessed(self, plane: ImagePlane, strokes: Labels, done: tuple[Trust, list[Painted]]) -> str:
        trust, pairs = done
        self._on_known(strokes, trust, pairs)
        return f"{len(trust.held_out.strokes)} strokes of {plane.layer_name} held out."

    def _on_ablate(self) -> None:
        known, group = self._known, self._group.value
        if known is None or group is None:
            return
        self.requested.emit()
        self._bench.job.run(
            ablate_steps(known.trust, group),
            on_done=partial(self._on_ablated, known),
            title=f"Training without {group}",
        )

    def _on_ablated(self, known: _Assessed, ablation: Ablation) -> str:
        known.ablations[ablation.group] = ablation
        self._view.value = GROUPS
        self._show()
        return ablation.summary

    def _on_compare(self) -> None:
        known = self._known
        if known is None:
            return
        self.requested.emit()
        names = get_args(Estimator) if self._all.value else ()
        self._bench.job.run(
            compare_steps(known.trust, known.pairs, names),
            on_done=partial(self._on_compared, known),
            title="Comparing features on held-out strokes",
        )

    def _on_compared(self, known: _Assessed, comparison: Comparison) -> str:
        known.comparison = comparison
        titles = titles_of(comparison.candidates, FEATURE_TITLES, ESTIMATOR_TITLES)
        self._candidate.choices = list(zip(titles, range(len(titles)), strict=True))
        wins = [candidate is comparison.winner for candidate in comparison.candidates]
        self._candidate.value = wins.index(True)
        self._view.value = COMPARISON
        self._show()
        return comparison.summary

    def _on_use(self) -> None:
        if self._known is not None and self._known.comparison is not None:
            chosen = self._known.comparison.candidates[self._candidate.value]
            spec = replace(self._bench.form.spec, features=chosen.features)
            self._bench.form.show(spec, chosen.estimator)

    def _show(self) -> None:
        """Show the chosen view of what is known."""
        known, view = self._known, self._view.value
        hint = _VIEWS[view]
        self._view.tooltip = wrapped(hint)
        trust = known.trust if known is not None else None
        drawn = known is not None and view != ADVICE and self._is_known(known, view)
        self._view.native.setVisible(known is not None)
        self._plot.setVisible(drawn)
        self._sentences.setVisible(known is not None and not drawn)
        self._groups_row.setVisible(known is not None and view == GROUPS)
        self._all.native.setVisible(known is not None and view == COMPARISON)
        self._candidates_row.setVisible(known is not None and view == COMPARISON and drawn)
        if known is not None and drawn:
            self._plot.show_drawing(_drawing(known, view), hint)
        elif trust is not None:
            advice = "\n\n".join(own.sentence for own in trust.advice)
            self._sentences.setText(advice if view == ADVICE else _WANTED[view])
        self._allow()

    def _is_known(self, known: _Assessed, view: str) -> bool:
        return {
            GROUPS: bool(known.trust.importance),
            CURVE: known.trust.curve is not None,
            COMPARISON: known.comparison is not None,
        }.get(view, True)


_WANTED = {
    GROUPS: "Not known yet: the assessment is not done.",
    CURVE: "Not known yet: the assessment is not done.",
    COMPARISON: "Press Compare to hold the same strokes out of every feature set.",
}


def _drawing(known: _Assessed, view: str) -> Any:
    """Return what draws a view on axes, in a look."""
    trust = known.trust
    if view == COMPARISON and known.comparison is not None:
        titles = titles_of(known.comparison.candidates, FEATURE_TITLES, ESTIMATOR_TITLES)
        return partial(draw_comparison, comparison=known.comparison, titles=titles)
    return {
        CONFUSION: partial(draw_confusion, trust=trust),
        CLASSES: partial(draw_classes, trust=trust, colours=known.colours),
        GROUPS: partial(draw_importance, trust=trust, ablations=known.ablations),
        CURVE: partial(draw_curve, trust=trust),
    }[view]


def _row(*parts: QWidget) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part, 1)
    return layout


def _joined(*parts: QWidget) -> QWidget:
    """Return parts side by side that are shown and hidden together."""
    whole = QWidget()
    whole.setLayout(_row(*parts))
    return whole
