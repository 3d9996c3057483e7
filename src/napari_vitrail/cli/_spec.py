"""An option for every field of FeatureSpec; and of others those that were given."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from typing import Annotated, Any, Literal, get_args, get_origin

from napari_vitrail.spec import SEGMENTATION, FeatureSpec


def add_spec(parser: argparse.ArgumentParser) -> None:
    """Add an option for every field of FeatureSpec."""
    group = parser.add_argument_group("features")
    described = FeatureSpec.field_help()
    for item in fields(FeatureSpec):
        default = getattr(SEGMENTATION, item.name)
        help_ = f"{described.get(item.name, '')} Default: {default}."
        group.add_argument(
            f"--{item.name.replace('_', '-')}",
            default=argparse.SUPPRESS,  # what is not given is left to the project, if there is one
            help=help_.strip().replace("%", "%%"),
            **_argument_of(item.type),
        )


def _argument_of(annotation: Any) -> dict[str, Any]:
    """Return what argparse needs to know of a field's type."""
    if get_origin(annotation) is Literal:
        return {"choices": get_args(annotation)}
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    kind = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return {"type": kind, "metavar": kind.__name__.upper()}


def spec_of(options: argparse.Namespace, base: FeatureSpec = SEGMENTATION) -> FeatureSpec:
    """Return the spec that the options of ``train`` and ``features`` describe; else `base`."""
    own = {
        item.name: getattr(options, item.name) for item in fields(FeatureSpec) if hasattr(options, item.name)
    }
    return replace(base, **own)


def given(**values: Any) -> dict[str, Any]:
    """Return the values that were given."""
    return {name: value for name, value in values.items() if value is not None}
