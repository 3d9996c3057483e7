"""What smoothing and the dense CRF do to the smallest class, with and without keeping its structures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected

from evals.datasets import DENSE, PAINTED, Case
from evals.pages import Row
from evals.scores import interval, mean_iou
from evals.strokes import draw_strokes
from napari_vitrail import (
    DenseCRF,
    FeatureSpec,
    Smoothing,
    class_probabilities,
    drain,
    fit_classifier,
    refine,
)
from napari_vitrail.refinement import Refinement

SUPERALLOY = "superalloy"
"""The image whose strokes a person painted; in all other sets strokes are drawn."""
FRACTION = 0.01
"""Of the pixels that are painted."""
SPECK_PIXELS = 12
"""A connected piece of fewer pixels counts as a speck."""
WAYS: dict[str, Refinement] = {
    "Gaussian, 2 px": Smoothing(2),
    "Gaussian, 3 px": Smoothing(3),
    "dense CRF": DenseCRF(),
}
ALONE, KEPT = "alone", "structures kept"


def cleanup_rows(names: Sequence[str], seeds: Sequence[int], spec: FeatureSpec, part: slice) -> Iterator[Row]:
    """Yield one row for each image, seed and way to clean up, and one for doing nothing."""
    for name in names:
        cases = PAINTED[name]() if name == SUPERALLOY else DENSE[name]()
        for case in islice(cases, part.start, part.stop, part.step):
            for seed in seeds[:1] if name == SUPERALLOY else seeds:
                drawn = case.strokes if name == SUPERALLOY else draw_strokes(case.truth, FRACTION, seed)
                for row in case_rows(case, drawn, spec, seed):
                    yield {"set": name, "image": case.name, "seed": seed} | row


def case_rows(case: Case, strokes: NDArray[np.intp], spec: FeatureSpec, seed: int) -> Iterator[Row]:
    """Yield the rows of one image, learned from its own strokes and scored where there are none."""
    classifier = fit_classifier([case.image], [strokes], spec, random_state=seed)
    probabilities = class_probabilities(case.image, classifier)
    truth = np.where(strokes > 0, 0, case.truth)
    ids = classifier.classes_
    yield {"way": "nothing", "kept": ALONE} | scores(truth, ids[probabilities.argmax(axis=0)])
    for title, way in WAYS.items():
        alone = ids[drain(way.refined_steps(probabilities, case.image)).argmax(axis=0)]
        kept = refine(probabilities, way, image=case.image, classes=ids)
        yield {"way": title, "kept": ALONE} | scores(truth, alone)
        yield {"way": title, "kept": KEPT} | scores(truth, kept)


def scores(truth: NDArray[np.intp], found: NDArray[np.intp]) -> Row:
    """Return the IoU of the class with the smallest area, the mean IoU and the number of specks."""
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    smallest = ids[areas.argmin()]
    own, its = truth == smallest, (found == smallest) & (truth > 0)
    return {
        "smallest": round(float((own & its).sum() / (own | its).sum()), 4),
        "iou": round(mean_iou(truth, found), 4),
        "specks": count_specks(found),
    }


def count_specks(found: NDArray[np.intp]) -> int:
    """Return how many connected pieces of a segmentation have fewer than `SPECK_PIXELS` pixels."""
    areas = np.bincount(connected(found, background=-1, connectivity=1).ravel())[1:]
    return int((areas < SPECK_PIXELS).sum())


def cleanup_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return a table for the superalloy image, and one for all sets."""
    parts = [f"`{command}`, weights: {weights}."]
    own = [row for row in rows if row["set"] == SUPERALLOY]
    others = [row for row in rows if row["set"] != SUPERALLOY]
    if own:
        parts += ["### The superalloy image, strokes of a person", _table(own)]
    if others:
        parts += [f"### Strokes on {FRACTION:.0%} of the pixels", _table(others)]
    return "\n\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(row["set"] for row in rows))
    many = len(rows) > len({(row["way"], row["kept"]) for row in rows})
    heads = [f"{name}: smallest" for name in names] + ["least kept" if many else "kept", "mean IoU", "specks"]
    lines = [f"| clean-up | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    before = _by_image(rows, "nothing", ALONE)
    for way, kept in dict.fromkeys((row["way"], row["kept"]) for row in rows):
        own = _by_image(rows, way, kept)
        cells = [_smallest(own, name) for name in names]
        share = min(own[key]["smallest"] / before[key]["smallest"] for key in own if before[key]["smallest"])
        gain = np.mean([own[key]["iou"] - before[key]["iou"] for key in own])
        specks = sum(row["specks"] for row in own.values()) / sum(row["specks"] for row in before.values())
        title = way if way == "nothing" else f"{way}, {kept}"
        lines.append(f"| {title} | {' | '.join(cells)} | {share:.2f} | {gain:+.3f} | {specks:.0%} |")
    return "\n".join(lines)


def _by_image(rows: Sequence[Row], way: str, kept: str) -> dict[tuple[str, str, int], Row]:
    chosen = [row for row in rows if (row["way"], row["kept"]) == (way, kept)]
    return {(row["set"], row["image"], row["seed"]): row for row in chosen}


def _smallest(rows: dict[tuple[str, str, int], Row], name: str) -> str:
    """Return the mean IoU of the smallest class over the images of a set."""
    images: dict[str, list[float]] = {}
    for (of, image, _), row in rows.items():
        if of == name:
            images.setdefault(image, []).append(row["smallest"])
    mean = f"{np.mean([np.mean(seeds) for seeds in images.values()]):.3f}"
    if sum(map(len, images.values())) == 1:
        return mean
    low, high = interval(list(images.values()))
    return f"{mean} ({low:.2f}-{high:.2f})"
