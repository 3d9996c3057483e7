"""What is known of a classifier, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.widgets._plot import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_vitrail.trust import Ablation, Candidate, Comparison, Trust

Colour = tuple[float, ...]

_LONGEST = 12
_SMALL = 8


def draw_confusion(axes: Axes, look: Look, trust: Trust) -> None:
    """Draw what held-out strokes were taken for: shares of each class, and its strokes or parts of them."""
    from matplotlib.colors import LinearSegmentedColormap

    found = trust.held_out.by_stroke
    shares, names = np.nan_to_num(found.rows), _names(trust)
    blank_to_full = LinearSegmentedColormap.from_list("shares", [look.background, look.accent])
    axes.imshow(shares, cmap=blank_to_full, vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(shares.shape):
        if found.counts[row].sum() == 0:
            text = "?"
        elif found.counts[row, column] == 0:
            continue
        else:
            text = f"{shares[row, column]:.0%}\n{found.counts[row, column]:.1f}"
        shade = look.background if shares[row, column] > 0.7 else look.text
        size = _SMALL if len(shares) <= 6 else 6
        axes.text(column, row, text, ha="center", va="center", color=shade, fontsize=size)
    axes.set_xticks(range(len(names)), names, rotation=30 if len(names) > 3 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("found (share, strokes)")
    axes.set_ylabel("painted")


def draw_classes(axes: Axes, look: Look, trust: Trust, colours: Sequence[Colour]) -> None:
    """Draw intersection over union of each class, and what it consists of."""
    found, places = trust.held_out.by_stroke, range(len(colours))
    axes.barh(places, np.nan_to_num(found.iou), color=colours, height=0.6, label="_IoU")
    beside = np.arange(len(colours))
    axes.plot(found.recall, beside - 0.15, "v", color=look.text, ms=5, label="recall")
    axes.plot(found.precision, beside + 0.15, "^", color=look.accent, ms=5, label="precision")
    for place, iou in zip(places, found.iou, strict=True):
        text = "a single stroke" if np.isnan(iou) else f"{iou:.2f}"
        axes.text(0.02, place, text, va="center", fontsize=_SMALL, color=look.text, bbox=_box(look))
    strokes = trust.held_out.n_held_out
    names = [f"{name} ({count})" for name, count in zip(_names(trust), strokes, strict=True)]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.03)
    axes.set_xlabel("IoU on held-out strokes (their number)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2, handletextpad=0.1, columnspacing=0.8)


def draw_importance(axes: Axes, look: Look, trust: Trust, ablations: Mapping[str, Ablation]) -> None:
    """Draw what is lost without each group of features: in the classifiers as they are, and trained again."""
    places = np.arange(len(trust.importance))
    for place, own in zip(places, trust.importance, strict=True):
        axes.barh(place, 100 * own.loss, color=look.accent, height=0.6)
        axes.plot([100 * bound for bound in own.interval], [place, place], color=look.text, lw=1)
        if own.group in ablations:
            axes.plot(100 * ablations[own.group].loss, place, "D", color="#f0389a", ms=6)
    axes.axvline(0, color=look.faint, lw=1)
    axes.set_yticks(places, [_short(own.group) for own in trust.importance])
    axes.invert_yaxis()
    trained = "\n◆ when trained without" if ablations else ""
    axes.set_xlabel(f"points lost when scrambled{trained}")


def draw_curve(axes: Axes, look: Look, trust: Trust) -> None:
    """Draw accuracy on held-out strokes against the number of strokes trained on."""
    curve = trust.curve
    if curve is None:
        return
    axes.fill_between(curve.n_strokes, 100 * curve.low, 100 * curve.high, color=look.accent, alpha=0.25, lw=0)
    axes.plot(curve.n_strokes, 100 * curve.accuracy, "o-", color=look.accent, ms=4)
    axes.set_xticks(curve.n_strokes)
    axes.set_ylim(max(0, 100 * curve.low.min() - 5), 102)
    axes.set_xlabel("strokes of each class trained on")
    axes.set_ylabel("% right, held-out strokes")


def draw_comparison(axes: Axes, look: Look, comparison: Comparison, titles: Sequence[str]) -> None:
    """Draw the accuracy of each candidate and its bounds; the winner stands out."""
    for place, candidate in enumerate(comparison.candidates):
        wins = candidate is comparison.winner
        colour = look.accent if wins else look.text
        low, high = candidate.held_out.interval
        axes.plot([100 * low, 100 * high], [place, place], color=colour, lw=3 if wins else 1)
        axes.plot(100 * candidate.held_out.accuracy, place, "o", color=colour, ms=6)
    axes.set_yticks(range(len(titles)), titles)
    axes.invert_yaxis()
    axes.set_xlim(right=101.5)
    axes.margins(y=0.1)
    axes.set_xlabel("% right, held-out strokes")


def titles_of(
    candidates: Sequence[Candidate], features: Mapping[str, str], estimators: Mapping[str, str]
) -> list[str]:
    """Return what each candidate is called in the form."""
    return [
        features[own.features] + (f", {estimators[own.estimator]}" if own.estimator else "")
        for own in candidates
    ]


def _names(trust: Trust) -> list[str]:
    rows = trust.held_out.rows
    return [_short(rows.class_names[int(id_)]) for id_ in rows.classes]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _box(look: Look) -> dict[str, object]:
    return {"facecolor": look.background, "edgecolor": "none", "alpha": 0.75, "pad": 1}
