"""What the parts that were found count as: their labels, their names, and which of them are background."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

MOST_PARTS = 254
"""Labels of parts, and one for the background, are bytes."""


@dataclass(frozen=True)
class Naming:
    """Which label each part that was found has, and what the labels are called; edited by making another.

    Attributes
    ----------
    labels : tuple of int
        Of the parts 1, 2, ... as they were found: parts that were merged share a label, 0 is none.
    names : mapping of int to str
        Of the labels that were renamed.
    background : frozenset of int
        Parts, as they were found, that are background rather than unknown.
    """

    labels: tuple[int, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    background: frozenset[int] = frozenset()

    @classmethod
    def fresh(cls, count: int) -> Naming:
        """Return what some parts count as before anybody has said anything."""
        return cls(tuple(range(1, count + 1)))

    @property
    def kept(self) -> list[int]:
        """The labels that there are, ascending."""
        return sorted(set(self.labels) - {0})

    @property
    def background_label(self) -> int:
        """A label that no part has: for the background, where that is a class of its own."""
        return len(self.labels) + 1

    def name(self, label: int) -> str:
        """Return what a label is called."""
        return self.names.get(label, "object" if len(self.labels) == 1 else f"part {label}")

    def all_names(self) -> dict[int, str]:
        """Return what every label is called."""
        return {label: self.name(label) for label in self.kept}

    def renamed(self, label: int, name: str) -> Naming:
        """Return the same with a label called otherwise; an empty name gives it its first one back."""
        others = {own: text for own, text in self.names.items() if own != label}
        return replace(self, names={**others, label: name} if name else others)

    def merged(self, labels: Collection[int]) -> Naming:
        """Return the same with some labels as one, the smallest; a name given to any of them stays."""
        kept = min(labels)
        given = [self.names[label] for label in sorted(labels) if label in self.names]
        joined = replace(self, labels=tuple(kept if own in labels else own for own in self.labels))
        return joined.renamed(kept, given[0]) if given else joined

    def deleted(self, labels: Collection[int]) -> Naming:
        """Return the same without some labels: nothing is said of what they were."""
        return replace(self, labels=tuple(0 if own in labels else own for own in self.labels))

    def as_background(self, labels: Collection[int]) -> Naming:
        """Return the same without some labels, which are background like all that no part is."""
        parts = {part for part, own in enumerate(self.labels, start=1) if own in labels}
        return replace(self.deleted(labels), background=self.background | parts)

    def applied(self, found: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Return the label of each pixel (H, W) of parts as they were found, 0 where there is none."""
        return np.array([0, *self.labels], np.uint8)[found]

    def with_background(self, found: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Return the same, the background with a label of its own; 0 is left to parts that were deleted."""
        own = [
            self.background_label if part in self.background else label
            for part, label in enumerate(self.labels, start=1)
        ]
        return np.array([self.background_label, *own], np.uint8)[found]
