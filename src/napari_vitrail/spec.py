"""What to compute: one frozen, hashable description of dense features, and the presets."""

# The annotations are read at run time: magicgui builds the widgets' forms from them.
import hashlib
import inspect
import json
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any, Literal, get_args, get_origin

Features = Literal["auto", "hybrid", "vit", "classical"]
Estimator = Literal["logistic", "forest", "trees", "boosting", "mlp", "ridge"]
"""Classifiers that can be asked for by name, see `napari_vitrail.estimators`."""
Facet = Literal["token_norm", "token", "key", "query", "value"]

DEFAULT_BACKBONE = "vit_small_patch14_dinov2.lvd142m"


@dataclass(frozen=True)
class FeatureSpec:
    """Which dense features to compute; hashable, and the same on every machine.

    Attributes
    ----------
    features : {"auto", "hybrid", "vit", "classical"}
        Classical filters, ViT features, both, or whichever combination the strokes favour.
    backbone : str
        Name of a registered backbone, see `napari_vitrail.list_backbones`.
    layer : int
        Block whose features are taken, from 0; negative numbers count from the last.
    facet : {"token_norm", "token", "key", "query", "value"}
        Block output after (``token_norm``) or before (``token``) the final LayerNorm, or the block's
        key, query or value projections.
    sampling : {"queries", "strided"}
        Dense queries (see docs/explanation), or the overlapping patches of both papers.
    stride : int, pixels
        Distance between neighbouring tokens; need not divide the patch size.
    shifts : {"none", "neumann", "moore"}
        Average over copies shifted to 4 (von Neumann) or 8 (Moore) directions (Docherty et al. 2024).
    shift_distance : int, pixels
        Shifts by 1, 2, ... ``shift_distance`` pixels in each direction.
    flips : {"none", "turn", "paper", "group"}
        Average over flipped copies: identity and both ways, which is half a turn (``turn``); identity,
        horizontal, identity, vertical (``paper``); or identity, horizontal, vertical and both (``group``).
    batch : int
        Copies of a strided average that pass the network together, which changes results by rounding only.
        A GPU is better filled by several; halved where memory does not suffice.
    position_cure : {"none", "blank"}
        Remove the directions in which the features of a blank image vary: they tell where a token is.
    border : {"reflect", "wrap"}
        What a shifted copy shows where the image ends. ``wrap`` is the papers' code, for parity; it needs
        ``sampling="strided"``.
    attention : bool
        Append the last block's CLS attention, one channel per head.
    placement : {"centre", "stretch"}
        Tokens at the true centres of their patches, or stretched over the image as in the papers' code.
    interpolation : {"bilinear", "nearest"}
        How features between token centres are made.
    fit : {"pad", "crop"}
        What happens to a remainder that fills no patch: reflected padding, or a centre crop.
    magnification : float
        The ViT sees the image enlarged by this factor, so that small structures span more patches.
    tile, halo : int, pixels of the enlarged image
        Larger images are seen in square tiles that overlap by at least ``halo`` and are blended there.
        They are part of the answer because a ViT sees its whole tile.
    dtype : {"auto", "float32", "bfloat16", "float16"}
        Of the network's matrix products; ``auto`` is half precision (``float16``) on a GPU and ``float32``
        on a CPU. ``bfloat16`` is about three times as fast on CPUs with matrix units and slower on others.
    intensity : {"auto", "percentile", "dtype"}
        Grey values 0 to 1 are: 0 to 255 for uint8 and the 0.1 and 99.9 percentiles else; always the
        percentiles; or the range of the data type. Fitted values live in the classifier.
    contrast : {"image", "fitted"}
        The ViT sees every image stretched to its own 0.5 and 99.5 percentiles, so that exposures may
        differ; or on the grey values of the training images, as the classical features always do.
    n_components : int
        Principal components of the ViT features that a forest, or a classifier asked for by name, sees;
        0 takes the features as they are. The linear model of ``auto`` and ``vit`` always sees them all.
    """

    features: Features = "auto"
    backbone: str = DEFAULT_BACKBONE
    layer: Annotated[int, {"min": -40, "max": 39}] = -1
    facet: Facet = "token_norm"
    sampling: Literal["queries", "strided"] = "queries"
    stride: Annotated[int, {"min": 1, "max": 16}] = 7
    shifts: Literal["none", "neumann", "moore"] = "none"
    shift_distance: Annotated[int, {"min": 1, "max": 15}] = 2
    flips: Literal["none", "turn", "paper", "group"] = "none"
    batch: Annotated[int, {"min": 1, "max": 256}] = 1
    position_cure: Literal["none", "blank"] = "none"
    border: Literal["reflect", "wrap"] = "reflect"
    attention: bool = False
    placement: Literal["centre", "stretch"] = "centre"
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    fit: Literal["pad", "crop"] = "pad"
    magnification: Annotated[float, {"min": 0.25, "max": 4.0}] = 1.0
    tile: Annotated[int, {"min": 64, "max": 4096}] = 518
    halo: Annotated[int, {"min": 0, "max": 512}] = 112
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    intensity: Literal["auto", "percentile", "dtype"] = "auto"
    contrast: Literal["image", "fitted"] = "image"
    n_components: Annotated[int, {"min": 0, "max": 4096}] = 16

    def __post_init__(self) -> None:
        for item in fields(self):
            _check(item.name, item.type, getattr(self, item.name))
        object.__setattr__(self, "magnification", float(self.magnification))  # 2 and 2.0: one digest
        if self.halo > self.tile // 2:
            raise ValueError(f"halo must be at most half the tile ({self.tile // 2}), got {self.halo}")
        published = {"placement": "stretch", "fit": "crop", "border": "wrap"}
        if self.sampling == "queries":
            for name, value in published.items():
                if getattr(self, name) == value:
                    raise ValueError(
                        "sampling='queries' asks tokens at their true centres everywhere in the image; "
                        f"{name}={value!r} needs sampling='strided'"
                    )
            if self.batch > 1:
                raise ValueError(
                    "batch is for the copies of sampling='strided'; dense queries are asked as many at a "
                    f"time as the device takes: batch must be 1, got {self.batch}"
                )

    @property
    def averages(self) -> bool:
        """Whether features are averaged over shifted or flipped copies."""
        return self.shifts != "none" or self.flips != "none"

    def on_device(self, device: str) -> "FeatureSpec":
        """Return this spec with the precision that ``auto`` means on a device.

        Raises
        ------
        ValueError
            If the device cannot compute in the precision asked for.
        """
        if self.dtype == "auto":
            return replace(self, dtype="float32" if device == "cpu" else "float16")
        if (self.dtype, device) == ("float16", "cpu"):
            raise ValueError("dtype='float16' needs a GPU; use 'bfloat16' or 'float32' on the CPU")
        return self

    @property
    def uses_vit(self) -> bool:
        """Whether a backbone is needed at all."""
        return self.features != "classical"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "FeatureSpec":
        """Return the spec of `to_dict`; an unknown field is an error, never ignored."""
        known = {item.name for item in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown fields of a feature spec: {', '.join(unknown)}")
        return cls(**values)

    @classmethod
    def field_help(cls) -> dict[str, str]:
        """Return what the docstring says about each field, for forms and the command line."""
        entries = re.findall(
            r"^(\w[\w, ]*) : .*\n((?: +.*(?:\n|$))+)", inspect.getdoc(cls) or "", re.MULTILINE
        )
        return {
            name: " ".join(text.split()).replace("`", "")
            for names, text in entries
            for name in names.split(", ")
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: equal specs have equal digests on every machine."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _check(name: str, annotation: Any, value: Any) -> None:
    """Raise ValueError where a field's value is not what its annotation allows."""
    if get_origin(annotation) is Literal:
        if value not in get_args(annotation):
            allowed = ", ".join(map(repr, get_args(annotation)))
            raise ValueError(f"{name} must be one of {allowed}, got {value!r}")
        return
    kind, bounds = annotation, {}
    if get_origin(annotation) is Annotated:
        kind, bounds = get_args(annotation)
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} must be of type {kind.__name__}, got {value!r}")
    if bounds and not bounds["min"] <= value <= bounds["max"]:
        raise ValueError(f"{name} must be {bounds['min']} to {bounds['max']}, got {value!r}")


SEGMENTATION = FeatureSpec(position_cure="blank")
"""Pixel classification: the winner of ``python -m evals scribbles`` and ``position`` (docs/evals.md)."""

DOCHERTY_SEGMENTATION = FeatureSpec(
    features="hybrid",
    backbone="vit_small_patch14_reg4_dinov2.lvd142m",
    sampling="strided",
    stride=4,
    shifts="moore",
    shift_distance=2,
    border="wrap",
    placement="stretch",
    interpolation="nearest",
    fit="crop",
    tile=4096,
    contrast="fitted",
    n_components=0,
)
"""Features for weakly supervised segmentation as published: Docherty et al. (2024), Algorithm 1.

Without flips, as in their tool; their classifier for hybrid features is ``estimator="logistic"``.
"""
