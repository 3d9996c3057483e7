"""Labels of the first frame passed on through films and sections: how well they fit, and how it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import process_time
from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr

from evals.pages import Row
from evals.videos import DAVIS, VIDEOS, Labels, Video, boundary_score
from napari_vitrail import (
    DINO_PROPAGATION,
    PROPAGATION,
    FeatureStore,
    PropagationSpec,
    load_backbone,
    propagate_labels_steps,
    shared_store,
)
from napari_vitrail.backbones import Backbone

COPIED = "the first frame's labels, copied"
OURS = "ours"
DENSE = PROPAGATION.descriptor
PATCHES = replace(DENSE, stride=14)
"""The patch grid: a part of what dense queries see, so that it is computed once for both."""
STRIDED = replace(DENSE, sampling="strided")
RECIPES: dict[str, PropagationSpec | None] = {
    COPIED: None,
    "DINO protocol, patch grid": replace(DINO_PROPAGATION, descriptor=PATCHES),
    "DINO protocol, dense queries": replace(DINO_PROPAGATION, descriptor=DENSE),
    "DINO protocol, strided by half a patch": replace(DINO_PROPAGATION, descriptor=STRIDED),
    "ours, patch grid": replace(PROPAGATION, descriptor=PATCHES),
    "ours, unrefined": replace(PROPAGATION, refinement=None),
    OURS: PROPAGATION,
}
TIMED = 2
"""Frames after the first, of which the last one's cost is measured with nothing known beforehand."""


class Passed(NamedTuple):
    """A frame as a recipe labels it, how sure the recipe is of it, and processor seconds."""

    labels: Labels
    quality: float
    seconds: float


def propagate_rows(
    sets: Sequence[str], recipes: Sequence[str], names: Sequence[str], count: int | None
) -> Iterator[Row]:
    """Yield one row for each frame after the first and recipe, then one for the cost of each recipe.

    Parameters
    ----------
    sets : of `VIDEOS`
    recipes : of `RECIPES`
    names : of the films of a set; all if there are none
    count : int or None
        First frames of each film that are looked at; all where None.
    """
    backbone = load_backbone(DENSE.backbone)
    for name in sets:
        for whole in VIDEOS[name]():
            if names and whole.name not in names:
                continue
            video = whole.first(count)
            for recipe in recipes:
                yield from _scored(name, video, recipe, backbone)
    if DAVIS in sets:
        film = next(VIDEOS[DAVIS]()).first(1 + TIMED)
        for recipe in recipes:
            *_, last = _passed(film, recipe, backbone, store=None)  # before it, the first is looked at, too
            yield {"set": "cost", "recipe": recipe, "seconds": round(last.seconds, 2)}


def _scored(name: str, video: Video, recipe: str, backbone: Backbone) -> Iterator[Row]:
    passing = _passed(video, recipe, backbone, shared_store())
    for index, passed in enumerate(passing, start=1):
        truth = video.truth(index)
        yield {
            "set": name, "video": video.name, "recipe": recipe, "frame": index,
            "j": round(video.region(passed.labels, truth), 4),
            "f": round(boundary_score(passed.labels, truth), 4),
            "quality": round(passed.quality, 4),
        }  # fmt: skip


def _passed(video: Video, recipe: str, backbone: Backbone, store: FeatureStore | None) -> Iterator[Passed]:
    """Yield the frames after the first as a recipe labels them."""
    spec, given = RECIPES[recipe], video.truth(0)
    if spec is None:
        for _ in range(1, len(video)):
            yield Passed(given, 1.0, 0.0)
        return
    steps = propagate_labels_steps(video, {0: given}, spec, backbone=backbone, store=store)
    start = process_time()
    for frame in (progress.so_far for progress in steps if progress.so_far is not None):
        if not frame.is_given:
            yield Passed(frame.labels, frame.quality, process_time() - start)
        start = process_time()


