"""The ``.vitrail`` file: strokes and a trained classifier in a zip without any pickle, safe to open."""

from __future__ import annotations

import io
import re
import tokenize
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import skops.io
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from skops.io.exceptions import UntrustedTypesFoundException

from napari_vitrail.annotations import Annotations, annotations_of, write_described, written
from napari_vitrail.archive import ESTIMATOR, TENSORS, check_size, read_archive
from napari_vitrail.backbones import Weights, backbone_info
from napari_vitrail.classify import PixelClassifier
from napari_vitrail.errors import ProjectError
from napari_vitrail.estimators import ESTIMATORS, SAVED_TYPES
from napari_vitrail.features import Projection
from napari_vitrail.image import IntensityRange
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.trees import check_estimator, foreign_types

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

DAMAGE = (
    zipfile.BadZipFile, zlib.error, tokenize.TokenError, ArithmeticError, AttributeError, EOFError,
    ImportError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What skops and numpy raise at an estimator whose bytes are damaged."""

MISFIT = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    SafetensorError,
)
"""What is raised where the parts of a classifier are not what they should be."""

WEIGHT_SOURCES = ("hub", "offline", "file")
LARGEST_ID = 65535


@dataclass(frozen=True)
class Project:
    """What a ``.vitrail`` file holds.

    Attributes
    ----------
    annotations : Annotations
        Strokes on images, the classes, and what was to be learned.
    classifier : PixelClassifier or None
        What was learned.
    """

    annotations: Annotations = field(default_factory=Annotations)
    classifier: PixelClassifier | None = None


def save_project(path: str | os.PathLike[str], project: Project) -> None:
    """Write a project to a ``.vitrail`` file.

    Parameters
    ----------
    path : path
        Replaced as a whole, or left as it was.
    project : Project

    Raises
    ------
    ProjectError
        If it would not be loaded again: its estimator is of a type that is not saved, its parts do not
        fit together, or it is too large. Nothing is written then.
    """
    description, members = written(project.annotations, path)
    if project.classifier is not None:
        description["classifier"] = _description(project.classifier)
        members |= _classifier_members(path, project.classifier)
    write_described(path, description, members)


def load_project(path: str | os.PathLike[str]) -> Project:
    """Read a project from a ``.vitrail`` file, without running anything that it holds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ProjectError
        If it is damaged, newer than this version can read, holds types that are not on our list, or trees
        that would not be safe to follow. `load_annotations` reads the strokes all the same, where it is
        the classifier that is refused.
    """
    description, members = read_archive(path)
    annotations = annotations_of(description, members, path)
    return Project(annotations, _loaded_classifier(description, members, path))


def save_classifier(path: str | os.PathLike[str], classifier: PixelClassifier) -> None:
    """Write a classifier alone to a ``.vitrail`` file; `save_project` says how, and what is refused.

    Parameters
    ----------
    path : path
    classifier : PixelClassifier
    """
    save_project(path, Project(classifier=classifier))


def load_classifier(path: str | os.PathLike[str]) -> PixelClassifier:
    """Read the classifier in a ``.vitrail`` file, without running anything that it holds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ProjectError
        As `load_project`; or if the file holds strokes only.
    """
    classifier = _loaded_classifier(*read_archive(path), path)
    if classifier is None:
        raise ProjectError(
            f"{path} holds no classifier, only strokes: open it in napari, press Segment and save it again"
        )
    return classifier


def _classifier_members(path: str | os.PathLike[str], classifier: PixelClassifier) -> dict[str, bytes]:
    """Return the members that hold a classifier, or raise ProjectError if it could not be loaded again."""
    data = _dumped(classifier.estimator)
    try:
        _check_fit(classifier)
    except MISFIT as error:
        raise ProjectError(f"the classifier is not saved, as it could not be loaded: {error}") from error
    check_size(path, ESTIMATOR, _unpacked_size(data))
    return {ESTIMATOR: data, TENSORS: save_tensors(_tensors(classifier))}


def _loaded_classifier(
    description: Mapping[str, Any], members: Mapping[str, bytes], path: str | os.PathLike[str]
) -> PixelClassifier | None:
    try:
        if description["classifier"] is None:
            return None
        data, tensors = members[ESTIMATOR], members[TENSORS]
        check_size(path, ESTIMATOR, _unpacked_size(data))
    except (*MISFIT, *DAMAGE) as error:
        if isinstance(error, ProjectError):
            raise
        raise ProjectError(f"{path} is damaged: its classifier cannot be read: {error}") from error
    estimator = _loaded(data, path)
    try:
        return _classifier(description["classifier"], estimator, load_tensors(tensors))
    except MISFIT as error:
        raise ProjectError(f"{path} is damaged or not a classifier: {error}") from error


def _description(classifier: PixelClassifier) -> dict[str, Any]:
    return {
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
    weights = description["weights"]
    projection = None
    if spec.uses_vit:
        projection = Projection(tensors["projection.basis"], tensors["projection.offset"])
    check_estimator(estimator)
    classifier = PixelClassifier(
        estimator,
        spec,
        _intensity(description["intensity"]),
        projection,
        None if weights is None else Weights(**weights),
        {int(id_): name for id_, name in description["class_names"].items()},
        description["report"],
    )
    if not np.array_equal(classifier.classes_, tensors["classes"]):
        raise ValueError(f"its estimator knows classes {classifier.classes_}, not {tensors['classes']}")
    _check_fit(classifier)
    return classifier


def _intensity(description: dict[str, Any]) -> IntensityRange:
    """Return the range that a description holds; those of the first files know no further channels."""
    values = dict(description)
    named = [(name, _intensity(own)) for name, own in values.pop("extra", ())]
    names = [name for name, _ in named]
    if names != sorted(set(names)) or any(own.extra for _, own in named):
        raise ValueError(f"its extra channels must be names in order, got {names}")
    return IntensityRange(**{name: float(value) for name, value in values.items()}, extra=tuple(named))


def _check_fit(classifier: PixelClassifier) -> None:
    """Raise one of MISFIT where the parts of a classifier do not fit together."""
    _check_classes(classifier)
    if classifier.spec.features == "auto":
        raise ValueError("its features must be those that were chosen, not 'auto'")
    if classifier.spec.uses_vit:
        _check_vit(classifier)
    for own in (classifier.intensity, *(channel for _, channel in classifier.intensity.extra)):
        if not (np.isfinite([own.low, own.high]).all() and own.low <= own.high):
            raise ValueError(f"its grey values must be finite and in order, got {own.low} to {own.high}")
    expected = getattr(classifier.estimator, "n_features_in_", classifier.width)
    if expected != classifier.width:
        raise ValueError(f"its estimator takes {expected} features, its spec makes {classifier.width}")


def _check_classes(classifier: PixelClassifier) -> None:
    classes, names = classifier.classes_, classifier.class_names
    if classes.ndim != 1 or classes.dtype.kind not in "ui" or not len(classes):
        raise ValueError(f"its classes must be whole numbers, got {classes}")
    if classes.min() < 1 or classes.max() > LARGEST_ID or (np.diff(classes.astype(int)) < 1).any():
        raise ValueError(f"its classes must be 1 to {LARGEST_ID} in order, got {classes}")
    if not set(names) <= set(classes.tolist()) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError(f"its class names must be words for classes {classes}, got {names}")
    if not isinstance(classifier.report, str):
        raise ValueError(f"its report must be words, got {classifier.report!r}")


def _check_vit(classifier: PixelClassifier) -> None:
    """Raise ValueError where the spec, the projection and the weights are not those of one backbone."""
    spec, projection, weights = classifier.spec, classifier.projection, classifier.weights
    info = backbone_info(spec.backbone)
    if not -info.depth <= spec.layer < info.depth:
        raise ValueError(f"its layer must be one of the {info.depth} of {info.name}, got {spec.layer}")
    if projection is None or weights is None:
        raise ValueError(f"its {spec.features} features need a projection, and the backbone's weights named")
    if weights.source not in WEIGHT_SOURCES or not isinstance(weights.location, str):
        raise ValueError(f"its weights must come from {', '.join(WEIGHT_SOURCES)}, got {weights.source!r}")
    if not re.fullmatch("[0-9a-f]{64}", weights.digest):
        raise ValueError(f"its weights need a SHA-256 of 64 digits, got {weights.digest!r}")
    _check_projection(projection, info.width + (info.heads if spec.attention else 0))


def _check_projection(projection: Projection, width: int) -> None:
    basis, offset = projection.basis, projection.offset
    if basis.ndim != 2 or not basis.size or offset.shape != basis.shape[1:]:
        raise ValueError(
            f"its projection's basis {basis.shape} and offset {offset.shape} do not fit together"
        )
    if len(basis) != width:
        raise ValueError(f"its projection takes {len(basis)} features, its spec makes {width}")
    if not all(values.dtype == np.float32 and np.isfinite(values).all() for values in (basis, offset)):
        raise ValueError("its projection must hold finite float32 numbers")


def _dumped(estimator: Any) -> bytes:
    """Return an estimator in skops' format, or raise ProjectError naming the types that are refused."""
    data = skops.io.dumps(estimator)
    untrusted = set(skops.io.get_untrusted_types(data=data)) - set(SAVED_TYPES)
    refused = sorted(untrusted | set(foreign_types(estimator)))
    if refused:
        raise ProjectError(
            f"the estimator {type(estimator).__name__} holds types that are not saved, because opening "
            f"them would not be safe: {', '.join(refused)}; saved are the default (estimator=None) and "
            f"those with a name: {', '.join(ESTIMATORS)}"
        )
    return data


def _loaded(data: bytes, path: str | os.PathLike[str]) -> Any:
    try:
        return skops.io.loads(data, trusted=list(SAVED_TYPES))
    except UntrustedTypesFoundException as error:
        raise ProjectError(f"{path} holds types that are refused for safety: {error}") from error
    except DAMAGE as error:
        raise ProjectError(f"{path} is damaged: its classifier cannot be read: {error}") from error


def _unpacked_size(data: bytes) -> int:
    """Return the bytes that a zip, here the one in the zip, would take unpacked."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(member.file_size for member in archive.infolist())
