"""What features will take, said beforehand."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.memory import measured
from napari_vitrail import SEGMENTATION, list_backbones
from napari_vitrail.features import extract_features, plan_features

VIT = replace(SEGMENTATION, features="vit")
INFO = next(info for info in list_backbones() if info.name == VIT.backbone)


def test_a_small_image_is_one_tile_and_one_pass():
    plan = plan_features((518, 518, 3), VIT, INFO)
    assert (plan.tiles, plan.passes) == (1, 1)
    assert plan.queries == 75 * 75 - 37 * 37  # 74 cells of stride 7 and one more beyond the border


def test_views_are_passes_over_the_same_tiles():
    plan = plan_features((518, 518), replace(VIT, shifts="moore", flips="group"), INFO)
    assert (plan.tiles, plan.passes) == (1, 68)


def test_the_plan_follows_from_the_shape_alone():
    large = plan_features((4096, 4096), VIT, INFO)
    assert large.tiles == 100
    assert large == plan_features((4096, 4096, 3), VIT, INFO)


def test_classical_features_need_no_pass():
    plan = plan_features((100, 100), replace(VIT, features="classical"), INFO)
    assert (plan.tiles, plan.passes, plan.queries) == (0, 0, 0)
    assert plan.peak_bytes >= 100 * 100 * 58 * 4


def test_passes_and_queries_are_those_that_are_made(tiny_backbone, monkeypatch):
    made = {"context": 0, "query": 0}
    context, query = tiny_backbone.context, tiny_backbone.query

    def noted_context(*args, **options):
        made["context"] += 1
        return context(*args, **options)

    def noted_query(known, corners, **options):
        made["query"] += len(corners)
        return query(known, corners, **options)

    monkeypatch.setattr(tiny_backbone, "context", noted_context)
    monkeypatch.setattr(tiny_backbone, "query", noted_query)
    spec = replace(VIT, backbone="tiny", stride=4, tile=64, halo=16, flips="turn", shifts="neumann")
    extract_features(np.zeros((150, 97), np.uint8), spec, backbone=tiny_backbone)
    plan = plan_features((150, 97), spec, tiny_backbone.info)
    assert made["context"] == plan.passes
    assert made["query"] == plan.queries


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize(
    ("side", "changed"),
    [
        (518, {}),
        (518, {"sampling": "strided"}),
        (518, {"sampling": "strided", "shifts": "neumann", "batch": 5}),
        (1024, {}),
    ],
    ids=str,
)
def test_what_is_needed_at_the_peak_lies_within_a_quarter_of_the_plan(side, changed):
    spec = replace(VIT, **changed)
    planned = plan_features((side, side, 3), spec, INFO).peak_bytes
    assert measured(side, spec, hand_back=True) == pytest.approx(planned, rel=0.25)
