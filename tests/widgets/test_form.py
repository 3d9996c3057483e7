"""The form shows a spec and gives it back."""

from __future__ import annotations

from dataclasses import fields

import pytest

from napari_vitrail.backbones import backbone_info, list_backbones
from napari_vitrail.spec import DOCHERTY_SEGMENTATION, SEGMENTATION, FeatureSpec
from napari_vitrail.widgets._form import SpecForm, backbone_title


@pytest.mark.parametrize("spec", [SEGMENTATION, DOCHERTY_SEGMENTATION], ids=["ours", "published"])
def test_form_gives_back_the_spec_it_shows(qtbot, spec):
    assert SpecForm(spec, on_change=list).spec == spec


def test_every_field_is_explained():
    assert set(FeatureSpec.field_help()) == {field.name for field in fields(FeatureSpec)}


def test_fields_described_together_are_explained_alike():
    help_ = FeatureSpec.field_help()
    assert help_["tile"] == help_["halo"]
    assert "`" not in help_["tile"]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("vit_small_patch14_dinov2.lvd142m", "DINOv2 S/14"),
        ("vit_giant_patch14_reg4_dinov2.lvd142m", "DINOv2 g/14, registers"),
        ("vit_small_plus_patch16_dinov3.lvd1689m", "DINOv3 S+/16"),
        ("vit_base_patch8_224.dino", "DINO B/8"),
        ("deit3_small_patch16_224.fb_in1k", "DeiT III S/16"),
    ],
)
def test_backbones_have_names_for_people(name, title):
    assert backbone_title(backbone_info(name)) == title


def test_no_two_backbones_share_a_name():
    titles = [backbone_title(info) for info in list_backbones()]
    assert len(set(titles)) == len(titles)
