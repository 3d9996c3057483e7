"""The tables of the evaluation of position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from evals.pages import Row
from evals.scores import interval

Scores = dict[str, dict[str, list[list[float]]]]
"""Cure -> set -> for every image its scores, in the same order for every cure."""


def position_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables: what a probe reads, and what strokes on one side and everywhere come to."""
    parts = [f"`{command}`, weights: {weights}.", _images_said(rows)]
    if probed := [row for row in rows if row["kind"] == "probe"]:
        parts += ["### Position read from features, R²", probe_table(probed)]
    strokes = [row for row in rows if row["kind"] == "strokes"]
    for title, even in (("Strokes on one side", False), ("Strokes everywhere", True)):
        chosen = [row for row in strokes if (row["side"] == "even") == even]
        for features in ("auto", "hybrid", "vit"):
            own = [row for row in chosen if row["features"] in (features, "classical")]
            if own:
                parts += [f"### {title}, {features}", stroke_table(own)]
    return "\n\n".join(parts)


def _images_said(rows: Sequence[Row]) -> str:
    """Return how many images of each set were measured."""
    images: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        images[row["kind"]][row["set"]].add(row["image"])
    said = [
        f"{kind} on " + ", ".join(f"{len(names)} of {name}" for name, names in sets.items())
        for kind, sets in images.items()
    ]
    return f"Images: {'; '.join(said)}."


def probe_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table of R^2, one line for each cure and two columns for each set."""
    names = list(dict.fromkeys(row["set"] for row in rows))
    heads = [f"{name}, {what}" for name in names for what in ("place", "from the middle")]
    lines = [f"| features | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for cure in dict.fromkeys(row["cure"] for row in rows):
        cells = []
        for name in names:
            own = [row for row in rows if (row["set"], row["cure"]) == (name, cure)]
            for field in ("place", "from_middle"):
                values = [[row[field]] for row in own]
                low, high = interval(values)
                cells.append(f"{np.mean(values):.2f} ({low:.2f} to {high:.2f})")
        lines.append(f"| {cure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def stroke_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table of mean IoU and of what each cure gains on none, image by image.

    Where "none" was not measured, gains are on the first cure that was; a cure that was not tried on
    every set has no mean.
    """
    known = _by_cure(rows)
    plain = known.get("none", next(iter(known.values())))
    names = list(dict.fromkeys(row["set"] for row in rows))
    lines = [f"| cure | {' | '.join(names)} | mean gain | worst gain |", "|---|" + "---|" * (len(names) + 2)]
    for cure, of_set in known.items():
        gains = {name: _gains(plain[name], of_set[name]) for name in names if name in of_set}
        cells = [_cell(of_set[name], gains[name]) if name in gains else "" for name in names]
        means = [_mean(gain) for gain in gains.values()]
        summary = f"{np.mean(means):+.3f} | {min(means):+.3f}" if len(means) == len(names) else " | "
        lines.append(f"| {cure} | {' | '.join(cells)} | {summary} |")
    return "\n".join(lines)


def _by_cure(rows: Sequence[Row]) -> Scores:
    """Return the scores of each cure; classical features are a line of their own."""
    images: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in rows:
        cure = "(classical)" if row["features"] == "classical" else row["cure"]
        images[cure][row["set"]][row["image"]].append(row["iou"])
    return {
        cure: {name: list(of_image.values()) for name, of_image in of_set.items()}
        for cure, of_set in images.items()
    }


def _gains(without: Sequence[Sequence[float]], cured: Sequence[Sequence[float]]) -> list[list[float]]:
    return [
        [after - before for before, after in zip(own, other, strict=True)]
        for own, other in zip(without, cured, strict=True)
    ]


def _mean(images: Sequence[Sequence[float]]) -> float:
    return float(np.mean([np.mean(values) for values in images]))


def _cell(images: Sequence[Sequence[float]], gains: Sequence[Sequence[float]]) -> str:
    mean = f"{_mean(images):.3f}"
    if not np.any(gains[0]) and _mean(gains) == 0:
        return mean
    if sum(map(len, gains)) == 1:
        return f"{mean}, {_mean(gains):+.3f}"
    low, high = interval(gains)
    return f"{mean}, {_mean(gains):+.3f} ({low:+.3f} to {high:+.3f})"
