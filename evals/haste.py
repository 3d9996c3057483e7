"""What follows the brush beside what is learned at rest: the hasty and the thorough fit of live update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from evals.datasets import DENSE, Case
from evals.pages import Row
from evals.pairs import pair_table
from evals.scores import mean_iou
from evals.scribbles import predict_at, remembered, scored_pixels
from evals.strokes import draw_strokes
from napari_vitrail import FeatureSpec, PixelClassifier
from napari_vitrail.live import LiveSession
from napari_vitrail.progress import drain

FITS = ("hasty", "thorough")
FRACTION = 0.01
"""Of the pixels that are painted."""
LOOKED_AT = (slice(0, 64), slice(0, 64))
"""Of the image, while one paints: what is shown of it does not matter here."""


def haste_rows(names: Sequence[str], seeds: Sequence[int], spec: FeatureSpec, part: slice) -> Iterator[Row]:
    """Yield one row for each image, seed and fit."""
    for name in names:
        for case in islice(DENSE[name](), part.start, part.stop, part.step):
            features = remembered(case.image, spec)
            for seed in seeds:
                labels = draw_strokes(case.truth, FRACTION, seed)
                positions = scored_pixels(case.truth, labels)
                truth = case.truth[tuple(positions.T)]
                for fit, classifier in fits(case, labels, spec, seed).items():
                    found = predict_at(classifier, features, positions)
                    own = {"set": name, "image": case.name, "seed": seed, "fit": fit}
                    yield own | {"iou": round(mean_iou(truth, found), 4)}


def fits(case: Case, labels: NDArray[np.intp], spec: FeatureSpec, seed: int) -> dict[str, PixelClassifier]:
    """Return what one sees at rest, and what follows the next stroke, where that changes nothing."""
    session = LiveSession(spec, random_state=seed)
    thorough = drain(session.settle_steps([case.image], [labels]))
    hasty = drain(session.learn_steps([case.image], [labels], case.image, LOOKED_AT))
    return {"thorough": thorough, "hasty": hasty}


def haste_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the table: both fits, and what haste costs with the interval of that difference."""
    return f"`{command}`, weights: {weights}.\n\n{pair_table(rows, 'fit', FITS)}"
