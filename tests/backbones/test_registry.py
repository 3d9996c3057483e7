import pytest
import timm
import torch

from napari_vitrail.backbones import backbone_info, list_backbones
from napari_vitrail.spec import DEFAULT_BACKBONE

ALL = list_backbones()


@pytest.fixture(scope="module")
def models():
    """Return timm's own model of every registered backbone, without memory for its weights."""
    with torch.device("meta"):
        return {info.name: timm.create_model(info.name, num_classes=0) for info in ALL}


@pytest.mark.parametrize("info", ALL, ids=lambda info: info.name)
def test_facts_agree_with_timm(info, models):
    model = models[info.name]
    assert model.patch_embed.patch_size == (info.patch_size, info.patch_size)
    assert model.patch_embed.grid_size == (info.native_grid, info.native_grid)
    assert (model.embed_dim, len(model.blocks)) == (info.width, info.depth)
    assert {block.attn.num_heads for block in model.blocks} == {info.heads}
    assert model.num_prefix_tokens == 1 + info.registers
    assert model.pretrained_cfg["mean"] == info.mean
    assert model.pretrained_cfg["std"] == info.std
    assert info.rotary == (model.pos_embed is None)
    assert model.pretrained_cfg["hf_hub_id"] == f"timm/{info.name}"


@pytest.mark.parametrize("info", ALL, ids=lambda info: info.name)
def test_size_is_that_of_the_weights(info, models):
    floats = sum(values.numel() for values in models[info.name].state_dict().values())
    assert info.megabytes == pytest.approx(4e-6 * floats, rel=0.02)


@pytest.mark.parametrize("info", ALL, ids=lambda info: info.name)
def test_licence_is_the_one_timm_names(info, models):
    licence = models[info.name].pretrained_cfg["license"]
    assert info.licence.lower().replace(" ", "-").startswith(licence.removesuffix("-license"))
    assert info.citation


def test_default_backbone_comes_first():
    assert ALL[0].name == DEFAULT_BACKBONE


def test_names_are_different_and_wanted_families_are_there():
    assert len({info.name for info in ALL}) == len(ALL)
    families = [info.family for info in ALL]
    assert {name: families.count(name) for name in ("DINO", "DINOv2", "DINOv3")} == {
        "DINO": 4,
        "DINOv2": 8,
        "DINOv3": 3,
    }


def test_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=rf"unknown backbone 'resnet'; known: .*{DEFAULT_BACKBONE}"):
        backbone_info("resnet")


def test_the_registry_holds_no_weights():
    assert {info.weights for info in ALL} == {None}
