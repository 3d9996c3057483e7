"""Two ways beside each other: the score of both, and what one gains on the other, image by image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evals.pages import Row
from evals.scores import interval, interval_of_sets


def pair_table(rows: Sequence[Row], key: str, ways: tuple[str, str]) -> str:
    """Return a table of two values of a column, one line for each set, with the interval of the gain."""
    first, second = ways
    lines = [f"| set | images | {first} | {second} | {first} - {second} |", "|---|---|---|---|---|"]
    gains = []
    for name in dict.fromkeys(row["set"] for row in rows):
        scores = [_scores(rows, name, key, way) for way in ways]
        images = sorted(scores[0].keys() & scores[1].keys())
        one, other = ([own[image] for image in images] for own in scores)
        gain = [np.subtract(*pair).tolist() for pair in zip(one, other, strict=True)]
        gains.append(gain)
        lines.append(f"| {name} | {len(images)} | {_mean(one)} | {_mean(other)} | {_mean(gain, '+')} |")
    mean = np.mean([np.mean([np.mean(image) for image in gain]) for gain in gains])
    low, high = interval_of_sets(gains)
    return "\n".join([*lines, f"| mean of sets | | | | {mean:+.3f} ({low:+.3f} to {high:+.3f}) |"])


def _scores(rows: Sequence[Row], name: str, key: str, way: str) -> dict[str, list[float]]:
    """Return for every image of a set the IoU of each seed."""
    images: dict[str, list[float]] = {}
    for row in rows:
        if (row["set"], row[key]) == (name, way):
            images.setdefault(row["image"], []).append(row["iou"])
    return images


def _mean(images: Sequence[Sequence[float]], sign: str = "") -> str:
    mean = f"{np.mean([np.mean(seeds) for seeds in images]):{sign}.3f}"
    if sum(map(len, images)) == 1:
        return mean
    low, high = interval(images)
    return f"{mean} ({low:{sign}.3f} to {high:{sign}.3f})"
