"""How far a classifier can be trusted that is trained on given strokes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_vitrail.progress import Progress, drain, part_of
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.trust._advice import Advice, advice, first_words
from napari_vitrail.trust._curve import LearningCurve, curve_steps
from napari_vitrail.trust._held_out import HeldOut, held_out_steps
from napari_vitrail.trust._importance import Importance, importance_steps
from napari_vitrail.trust._rows import PaintedRows, painted_rows_steps

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from napari_vitrail.backbones import Backbone
    from napari_vitrail.features import TokenStore
    from napari_vitrail.image import LayeredImage
    from napari_vitrail.progress import Steps


@dataclass(frozen=True)
class Trust:
    """What strokes that were held out say of a classifier.

    Attributes
    ----------
    held_out : HeldOut
        Predictions for strokes that were not trained on, and what follows from them: ``accuracy``,
        ``interval``, ``by_stroke`` and ``by_pixel``, each a `Confusion` with ``iou`` and ``recall``.
    advice : tuple of Advice
        Of each class, the one that needs paint most first.
    importance : tuple of Importance
        What each group of features contributes; empty as long as it is not known.
    curve : LearningCurve or None
        Accuracy for more and more strokes; None as long as it is not known.
    """

    held_out: HeldOut
    advice: tuple[Advice, ...]
    importance: tuple[Importance, ...] = ()
    curve: LearningCurve | None = None

    @property
    def summary(self) -> str:
        """Accuracy, its bounds and which class needs more paint, in two sentences."""
        low, high = self.held_out.interval
        n_strokes, n_fits = len(self.held_out.strokes), len(self.held_out.fitted)
        right = f"{self.held_out.accuracy:.0%} right on held-out strokes ({low:.0%} to {high:.0%}; "
        right += f"{n_strokes} strokes, {n_fits} fits)."
        return f"{right} {first_words(self.held_out, self.advice)}"

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain values for JSON; what is not known is null."""
        held_out, rows = self.held_out, self.held_out.rows
        return {
            "spec": rows.spec.to_dict(),
            "estimator": None if held_out.estimator is None else str(held_out.estimator),
            "classes": {str(id_): rows.class_names[int(id_)] for id_ in rows.classes},
            "strokes_held_out": len(held_out.strokes),
            "fits": len(held_out.fitted),
            "accuracy": held_out.accuracy,
            "accuracy_interval": list(held_out.interval),
            "mean_iou": held_out.by_stroke.mean_iou,
            "iou": _known(held_out.by_stroke.iou),
            "recall": _known(held_out.by_stroke.recall),
            "precision": _known(held_out.by_stroke.precision),
            "confusion_strokes": held_out.by_stroke.counts.tolist(),
            "confusion_pixels": held_out.by_pixel.counts.tolist(),
            "pixel_accuracy": held_out.by_pixel.accuracy,
            "importance": {
                own.group: {"loss": own.loss, "interval": own.interval} for own in self.importance
            },
            "learning_curve": None if self.curve is None else self.curve.to_dict(),
            "advice": [own.sentence for own in self.advice],
            "summary": self.summary,
        }


def trust_steps(rows: PaintedRows, estimator: Any = None, random_state: int = 0) -> Steps[Trust]:
    """Yield Progress; return what held-out strokes say, from features that are at hand. See `assess`.

    What is known so far comes with the progress: the accuracy long before the learning curve.
    """
    held_out = yield from part_of(held_out_steps(rows, estimator, random_state), 0, 3)
    trust = Trust(held_out, advice(held_out))
    yield Progress(1, 3, "groups of features", trust)
    importance = yield from part_of(importance_steps(held_out, random_state), 1, 3)
    trust = replace(trust, importance=importance)
    yield Progress(2, 3, "fewer strokes", trust)
    curve = yield from part_of(curve_steps(held_out, random_state), 2, 3)
    return replace(trust, curve=curve)


def assess_steps(
    images: Sequence[ArrayLike | LayeredImage],
    labels: Sequence[ArrayLike],
    spec: FeatureSpec = SEGMENTATION,
    *,
    estimator: Any = None,
    class_names: Mapping[int, str] | None = None,
    backbone: Backbone | None = None,
    weights: str | os.PathLike[str] = "auto",
    device: str = "auto",
    store: TokenStore | None = None,
    random_state: int = 0,
) -> Steps[Trust]:
    """Yield Progress; return what `assess` returns."""
    features = painted_rows_steps(
        images, labels, spec,
        class_names=class_names, backbone=backbone, weights=weights, device=device, store=store,
        random_state=random_state,
    )  # fmt: skip
    rows = yield from part_of(features, 0, 4)
    return (yield from part_of(trust_steps(rows, estimator, random_state), 1, 4))


def assess(
    images: Sequence[ArrayLike | LayeredImage],
    labels: Sequence[ArrayLike],
    spec: FeatureSpec = SEGMENTATION,
    *,
    estimator: Any = None,
    class_names: Mapping[int, str] | None = None,
    backbone: Backbone | None = None,
    weights: str | os.PathLike[str] = "auto",
    device: str = "auto",
    store: TokenStore | None = None,
    random_state: int = 0,
) -> Trust:
    """Find out how far a classifier can be trusted that `fit_classifier` would train on the same strokes.

    Whole strokes are left out, a classifier is trained on the others and predicts them. No pixel is ever
    scored by a classifier that was trained on its stroke.

    Parameters
    ----------
    images, labels, spec, estimator, class_names, backbone, weights, device, store, random_state
        See `fit_classifier`. Of a class at most some thousand pixels are used, of every stroke its share.

    Returns
    -------
    trust : Trust

    Raises
    ------
    ValueError
        If fewer than two classes are painted, or none of them has two strokes.
    BackboneUnavailable
        If no source has the backbone's weights.
    """
    return drain(
        assess_steps(
            images, labels, spec,
            estimator=estimator, class_names=class_names, backbone=backbone, weights=weights,
            device=device, store=store, random_state=random_state,
        )
    )  # fmt: skip


def _known(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
