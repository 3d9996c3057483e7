"""What is known of a machine's speed, and what is made of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.backbones import backbone_info
from napari_vitrail.features import held_share, plan_features
from napari_vitrail.forecast import forecast_seconds, rest_of
from napari_vitrail.presets import PRESETS, preset, preset_of
from napari_vitrail.progress import drain
from napari_vitrail.spec import SEGMENTATION, FeatureSpec
from napari_vitrail.speed import MEMORY_SECONDS, Speeds, kind_of, shared_speeds
from napari_vitrail.store import FeatureStore

CLASSICAL = FeatureSpec(features="classical")


@pytest.fixture
def speeds():
    """Return a machine that needs a millisecond for a patch, two for a query, a microsecond for a pixel."""
    speeds = Speeds()
    for what, seconds in (("patch", 1e-3), ("query", 2e-3)):
        speeds.note(kind_of(what, SEGMENTATION.backbone, "cpu", "float32"), 1, seconds)
    speeds.note(rest_of(SEGMENTATION), 1_000_000, 1)
    return speeds


def test_speed_is_units_by_seconds():
    speeds = Speeds()
    assert speeds.is_empty
    assert speeds.seconds("sum", 3) is None
    speeds.note("sum", 100, 2.0)
    assert speeds.seconds("sum", 50) == pytest.approx(1.0)
    assert speeds.seconds("product", 0) == 0
    assert speeds.spent == 2.0


def test_a_machine_may_become_slower():
    speeds = Speeds()
    speeds.note("sum", 1000, MEMORY_SECONDS)
    for _ in range(10):
        speeds.note("sum", 100, MEMORY_SECONDS)
    assert speeds.seconds("sum", 100) == pytest.approx(MEMORY_SECONDS, rel=0.02)


def test_speeds_are_kept_from_session_to_session(tmp_path):
    path = tmp_path / "cache" / "speed.json"
    speeds = Speeds(path)
    speeds.note("sum", 100, 2.0)
    speeds.weights["net"] = "abc"
    speeds.save()
    again = Speeds(path)
    assert again.seconds("sum", 50) == pytest.approx(1.0)
    assert again.weights == {"net": "abc"}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"seconds": {"sum": 3}, "weights": {}}', '{"seconds": {"sum": [0, 0]}}']
)
def test_a_damaged_file_of_speeds_is_measured_anew(tmp_path, content):
    path = tmp_path / "speed.json"
    path.write_text(content)
    assert Speeds(path).seconds("sum", 1) is None


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path):
    (tmp_path / "file").write_text("")
    speeds = Speeds(tmp_path / "file" / "speed.json")
    speeds.note("sum", 1, 1)
    speeds.save()
    assert json.dumps(speeds.seconds("sum", 1)) == "1.0"


def test_nothing_is_forecast_of_an_unknown_machine():
    assert forecast_seconds((100, 100), SEGMENTATION, speeds=Speeds(), device="cpu") is None
    assert forecast_seconds((100, 100), CLASSICAL, speeds=Speeds(), device="cpu") is None


def test_a_forecast_adds_what_the_plan_asks_for(speeds):
    info = backbone_info(SEGMENTATION.backbone)
    plan = plan_features((140, 140), SEGMENTATION, info)
    assert plan.patches == 100
    expected = 0.1 + 2e-3 * plan.queries + 1e-6 * 140 * 140
    found = forecast_seconds((140, 140), SEGMENTATION, speeds=speeds, device="cpu")
    assert found == pytest.approx(expected)


def test_fast_asks_no_queries_and_fine_three_times_as_many_as_balanced(speeds):
    times = {
        name: forecast_seconds((140, 140), preset(name), speeds=speeds, device="cpu") for name in PRESETS
    }
    assert times["Fast"] == pytest.approx(0.1 + 0.0196)
    assert times["Fine"] / times["Balanced"] > 2


def test_the_plan_counts_the_patches_of_strided_passes():
    spec = replace(SEGMENTATION, sampling="strided", position_cure="none")
    assert plan_features((140, 140), spec, backbone_info(spec.backbone)).patches == 19 * 19


def test_what_the_store_holds_takes_no_time(speeds, default_named_backbone, monkeypatch):
    from napari_vitrail import extract_features

    info = default_named_backbone.info
    monkeypatch.setattr("napari_vitrail.forecast.backbone_info", lambda name: info)
    image = np.random.default_rng(0).integers(0, 255, (60, 150, 3), np.uint8)
    spec, store = replace(SEGMENTATION, tile=64, halo=16), FeatureStore()
    speeds.weights[spec.backbone] = info.weights.digest
    asked = {"image": image, "store": store, "speeds": speeds, "device": "cpu"}
    rest = 1e-6 * 60 * 150
    assert forecast_seconds(image.shape, spec, **asked) > 0.1 + rest
    extract_features(image, spec, backbone=default_named_backbone, store=store)
    assert forecast_seconds(image.shape, spec, **asked) == pytest.approx(rest)
    slow = Speeds()  # a process that has not seen the network work yet, and need not
    slow.note(rest_of(spec), 1_000_000, 1)
    slow.weights[spec.backbone] = info.weights.digest
    assert forecast_seconds(image.shape, spec, **asked | {"speeds": slow}) == pytest.approx(rest)


def test_the_share_that_is_held_grows_to_all(default_named_backbone):
    from napari_vitrail.features import vit_features_steps

    rgb = np.random.default_rng(0).random((60, 150, 3)).astype(np.float32)
    spec = replace(SEGMENTATION, features="vit", tile=64, halo=16, position_cure="none").on_device("cpu")
    store, info = FeatureStore(), default_named_backbone.info
    asked = (rgb, spec, info.patch_size, info.weights.digest, store)
    assert held_share(*asked) == 0
    left = (slice(0, 60), slice(0, 40))
    drain(vit_features_steps(rgb, spec, default_named_backbone, positions=left, store=store))
    assert held_share(*asked) < 1  # a tile of which a part is known counts as unknown
    drain(vit_features_steps(rgb, spec, default_named_backbone, store=store))
    assert held_share(*asked) == 1
    assert held_share(rgb[::-1], *asked[1:]) == 0


def test_work_of_a_network_is_taken_down(default_named_backbone):
    from napari_vitrail.features import vit_features_steps

    rgb = np.random.default_rng(0).random((48, 48, 3)).astype(np.float32)
    spec = replace(SEGMENTATION, features="vit", stride=4).on_device("cpu")
    drain(vit_features_steps(rgb, spec, default_named_backbone))
    name = default_named_backbone.info.name
    for what in ("patch", "query"):
        assert shared_speeds().seconds(kind_of(what, name, "cpu", "float32"), 1) > 0
    strided = replace(spec, sampling="strided", position_cure="none")
    drain(vit_features_steps(rgb, strided, default_named_backbone))
    assert shared_speeds().seconds(kind_of("strided patch", name, "cpu", "float32"), 1) > 0


@pytest.mark.parametrize("backbone", [SEGMENTATION.backbone, "vit_small_patch8_224.dino"])
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_recognised_whatever_the_backbone(name, backbone):
    spec = preset(name, backbone)
    assert spec.stride <= backbone_info(backbone).patch_size
    assert preset_of(spec) == name
    assert preset_of(replace(spec, flips="turn")) is None


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="name must be one of Fast, Balanced, Fine, got 'Best'"):
        preset("Best")


def test_balanced_is_the_default():
    assert preset("Balanced") == SEGMENTATION
