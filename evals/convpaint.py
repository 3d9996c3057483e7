"""Segmentations by napari-convpaint beside ours: the same images, strokes and weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from evals.datasets import DENSE, Case
from evals.pages import Row
from evals.peers import Convpaint
from evals.scores import interval, mean_iou
from evals.scribbles import Recipe, remembered, score_image, scored_pixels
from evals.strokes import draw_strokes
from napari_vitrail import FeatureSpec

RECIPES = [Recipe("auto", None), Recipe("hybrid", None), Recipe("vit", None)]
PEER = "convpaint, dinov2"
PHOTOGRAPH, SUPERALLOYS = "photograph", "superalloys"
SETS = (PHOTOGRAPH, SUPERALLOYS)
N_SUPERALLOYS = 5


@dataclass(frozen=True)
class Strokes:
    """Where the strokes of a case come from.

    Attributes
    ----------
    name : str
        What the page says.
    fraction : float
        Of the image where they are drawn, of the person's strokes where those are thinned out.
    by_hand : bool
        Whether a person painted them.
    """

    name: str
    fraction: float
    by_hand: bool

    @property
    def is_random(self) -> bool:
        """Whether another seed gives other strokes."""
        return not self.by_hand or self.fraction < 1

    def on(self, case: Case, random_state: int) -> NDArray[np.intp]:
        """Return labels (H, W), 0 unlabelled."""
        if not self.by_hand:
            return draw_strokes(case.truth, self.fraction, random_state)
        return thinned(case.strokes, self.fraction, random_state) if self.is_random else case.strokes


STROKES = {
    PHOTOGRAPH: [
        Strokes("all of the person's", 1.0, by_hand=True),
        Strokes("1 % of the image, drawn", 0.01, by_hand=False),
        Strokes("0.25 % of the image, drawn", 0.0025, by_hand=False),
        Strokes("1 % of the person's pixels", 0.01, by_hand=True),
        Strokes("0.25 % of the person's pixels", 0.0025, by_hand=True),
    ],
    SUPERALLOYS: [Strokes("1 % of the image, drawn", 0.01, by_hand=False)],
}


def thinned(strokes: NDArray[np.intp], fraction: float, random_state: int) -> NDArray[np.intp]:
    """Return labels with a fraction of the painted pixels of each class, one at least, drawn evenly."""
    rng = np.random.default_rng(random_state)
    kept = np.zeros_like(strokes)
    for class_id in np.unique(strokes[strokes > 0]):
        own = np.flatnonzero(strokes == class_id)
        chosen = rng.choice(own, max(round(fraction * len(own)), 1), replace=False)
        kept.flat[chosen] = class_id
    return kept


def cases(name: str) -> list[Case]:
    """Return the images of a set: convpaint's own photograph, or the first superalloys of the SEM images."""
    if name == PHOTOGRAPH:
        return list(DENSE["convpaint"]())
    superalloys = (case for case in DENSE["nasa_sem"]() if case.name.startswith("super_"))
    return list(islice(superalloys, N_SUPERALLOYS))


def convpaint_rows(
    names: Sequence[str], seeds: Sequence[int], spec: FeatureSpec, part: slice, peer: Convpaint
) -> Iterator[Row]:
    """Yield one row for each image, kind of strokes, seed and recipe, convpaint's first; end the peer."""
    with peer:
        peer.check_weights()
        for name in names:
            for case in cases(name)[part]:
                for row in _case_rows(case, STROKES[name], seeds, spec, peer):
                    yield {"set": name} | row


def _case_rows(
    case: Case, kinds: Sequence[Strokes], seeds: Sequence[int], spec: FeatureSpec, peer: Convpaint
) -> Iterator[Row]:
    features = remembered(case.image, spec)
    for strokes in kinds:
        for seed in seeds if strokes.is_random else seeds[:1]:
            labels = strokes.on(case, seed)
            yield {"strokes": strokes.name} | _peers_row(case, labels, seed, peer)
            for row in score_image(case, features, labels, RECIPES, seed):
                yield {"strokes": strokes.name} | row


def _peers_row(case: Case, labels: NDArray[np.intp], seed: int, peer: Convpaint) -> Row:
    """Return the peer's score on the pixels that ours is scored on."""
    seconds = peer.train(case.image, labels)
    found, _ = peer.segment(case.image)
    positions = tuple(scored_pixels(case.truth, labels).T)
    iou = mean_iou(case.truth[positions], found[positions].astype(np.intp))
    return {
        "image": case.name, "recipe": PEER, "seed": seed, "iou": round(iou, 4),
        "fit_seconds": round(seconds, 2), "version": peer.about["convpaint"],
    }  # fmt: skip


def convpaint_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the table: both plugins, and what ours gains with the interval of that difference."""
    (version,) = {row["version"] for row in rows if row["recipe"] == PEER}
    ours = [str(recipe) for recipe in RECIPES]
    heads = ["image", "strokes", "runs", f"convpaint {version}", *ours, f"{ours[0]} - convpaint"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, strokes in dict.fromkeys((row["set"], row["strokes"]) for row in rows):
        own = [row for row in rows if (row["set"], row["strokes"]) == (name, strokes)]
        scores = {recipe: _scores(own, recipe) for recipe in (PEER, *ours)}
        gain = [np.subtract(*pair).tolist() for pair in zip(scores[ours[0]], scores[PEER], strict=True)]
        cells = [f"{np.mean([np.mean(seeds) for seeds in found]):.3f}" for found in scores.values()]
        title = name if len(gain) == 1 else f"{len(gain)} {name}"
        lines.append(f"| {title} | {strokes} | {sum(map(len, gain))} | {' | '.join(cells)} | {_gain(gain)} |")
    return "\n\n".join([f"`{command}`, weights: {weights}.", "\n".join(lines)])


def _scores(rows: Sequence[Row], recipe: str) -> list[list[float]]:
    """Return for every image the IoU of each seed."""
    images: dict[str, list[float]] = {}
    for row in rows:
        if row["recipe"] == recipe:
            images.setdefault(row["image"], []).append(row["iou"])
    return [images[image] for image in sorted(images)]


def _gain(images: Sequence[Sequence[float]]) -> str:
    mean = f"{np.mean([np.mean(seeds) for seeds in images]):+.3f}"
    if sum(map(len, images)) == 1:
        return mean
    low, high = interval(images)
    return f"{mean} ({low:+.3f} to {high:+.3f})"