def propagate_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables: films, sections, and how well quality tells good frames from bad ones."""
    parts = [f"`{command}`, weights: {weights}."]
    seconds = {row["recipe"]: row["seconds"] for row in rows if row["set"] == "cost"}
    for name in (name for name in VIDEOS if any(row["set"] == name for row in rows)):
        own = [row for row in rows if row["set"] == name]
        if name == DAVIS:
            for last in _spans(own):
                seen = [row for row in own if row["frame"] <= last <= _last(own, row["recipe"])]
                parts += [f"### Films (davis16), frames 1 to {last}", _film_table(seen, seconds)]
            parts += ["### What the curve of quality says of J (davis16)", _quality_table(own)]
        else:
            parts += [f"### Sections ({name})", _section_table(own)]
    return "\n\n".join(parts)


def _spans(rows: Sequence[Row]) -> list[int]:
    """Return the frames that recipes have got to, the last one first: slow ones are cut short."""
    return sorted({_last(rows, row["recipe"]) for row in rows}, reverse=True)


def _last(rows: Sequence[Row], recipe: str) -> int:
    return max(row["frame"] for row in rows if row["recipe"] == recipe)


def _film_table(rows: Sequence[Row], seconds: dict[str, float]) -> str:
    """Return J of each film, means over films of J and F, the last quarter's J, and the cost."""
    films = list(dict.fromkeys(row["video"] for row in rows))
    counts = [max(row["frame"] for row in rows if row["video"] == film) for film in films]
    named = [f"{film} ({count})" for film, count in zip(films, counts, strict=True)]
    heads = [*named, "J mean", "F mean", "J, last quarter", "CPU s a frame"]
    lines = [f"| recipe | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        groups = [_of(rows, film, recipe) for film in films]
        js = [_mean(group, "j") for group in groups]
        late = [_mean(group[-max(len(group) // 4, 1) :], "j") for group in groups]
        means = [*js, np.mean(js), np.mean([_mean(group, "f") for group in groups]), np.mean(late)]
        cost = f"{seconds[recipe]:.1f}" if recipe in seconds else ""
        lines.append(f"| {recipe} | {' | '.join(map(_shown, means))} | {cost} |")
    return "\n".join(lines)


def _section_table(rows: Sequence[Row]) -> str:
    """Return J, with F in brackets, section by section."""
    frames = sorted({row["frame"] for row in rows})
    lines = [f"| recipe | {' | '.join(f'section {frame}' for frame in frames)} |"]
    lines.append("|---|" + "---|" * len(frames))
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        own = {row["frame"]: row for row in rows if row["recipe"] == recipe}
        cells = [f"{own[frame]['j']:.3f} ({own[frame]['f']:.3f})" for frame in frames]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _quality_table(rows: Sequence[Row]) -> str:
    """Return how the quality of a frame goes with its J: rank correlation over the frames of each film."""
    films = list(dict.fromkeys(row["video"] for row in rows))
    lines = [f"| rank correlation | {' | '.join(films)} | mean |", "|---|" + "---|" * (len(films) + 1)]
    whole = _spans(rows)[0]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        if recipe == COPIED or _last(rows, recipe) < whole:  # few frames of a film hardly differ
            continue
        own = [_correlation(_of(rows, film, recipe)) for film in films]
        lines.append(f"| {recipe} | {' | '.join(_shown(value, 2) for value in [*own, np.mean(own)])} |")
    return "\n".join(lines)


def _correlation(rows: Sequence[Row]) -> float:
    """Return the rank correlation of quality and J; 0 where either never changes, NaN without rows."""
    if not rows:
        return float("nan")
    columns = [[row[name] for row in rows] for name in ("quality", "j")]
    if any(len(set(column)) < 2 for column in columns):
        return 0.0
    return float(spearmanr(*columns).statistic)


def _of(rows: Sequence[Row], film: str, recipe: str) -> list[Row]:
    return [row for row in rows if (row["video"], row["recipe"]) == (film, recipe)]


def _shown(value: float, digits: int = 3) -> str:
    """Return a number, or nothing where a recipe has not seen all that it is the mean of."""
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def _mean(rows: Sequence[Row], score: str) -> float:
    return float(np.mean([row[score] for row in rows])) if rows else float("nan")
