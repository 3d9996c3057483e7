"""How objects were found: what an earlier run is told from another by, image by image."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_vitrail.files import identity, write_json
from napari_vitrail.objectfiles._record import FileFound, FoundPlane
from napari_vitrail.provenance import settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_vitrail.backbones import BackboneInfo
    from napari_vitrail.objectfiles._plan import ObjectFiles
    from napari_vitrail.objectfiles._wanted import ObjectsWanted
    from napari_vitrail.reading import Reading


@dataclass(frozen=True)
class Settings:
    """All that the results of an image depend on, but for the image.

    Attributes
    ----------
    told : dict
        In plain values.
    """

    told: dict[str, Any]

    @classmethod
    def of(cls, wanted: ObjectsWanted, reading: Reading, backbone: BackboneInfo) -> Settings:
        """Return those of what is wanted."""
        others = {"random_state": wanted.random_state, "refinement": str(wanted.refinement)}
        how = type(wanted.spec.how).__name__
        return cls(settings_of(wanted.spec, reading, backbone, how=how, **others))

    @property
    def digest(self) -> str:
        """By which records of an image tell that they were made in this way."""
        return hashlib.sha256(json.dumps(self.told, sort_keys=True).encode()).hexdigest()

    def write(self, path: Path) -> None:
        """Write them down for people."""
        write_json(path, self.told, indent=1)

    def write_record(self, files: ObjectFiles, number: int, found: FileFound) -> None:
        """Write what was found in an image; last of all, so that what is said to be there is there."""
        told = {
            **identity(found.image),
            "settings": self.digest,
            "planes": [plane.plain() for plane in found.planes],
        }
        write_json(files.record(number), told)

    def earlier(self, files: ObjectFiles, number: int) -> FileFound | None:
        """Return what an earlier run found in an image in this way, if all it wrote of it is there.

        Raises
        ------
        OSError
            If there is no such image.
        ValueError
            If the record is damaged.
        """
        image, record = files.images[number], files.record(number)
        if not record.exists():
            return None
        try:
            told = json.loads(record.read_text(encoding="utf-8"))
            same = {**identity(image), "settings": self.digest}
            if any(told[name] != value for name, value in same.items()):
                return None
            planes = tuple(FoundPlane.of_plain(plane) for plane in told["planes"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{record} must be of vitrail objects, and is not: remove it") from error
        is_stack = self.told["reading"]["stack"]
        overlays = [files.overlay(number, plane.plane if is_stack else None) for plane in planes]
        results = [files.labels(number), files.mask(number), *overlays]
        return FileFound(image, (), planes) if all(path.exists() for path in results) else None
