import re
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_vitrail import report
from napari_vitrail.backbones import Weights, backbone_info
from napari_vitrail.demo import Comparison, Outcome, Score
from napari_vitrail.report import write_report
from napari_vitrail.samples import Sample
from napari_vitrail.spec import FeatureSpec


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (30, 40)) * (rng.random((30, 40)) < 0.1)
    image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return Sample(image, labels, np.roll(labels, 7), {1: "cells <b>", 2: "rest"})


@pytest.fixture
def outcome():
    segmentation = np.ones((30, 40), np.uint8)
    return Outcome(FeatureSpec("vit"), segmentation, Score(0.75, {1: 0.5}), "forest", 1.25, 2.5)


@pytest.fixture
def backbone():
    info = backbone_info("vit_small_patch14_dinov2.lvd142m")
    return replace(info, weights=Weights("hub", "a hub", "0123abcd"))


def test_report_needs_no_other_file(tmp_path, sample, outcome, backbone):
    page = write_report(tmp_path, sample, Comparison(1.5, [outcome]), backbone).read_text("utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert len(sources) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)


def test_report_says_what_came_out_and_what_made_it(tmp_path, sample, outcome, backbone):
    page = write_report(tmp_path, sample, Comparison(1.5, [outcome]), backbone).read_text("utf-8")
    for fact in ("0.750", "0.500", "1.2 s", "2.5 s", "forest", "a hub", "0123abcd", "stride=7"):
        assert fact in page


def test_class_names_are_text_in_the_report(tmp_path, sample, outcome, backbone):
    page = write_report(tmp_path, sample, Comparison(1.5, [outcome]), backbone).read_text("utf-8")
    assert "cells &lt;b&gt;" in page
    assert "<b>" not in page


def test_files_hold_the_segmentation_and_its_overlay(tmp_path, sample, outcome, backbone):
    write_report(tmp_path / "new", sample, Comparison(1.5, [outcome]), backbone)
    found = tifffile.imread(tmp_path / "new" / "vit_segmentation.tif")
    np.testing.assert_array_equal(found, outcome.segmentation)
    assert iio.imread(tmp_path / "new" / "vit_overlay.png").shape == (30, 40, 3)
    assert {path.name for path in (tmp_path / "new").iterdir()} <= set(report.output_names())


def test_outcome_without_score_has_dashes(tmp_path, sample, outcome, backbone):
    page = write_report(
        tmp_path, sample, Comparison(1.5, [replace(outcome, score=None)]), backbone
    ).read_text("utf-8")
    assert page.count("<td>–</td>") == 4


def test_large_pictures_are_reduced_inside_the_report(tmp_path, sample, outcome, backbone, monkeypatch):
    whole = write_report(tmp_path, sample, Comparison(1.5, [outcome]), backbone).stat().st_size
    monkeypatch.setattr(report, "LARGEST_SIDE", 10)
    assert write_report(tmp_path, sample, Comparison(1.5, [outcome]), backbone).stat().st_size < whole
