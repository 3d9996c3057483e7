"""Dense queries beside the strided passes of both papers: the same image, strokes, stride and classifiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evals.pages import Row
from evals.pairs import pair_table
from evals.scribbles import Recipe, dense_rows
from napari_vitrail import FeatureSpec

SAMPLINGS = ("queries", "strided")
FRACTION = 0.01
"""Of the pixels that are painted."""
RECIPES = [Recipe("vit", None), Recipe("auto", None)]


def sampling_rows(
    names: Sequence[str], seeds: Sequence[int], spec: FeatureSpec, part: slice
) -> Iterator[Row]:
    """Yield one row for each image, seed, recipe and sampling; position is cured in neither."""
    for name in names:
        for sampling in SAMPLINGS:
            own = replace(spec, sampling=sampling, position_cure="none")
            for row in dense_rows([name], [FRACTION], seeds, own, RECIPES, part):
                yield row | {"sampling": sampling, "stride": spec.stride}


def sampling_section(rows: Sequence[Row], command: str, weights: str) -> str:
    """Return the tables: both samplings, and what queries gain with the interval of that difference."""
    parts = [f"`{command}`, weights: {weights}."]
    for stride in sorted({row["stride"] for row in rows}):
        for recipe in map(str, RECIPES):
            own = [row for row in rows if (row["recipe"], row["stride"]) == (recipe, stride)]
            if own:
                parts += [f"### Stride {stride}, {recipe}", pair_table(own, "sampling", SAMPLINGS)]
    return "\n\n".join(parts)
