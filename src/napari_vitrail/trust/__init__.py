"""How far a classifier can be trusted: what strokes say that it was not trained on."""

from napari_vitrail.trust._advice import Advice, advice
from napari_vitrail.trust._assess import Trust, assess, assess_steps, trust_steps
from napari_vitrail.trust._compare import Candidate, Comparison, compare_steps
from napari_vitrail.trust._confusion import Confusion, confusion, interval
from napari_vitrail.trust._curve import LearningCurve, curve_steps
from napari_vitrail.trust._groups import group_of
from napari_vitrail.trust._held_out import NEVER, HeldOut, held_out_steps
from napari_vitrail.trust._importance import Ablation, Importance, ablation_steps, importance_steps
from napari_vitrail.trust._rows import PaintedRows, painted_rows_steps

__all__ = [
    "NEVER",
    "Ablation",
    "Advice",
    "Candidate",
    "Comparison",
    "Confusion",
    "HeldOut",
    "Importance",
    "LearningCurve",
    "PaintedRows",
    "Trust",
    "ablation_steps",
    "advice",
    "assess",
    "assess_steps",
    "compare_steps",
    "confusion",
    "curve_steps",
    "group_of",
    "held_out_steps",
    "importance_steps",
    "interval",
    "painted_rows_steps",
    "trust_steps",
]
