"""What is wanted of every image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_vitrail.objects import OBJECTS, ObjectsSpec

if TYPE_CHECKING:
    from napari_vitrail.refinement import Refinement


@dataclass(frozen=True)
class ObjectsWanted:
    """What is wanted of every image.

    Attributes
    ----------
    spec : ObjectsSpec
        How objects are found, and at which cut.
    refinement : GrabCut, DenseCRF or None
        That moves borders to where colours change; None for none.
    random_state : int
        Of k-means.
    """

    spec: ObjectsSpec = OBJECTS
    refinement: Refinement | None = None
    random_state: int = 0
