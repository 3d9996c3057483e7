"""The description of how places are matched."""

from dataclasses import replace

import pytest

from napari_vitrail import AMIR_MATCHING, MATCHING, FeatureSpec, MatchingSpec


def test_the_default_is_the_winner_of_the_evaluation():
    assert (MATCHING.descriptor.layer, MATCHING.descriptor.facet, MATCHING.descriptor.stride) == (
        11,
        "key",
        7,
    )
    assert MATCHING.bins == 2
    assert hash(MATCHING) == hash(MatchingSpec())


def test_the_published_recipe_is_that_of_the_paper():
    own = AMIR_MATCHING.descriptor
    assert (own.backbone, own.layer, own.facet, own.stride) == ("vit_small_patch8_224.dino", 9, "key", 4)
    assert (AMIR_MATCHING.bins, AMIR_MATCHING.side, AMIR_MATCHING.guide) == (2, 224, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"descriptor": FeatureSpec()}, "descriptor must have features='vit', got 'auto'"),
        ({"side": 16}, "side must be 64 to 2048 pixels, got 16"),
        ({"bins": -1}, "bins must be at least 0"),
        ({"window": 0}, "window must be above 0"),
        ({"guide": (9, "tokens")}, "facet must be one of"),
        ({"fine": (90, "token")}, "layer must be -40 to 39"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(MATCHING, **changes)


@pytest.mark.parametrize(
    "changes", [{"shifts": "moore"}, {"flips": "turn"}, {"position_cure": "blank"}, {"magnification": 2.0}]
)
def test_an_option_that_queries_would_ignore_is_refused(changes):
    with pytest.raises(ValueError, match=f"descriptor must have {next(iter(changes))}="):
        MatchingSpec(replace(MATCHING.descriptor, **changes))


def test_overlapping_patches_have_neither_guide_nor_fine_layer():
    strided = replace(MATCHING.descriptor, sampling="strided")
    with pytest.raises(ValueError, match="guide needs a descriptor with sampling='queries'; set it to None"):
        MatchingSpec(strided)
    assert not MatchingSpec(strided, guide=None, fine=None).uses_queries


@pytest.mark.parametrize(
    ("name", "layers", "stride"),
    [
        ("vit_small_patch14_dinov2.lvd142m", (11, 9, 3), 7),
        ("vit_base_patch16_dinov3.lvd1689m", (11, 9, 3), 8),
        ("vit_small_patch8_224.dino", (11, 9, 3), 4),
        ("vit_large_patch14_dinov2.lvd142m", (23, 19, 7), 7),
        ("vit_giant_patch14_dinov2.lvd142m", (39, 32, 12), 7),
    ],
)
def test_another_network_is_asked_as_deep(name, layers, stride):
    own = MATCHING.for_backbone(name)
    assert (own.descriptor.layer, own.guide[0], own.fine[0]) == layers
    assert (own.descriptor.backbone, own.descriptor.stride) == (name, stride)
    assert (own.side, own.bins, own.guide[1]) == (MATCHING.side, MATCHING.bins, "token")


def test_there_and_back_is_the_same_network():
    there = MATCHING.for_backbone("vit_giant_patch14_dinov2.lvd142m")
    assert there.for_backbone(MATCHING.descriptor.backbone) == MATCHING
    assert AMIR_MATCHING.for_backbone("vit_base_patch8_224.dino").guide is None
    with pytest.raises(ValueError, match="unknown backbone"):
        MATCHING.for_backbone("resnet")
