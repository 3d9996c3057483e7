"""Results as a page of the documentation; every table names the command that made it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.scores import interval

Row = dict[str, Any]
COUNTED = ("nasa_sem", "isbi2012_em", "dsb2018_nuclei", "msrc_cow", "convpaint")
"""Sets that count for the choice of the default; the others are shown beside them."""


def per_image(rows: Iterable[Row]) -> dict[tuple[str, str], list[float]]:
    """Return (set, recipe) -> the IoU of every image, averaged over seeds."""
    seeds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in rows:
        seeds[row["set"], row["recipe"], row["image"]].append(row["iou"])
    images: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (name, recipe, _), values in seeds.items():
        images[name, recipe].append(float(np.mean(values)))
    return images


def table(rows: Sequence[Row], counted: Sequence[str] = ()) -> str:
    """Return a Markdown table: one line per recipe, one column per set, and what it gains on classical.

    The gain is on the best classical recipe *of each set*, which nobody can know beforehand.
    """
    images = per_image(rows)
    names = list(dict.fromkeys(name for name, _ in images))
    recipes = list(dict.fromkeys(recipe for _, recipe in images))
    means = {key: float(np.mean(values)) for key, values in images.items()}
    best = {n: max(means[n, r] for r in recipes if r.startswith("classical")) for n in names}
    counted = [name for name in counted if name in names]
    heads = [*names, *(["mean", "gain", "worst gain"] if counted else [])]
    lines = [f"| recipe | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for recipe in recipes:
        cells = [_cell(images[name, recipe]) for name in names]
        if counted:
            gains = [means[name, recipe] - best[name] for name in counted]
            mean = np.mean([means[name, recipe] for name in counted])
            cells += [f"{mean:.3f}", f"{np.mean(gains):+.3f}", f"{min(gains):+.3f}"]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    low, high = interval(values)
    return f"{np.mean(values):.3f} ({low:.2f}-{high:.2f})"


def write_section(page: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of a section of a page."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    content = page.read_text()
    before, rest = content.split(start)
    _, after = rest.split(end)
    page.write_text(f"{before}{start}\n\n{text}\n\n{end}{after}")


def scribbles_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables of the scribble evaluation."""
    parts = [f"`{command}`, weights: {weights}."]
    drawn = sorted({row["strokes"] for row in rows if isinstance(row["strokes"], float)})
    for fraction in drawn:
        chosen = [row for row in rows if row["strokes"] == fraction]
        parts += [f"### {fraction:.2%} of the pixels painted", table(chosen, COUNTED)]
    titles = {"human": "Strokes of a person", "leave one out": "T-cells, one cell left out"}
    for strokes, title in titles.items():
        if chosen := [row for row in rows if row["strokes"] == strokes]:
            parts += [f"### {title}", table(chosen)]
    return "\n\n".join(parts)
