"""Which class needs more paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_vitrail.trust._confusion import Confusion
    from napari_vitrail.trust._held_out import HeldOut

WELL_KNOWN = 0.95
"""Intersection over union from which on a class needs no more paint."""
MENTIONED = 0.05
"""Share of a class that is taken for another and worth a word."""


@dataclass(frozen=True)
class Advice:
    """What another stroke of a class would bring.

    Attributes
    ----------
    class_id : int
    gain : float
        Intersection over union that another stroke may bring; infinite where nothing is known yet.
    sentence : str
        What held-out strokes say of the class, for people.
    """

    class_id: int
    gain: float
    sentence: str


def advice(held_out: HeldOut) -> tuple[Advice, ...]:
    """Return what to say of each class; the one that needs paint most comes first.

    Errors fall roughly with the square root of the number of independent examples, and these are strokes.
    So another stroke of a class that has n takes ``1 - sqrt(n / (n + 1))`` off what is missing of its
    intersection over union. A class of a single stroke comes before all others: nothing is known of it.
    """
    found = held_out.by_stroke
    strokes = [int(np.count_nonzero(held_out.rows.stroke_ids == id_)) for id_ in held_out.rows.classes]
    names = [held_out.rows.class_names[int(id_)] for id_ in held_out.rows.classes]
    said = []
    for index, id_ in enumerate(held_out.rows.classes):
        if np.isnan(found.iou[index]):
            unknown = f"{names[index]}: not judged, with a single stroke. Paint a second one elsewhere."
            said.append(Advice(int(id_), np.inf, unknown))
            continue
        gain = (1 - found.iou[index]) * (1 - np.sqrt(strokes[index] / (strokes[index] + 1)))
        said.append(Advice(int(id_), float(gain), _sentence(found, index, strokes[index], names)))
    return tuple(sorted(said, key=lambda own: -own.gain))


def first_words(held_out: HeldOut, said: tuple[Advice, ...]) -> str:
    """Return the sentence on the class that needs paint most."""
    first = said[0]
    index = int(np.searchsorted(held_out.rows.classes, first.class_id))
    if held_out.by_stroke.iou[index] >= WELL_KNOWN:
        return "No class stands out; every one is known well."
    name = held_out.rows.class_names[first.class_id]
    return f"{name} needs more paint: {first.sentence.partition(': ')[2]}"


def _sentence(found: Confusion, index: int, strokes: int, names: list[str]) -> str:
    parts = [f"{found.recall[index]:.0%} of it found"]
    row, taken = found.rows[index].copy(), found.counts[:, index].copy()
    row[index] = taken[index] = 0
    if row.max() >= MENTIONED:
        parts.append(f"{row.max():.0%} taken for {names[int(row.argmax())]}")
    share = taken.max() / max(found.counts[:, index].sum(), 1e-9)
    if share >= MENTIONED:
        parts.append(f"{share:.0%} of what is called so is {names[int(taken.argmax())]}")
    return f"{names[index]}: {', '.join(parts)}; {strokes} strokes, IoU {found.iou[index]:.2f}."
