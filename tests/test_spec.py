import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from napari_vitrail import spec as spec_module
from napari_vitrail.spec import FeatureSpec

PRESETS = {name: value for name, value in vars(spec_module).items() if isinstance(value, FeatureSpec)}
OTHERS = {
    "features": "vit", "backbone": "vit_base_patch8_224.dino", "layer": 3, "facet": "key",
    "sampling": "strided", "stride": 5, "batch": 3, "shifts": "moore", "shift_distance": 3, "flips": "group",
    "border": "wrap", "attention": True, "magnification": 3.0, "tile": 600, "halo": 7,
    "intensity": "dtype", "n_components": 9, "interpolation": "nearest",
    "placement": "stretch", "fit": "crop", "contrast": "fitted", "position_cure": "blank",
    "dtype": "bfloat16",
}  # fmt: skip
NEEDS_STRIDED = ("placement", "fit", "border", "batch")
STRIDED = FeatureSpec(sampling="strided")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    preset = PRESETS[name]
    assert FeatureSpec.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset


def test_every_field_has_another_value_here():
    assert set(OTHERS) == {item.name for item in fields(FeatureSpec)}


@pytest.mark.parametrize("name", OTHERS)
def test_every_field_changes_the_digest_and_survives_json(name):
    spec = STRIDED if name in NEEDS_STRIDED else FeatureSpec()
    varied = replace(spec, **{name: OTHERS[name]})
    assert varied.digest != spec.digest
    assert FeatureSpec.from_dict(json.loads(json.dumps(varied.to_dict()))) == varied


def test_only_our_own_preset_is_cured_of_position():
    cured = [name for name, preset in PRESETS.items() if preset.position_cure != "none"]
    assert cured == ["SEGMENTATION"]


def test_equal_specs_have_equal_digests_and_hashes():
    whole, decimal = FeatureSpec(magnification=2), FeatureSpec(magnification=2.0)
    assert whole == decimal
    assert hash(whole) == hash(decimal)
    assert whole.digest == decimal.digest


def test_digest_is_the_same_in_another_process():
    code = "from napari_vitrail.spec import FeatureSpec; print(FeatureSpec(stride=5).digest)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == FeatureSpec(stride=5).digest


def test_spec_is_frozen():
    with pytest.raises(FrozenInstanceError):
        FeatureSpec().stride = 3


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("features", "deep", "'auto', 'hybrid', 'vit', 'classical'"),
        ("backbone", 3, "of type str"),
        ("layer", 40, "-40 to 39"),
        ("layer", "last", "of type int"),
        ("facet", "cls", "'token_norm', 'token', 'key', 'query', 'value'"),
        ("sampling", "dense", "'queries', 'strided'"),
        ("stride", 0, "1 to 16"),
        ("stride", 3.5, "of type int"),
        ("stride", True, "of type int"),
        ("stride", None, "of type int"),
        ("shifts", "all", "'none', 'neumann', 'moore'"),
        ("shift_distance", 0, "1 to 15"),
        ("flips", "horizontal", "'none', 'turn', 'paper', 'group'"),
        ("position_cure", "grey", "'none', 'blank'"),
        ("border", "zero", "'reflect', 'wrap'"),
        ("attention", 1, "of type bool"),
        ("placement", "corner", "'centre', 'stretch'"),
        ("interpolation", "cubic", "'bilinear', 'nearest'"),
        ("fit", "resize", "'pad', 'crop'"),
        ("magnification", 0.0, "0.25 to 4.0"),
        ("magnification", float("nan"), "0.25 to 4.0"),
        ("magnification", True, "of type float"),
        ("tile", 63, "64 to 4096"),
        ("halo", -1, "0 to 512"),
        ("intensity", "minmax", "'auto', 'percentile', 'dtype'"),
        ("n_components", -1, "0 to 4096"),
    ],
)
def test_an_invalid_field_is_named_with_what_is_allowed(field, value, allowed):
    with pytest.raises(ValueError, match=rf"^{field} must be .*{allowed}, got "):
        FeatureSpec(**{field: value})


def test_halo_must_be_smaller_than_the_tile():
    with pytest.raises(ValueError, match=r"halo must be at most half the tile \(50\), got 100"):
        FeatureSpec(tile=100, halo=100)


@pytest.mark.parametrize("choice", [{"placement": "stretch"}, {"fit": "crop"}], ids=str)
def test_queries_refuse_what_only_strided_sampling_can_do(choice):
    with pytest.raises(ValueError, match=f"{next(iter(choice))}='{next(iter(choice.values()))}'"):
        FeatureSpec(sampling="queries", **choice)
    assert FeatureSpec(sampling="strided", **choice)


def test_queries_refuse_a_batch_of_copies():
    with pytest.raises(ValueError, match="batch must be 1, got 4"):
        FeatureSpec(batch=4)
    assert FeatureSpec(sampling="strided", batch=4)


def test_unknown_fields_are_refused_and_named():
    with pytest.raises(ValueError, match="unknown fields of a feature spec: colour, strid"):
        FeatureSpec.from_dict({"strid": 4, "colour": 1})


def test_only_shifts_and_flips_average():
    assert not FeatureSpec().averages
    assert FeatureSpec(shifts="moore").averages
    assert FeatureSpec(flips="paper").averages


@pytest.mark.parametrize("features", ["auto", "hybrid", "vit", "classical"])
def test_only_classical_features_need_no_backbone(features):
    assert FeatureSpec(features=features).uses_vit == (features != "classical")


def test_numbers_of_numpy_are_refused_or_kept_out_of_the_json():
    spec = FeatureSpec(magnification=np.float64(2.0))
    assert spec.digest == FeatureSpec(magnification=2.0).digest
