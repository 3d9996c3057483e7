"""Results as a page of the documentation; every table names the command that made it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.scores import interval

Row = dict[str, Any]
COUNTED = ("nasa_sem", "isbi2012_em", "dsb2018_nuclei", "msrc_cow", "convpaint")
"""Sets that count for the choice of the default; the others are shown beside them."""


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_rows(path: Path, rows: Iterable[Row]) -> list[Row]:
    """Write rows as they are measured, to a file beside `path` that takes its name at the end.

    A run that is cut short leaves its rows in that file, ending in ``.part``, for `read_rows`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    written = []
    with part.open("w") as file:
        for row in rows:
            print(json.dumps(row), file=file, flush=True)
            written.append(row)
    part.replace(path)
    return written


def per_image(rows: Iterable[Row]) -> dict[tuple[str, str], list[list[float]]]:
    """Return (set, recipe) -> for every image the IoU of each seed."""
    images: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        images[row["set"], row["recipe"]][row["image"]].append(row["iou"])
    return {key: list(seeds.values()) for key, seeds in images.items()}


def _mean(images: Sequence[Sequence[float]]) -> float:
    return float(np.mean([np.mean(seeds) for seeds in images]))


def table(rows: Sequence[Row], counted: Sequence[str] = ()) -> str:
    """Return a Markdown table: one line per recipe, one column per set, and what it gains on classical.

    The gain is on the best classical recipe *of each set*, which nobody can know beforehand.
    """
    images = per_image(rows)
    names = list(dict.fromkeys(name for name, _ in images))
    recipes = list(dict.fromkeys(recipe for _, recipe in images))
    means = {key: _mean(values) for key, values in images.items()}
    classical = [recipe for recipe in recipes if recipe.startswith("classical")]
    best = {name: max(means[name, recipe] for recipe in classical) for name in names if classical}
    counted = [name for name in counted if name in best]
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


def _cell(images: Sequence[Sequence[float]]) -> str:
    mean = f"{_mean(images):.3f}"
    if sum(map(len, images)) == 1:
        return mean
    low, high = interval(images)
    return f"{mean} ({low:.2f}-{high:.2f})"


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
