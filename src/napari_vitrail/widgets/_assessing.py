"""The work behind the page of trust: from layers' arrays to what held-out strokes say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_vitrail.progress import Progress, Steps, part_of
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.widgets._planes import Painted, arrays_of

if TYPE_CHECKING:
    from napari_vitrail.trust import Ablation, Comparison, Trust


def assess_steps(
    painted: Steps[list[Painted]], spec: FeatureSpec, estimator: str | None, names: dict[int, str]
) -> Steps[tuple[Trust, list[Painted]]]:
    """Yield Progress and what is known so far; return it all, and the images and strokes it is about."""
    from napari_vitrail.store import shared_store  # loads torch
    from napari_vitrail.trust import assess_steps

    pairs = yield from painted
    steps = assess_steps(
        *arrays_of(pairs), spec, estimator=estimator, class_names=names, store=shared_store()
    )
    return (yield from steps), pairs


def ablate_steps(trust: Trust, group: str) -> Steps[Ablation]:
    """Yield Progress; return what held-out strokes say without a group of features."""
    from napari_vitrail.trust import ablation_steps

    return (yield from ablation_steps(trust.held_out, group))


def compare_steps(trust: Trust, pairs: list[Painted], estimators: tuple[str, ...]) -> Steps[Comparison]:
    """Yield Progress; return what held-out strokes say of every feature set."""
    from napari_vitrail.store import shared_store
    from napari_vitrail.trust import compare_steps, painted_rows_steps

    rows = trust.held_out.rows
    if rows.vit is None or rows.classical is None:
        spec = replace(rows.spec, features="auto")
        steps = painted_rows_steps(
            *arrays_of(pairs), spec, class_names=rows.class_names, store=shared_store()
        )
        rows = yield from part_of(steps, 0, 2)
        return (yield from part_of(compare_steps(rows, estimators), 1, 2))
    yield Progress(0, 1, "strokes held out")
    return (yield from compare_steps(rows, estimators, known=trust.held_out))
