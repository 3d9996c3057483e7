"""The ``.vitrail`` file: a trained classifier in a zip without any pickle, safe to open."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import tokenize
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from skops.io.exceptions import UntrustedTypesFoundException

from napari_vitrail.backbones import Weights
from napari_vitrail.classify import PixelClassifier
from napari_vitrail.errors import ProjectError
from napari_vitrail.estimators import SAVED_TYPES
from napari_vitrail.features import Projection
from napari_vitrail.files import written_aside
from napari_vitrail.image import IntensityRange
from napari_vitrail.spec import FeatureSpec

FORMAT_VERSION = 1
LARGEST_MEMBER = 2**30
"""Bytes that a member may unpack to; a forest of 200 trees is some 50 MB."""

DAMAGE = (
    zipfile.BadZipFile, zlib.error, tokenize.TokenError, EOFError, AttributeError, ImportError, LookupError,
    MemoryError, OSError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What skops and numpy raise at an estimator whose bytes are damaged."""

DESCRIPTION, ESTIMATOR, TENSORS = "project.json", "classifier.skops", "tensors.safetensors"


def save_classifier(path: str | os.PathLike[str], classifier: PixelClassifier) -> None:
    """Write a classifier to a ``.vitrail`` file.

    Parameters
    ----------
    path : path
        Replaced as a whole, or left as it was.
    classifier : PixelClassifier

    Raises
    ------
    ProjectError
        If its estimator is of a type that would not be loaded again; the message lists what is.
    """
    members = {
        DESCRIPTION: json.dumps(_description(classifier), indent=2).encode(),
        ESTIMATOR: _dumped(classifier.estimator),
        TENSORS: save_tensors(_tensors(classifier)),
    }
    with written_aside(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def load_classifier(path: str | os.PathLike[str]) -> PixelClassifier:
    """Read a classifier from a ``.vitrail`` file, without running anything that it holds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ProjectError
        If it is damaged, newer than this version can read, or holds types that are not on our list.
    """
    members = _members(Path(path))
    try:
        description = json.loads(members[DESCRIPTION])
        version = description["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ProjectError(f"{path} is damaged: its {DESCRIPTION} cannot be read: {error}") from error
    if version != FORMAT_VERSION:
        raise ProjectError(
            f"{path} has format version {version}, and this napari-vitrail reads {FORMAT_VERSION}; "
            "update napari-vitrail"
        )
    estimator = _loaded(members[ESTIMATOR], path)
    try:
        return _classifier(description, estimator, load_tensors(members[TENSORS]))
    except (AttributeError, LookupError, TypeError, ValueError, SafetensorError) as error:
        raise ProjectError(f"{path} is damaged or not a classifier: {error}") from error


def _description(classifier: PixelClassifier) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "napari_vitrail": importlib.metadata.version("napari-vitrail"),
        "spec": classifier.spec.to_dict(),
        "intensity": asdict(classifier.intensity),
        "weights": None if classifier.weights is None else asdict(classifier.weights),
        "class_names": {str(id_): name for id_, name in classifier.class_names.items()},
        "report": classifier.report,
    }


def _tensors(classifier: PixelClassifier) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {"classes": classifier.classes_.astype(np.int64)}
    if classifier.projection is not None:
        tensors["projection.offset"] = classifier.projection.offset
        tensors["projection.basis"] = classifier.projection.basis
    return tensors


def _classifier(
    description: dict[str, Any], estimator: Any, tensors: dict[str, np.ndarray]
) -> PixelClassifier:
    spec = FeatureSpec.from_dict(description["spec"])
    projection = None
    if spec.uses_vit:
        projection = Projection(tensors["projection.basis"], tensors["projection.offset"])
        if projection.basis.ndim != 2 or projection.offset.shape != projection.basis.shape[1:]:
            raise ValueError("its projection's basis and offset do not fit together")
    weights = description["weights"]
    classifier = PixelClassifier(
        estimator,
        spec,
        IntensityRange(**{name: float(value) for name, value in description["intensity"].items()}),
        projection,
        None if weights is None else Weights(**weights),
        {int(id_): name for id_, name in description["class_names"].items()},
        description["report"],
    )
    if not np.array_equal(classifier.classes_, tensors["classes"]):
        raise ValueError(f"its estimator knows classes {classifier.classes_}, not {tensors['classes']}")
    expected = getattr(estimator, "n_features_in_", classifier.width)
    if expected != classifier.width:
        raise ValueError(f"its estimator takes {expected} features, its spec makes {classifier.width}")
    return classifier


def _dumped(estimator: Any) -> bytes:
    """Return an estimator in skops' format, or raise ProjectError naming the types that are refused."""
    data = skops.io.dumps(estimator)
    refused = sorted(set(skops.io.get_untrusted_types(data=data)) - set(SAVED_TYPES))
    if refused:
        raise ProjectError(
            f"the estimator {type(estimator).__name__} holds types that are not saved, because opening "
            f"them would not be safe: {', '.join(refused)}; use one of scikit-learn's own classifiers"
        )
    return data


def _loaded(data: bytes, path: str | os.PathLike[str]) -> Any:
    try:
        return skops.io.loads(data, trusted=list(SAVED_TYPES))
    except UntrustedTypesFoundException as error:
        raise ProjectError(f"{path} holds types that are refused for safety: {error}") from error
    except DAMAGE as error:
        raise ProjectError(f"{path} is damaged: its classifier cannot be read: {error}") from error


def _members(path: Path) -> dict[str, bytes]:
    """Read the members we know, in memory, after a look at their sizes; nothing is unpacked to disk."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: _member(archive, name) for name in (DESCRIPTION, ESTIMATOR, TENSORS)}
        with zipfile.ZipFile(io.BytesIO(members[ESTIMATOR])) as inner:  # a zip in the zip
            _check_size(path, ESTIMATOR, sum(member.file_size for member in inner.infolist()))
        return members
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
        raise ProjectError(f"{path} is not a .vitrail file, or is damaged: {error}") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member's bytes, never more than it says it has, and not if that is too much."""
    size = archive.getinfo(name).file_size
    _check_size(Path(str(archive.filename)), name, size)
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ProjectError(f"{archive.filename} is refused: {name} is packed in a way we never use")
    with archive.open(name) as member:
        buffer = io.BytesIO(member.read(size + 1))
    if buffer.getbuffer().nbytes != size:
        raise ProjectError(f"{archive.filename} is damaged: {name} is not as long as it says")
    return buffer.getvalue()


def _check_size(path: Path, name: str, size: int) -> None:
    if size > LARGEST_MEMBER:
        raise ProjectError(f"{path} is refused: {name} would take {size} bytes")
