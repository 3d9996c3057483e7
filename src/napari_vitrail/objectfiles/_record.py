"""What was found in an image, as it is said in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class FoundClass(NamedTuple):
    """A class of an image.

    Attributes
    ----------
    id : int
        In the labels.
    is_object : bool
        Or else ground.
    area : int, pixels
    share : float, 0 to 1
        Of the image.
    looked : float
        How many times more than the mean pixel the network looks at one of the class.
    name : str
        That a person has given it; empty where nobody has.
    """

    id: int
    is_object: bool
    area: int
    share: float
    looked: float
    name: str = ""


class FoundBox(NamedTuple):
    """A box of a connected part of a class, or of all objects together.

    Attributes
    ----------
    class_id : int
        Whose part it is; 0 is all objects together.
    corners : (int, int, int, int), pixels
        Half-open rows and columns ``(y0, x0, y1, x1)``.
    area : int, pixels
        Of the part.
    score : float
        How many times more than the mean pixel those of the part are looked at.
    runs : tuple of int, pixels
        The part in its image, column by column: how many pixels are not of it, how many then are, and so on.
    status : str
        What a person thinks of it; empty where nobody was asked.
    """

    class_id: int
    corners: tuple[int, int, int, int]
    area: int
    score: float
    runs: tuple[int, ...]
    status: str = ""


class FoundPlane(NamedTuple):
    """What was found in an image, or in a plane of a stack.

    Attributes
    ----------
    plane : int or None
        Counted from 0 through all axes that count planes; None where the image is no stack.
    shape : (H, W)
    classes : tuple of FoundClass
    boxes : tuple of FoundBox
    """

    plane: int | None
    shape: tuple[int, int]
    classes: tuple[FoundClass, ...]
    boxes: tuple[FoundBox, ...]

    @property
    def names(self) -> dict[int, str]:
        """What classes are called that have a name."""
        return {each.id: each.name for each in self.classes if each.name}

    @property
    def share(self) -> float:
        """Of the image that is of objects."""
        return sum(each.share for each in self.classes if each.is_object)

    def plain(self) -> dict[str, Any]:
        """Return this in plain values, see `of_plain`."""
        return {
            "plane": self.plane,
            "shape": self.shape,
            "classes": [each._asdict() for each in self.classes],
            "boxes": [each._asdict() for each in self.boxes],
        }

    @classmethod
    def of_plain(cls, told: dict[str, Any]) -> FoundPlane:
        """Return what `plain` was made of."""
        boxes = [
            FoundBox(**(box | {"corners": tuple(box["corners"]), "runs": tuple(box["runs"])}))
            for box in told["boxes"]
        ]
        classes = tuple(FoundClass(**each) for each in told["classes"])
        return cls(told["plane"], tuple(told["shape"]), classes, tuple(boxes))


class FileFound(NamedTuple):
    """What came of an image file.

    Attributes
    ----------
    image : Path
    written : tuple of Path
        Empty where nothing could be found, or an earlier run had written it all.
    planes : tuple of FoundPlane
        One, but for stacks.
    error : str
        What went wrong; empty where nothing did.
    """

    image: Path
    written: tuple[Path, ...] = ()
    planes: tuple[FoundPlane, ...] = ()
    error: str = ""
