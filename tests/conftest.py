"""What the tests of the core share: tiny seeded backbones, the real one, and an image to paint on."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

if TYPE_CHECKING:
    from napari_vitrail.backbones import ViTBackbone

os.environ.setdefault("OMP_NUM_THREADS", "1")  # on small tensors threads only wait for each other

TINY = {
    "img_size": 48,
    "patch_size": 8,
    "embed_dim": 48,
    "depth": 3,
    "num_heads": 3,
    "num_classes": 0,
    "dynamic_img_size": True,
}


class Painting(NamedTuple):
    """An image (H, W) uint8, strokes on it and the class of every pixel."""

    image: np.ndarray
    strokes: np.ndarray
    truth: np.ndarray


def _seeded(model: Any) -> Any:
    """Return `model` with weights so large that attention is not uniform and positions matter."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for name, values in model.state_dict().items():
        if values.is_floating_point() and "rope" not in name:
            fan_in = values[0].numel() if values.ndim > 1 and "token" not in name else 4
            noise = torch.randn(values.shape, generator=generator) / fan_in**0.5
            values.copy_(1 + noise if "norm" in name and name.endswith("weight") else noise)
    return model


def _backbone(name: str, model: Any, *, registers: int = 0, rotary: bool = False) -> ViTBackbone:
    from napari_vitrail.backbones import BackboneInfo, ViTBackbone, Weights
    from napari_vitrail.backbones._weights import tensors_digest

    digest = tensors_digest(model.state_dict())
    info = BackboneInfo(
        name, "tiny", 8, 48, 3, 3, registers, 6, 1, "none", "none",
        rotary=rotary, weights=Weights("file", f"{name}.safetensors", digest),
    )  # fmt: skip
    return ViTBackbone(model, info, "cpu")


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory, monkeypatch) -> None:
    """Give every test a feature store of its own: the user's is none of a test's business."""
    from napari_vitrail.store import shared_store

    monkeypatch.setattr(
        "napari_vitrail.store.cache_directory", lambda: tmp_path_factory.mktemp("store", numbered=True)
    )
    shared_store.cache_clear()


@pytest.fixture(autouse=True)
def own_speeds(tmp_path_factory, monkeypatch) -> None:
    """Let every test find a machine of which nothing is known."""
    from napari_vitrail.speed import shared_speeds

    monkeypatch.setattr(
        "napari_vitrail.speed.cache_directory", lambda: tmp_path_factory.mktemp("speed", numbered=True)
    )
    shared_speeds.cache_clear()


@pytest.fixture(scope="session")
def tiny_backbone() -> ViTBackbone:
    """Return a seeded ViT with patch 8, width 48, 3 blocks and 3 heads."""
    from timm.models.vision_transformer import VisionTransformer

    return _backbone("tiny", _seeded(VisionTransformer(**TINY)))


@pytest.fixture(scope="session")
def default_named_backbone(tiny_backbone) -> ViTBackbone:
    """Return the tiny ViT under the name that the presets ask for."""
    from napari_vitrail.backbones import ViTBackbone
    from napari_vitrail.spec import SEGMENTATION

    info = replace(tiny_backbone.info, name=SEGMENTATION.backbone)
    return ViTBackbone(tiny_backbone._model, info, "cpu")


@pytest.fixture(scope="session")
def tiny_registers() -> ViTBackbone:
    """Return the same with 4 registers, layer scale and positions of patches only, as DINOv2 has it."""
    from timm.models.vision_transformer import VisionTransformer

    model = VisionTransformer(**TINY, reg_tokens=4, no_embed_class=True, init_values=0.1)
    return _backbone("tiny_registers", _seeded(model), registers=4)


@pytest.fixture(scope="session")
def tiny_rotary() -> ViTBackbone:
    """Return a seeded rotary ViT with 4 registers, as DINOv3 has it."""
    from timm.models.eva import Eva

    model = Eva(
        **TINY, qkv_bias=False, init_values=0.1, num_reg_tokens=4, use_fc_norm=False,
        use_abs_pos_emb=False, use_rot_pos_emb=True,
        rope_type="dinov3", rope_temperature=100, rope_rotate_half=True,
    )  # fmt: skip
    return _backbone("tiny_rotary", _seeded(model), registers=4, rotary=True)


@pytest.fixture(scope="session", params=["tiny_backbone", "tiny_registers", "tiny_rotary"])
def each_backbone(request) -> ViTBackbone:
    """Return one tiny backbone of each family in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def real_backbone(tmp_path_factory) -> ViTBackbone:
    """Return the default backbone with the weights of the extra `offline`."""
    from napari_vitrail.backbones import available_source, load_backbone
    from napari_vitrail.backbones._places import OFFLINE_BACKBONE

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRAIL_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("napari_vitrail.backbones._places.hub_cache_path", lambda name: None)
        if available_source(OFFLINE_BACKBONE) != "offline":
            pytest.skip("the extra 'offline' is not installed")
        return load_backbone(OFFLINE_BACKBONE, weights="offline", device="cpu")


@pytest.fixture(scope="session")
def two_textures() -> Painting:
    """Return noise beside a dark calm ramp, with two strokes on each: 2 on the noise, 7 on the ramp."""
    shape = (56, 64)
    truth = np.where(np.arange(shape[1]) < 32, 2, 7) * np.ones(shape, int)
    noise = np.random.default_rng(0).integers(0, 256, shape)
    image = np.where(truth == 2, noise, 20 + np.arange(shape[0])[:, None])
    strokes = np.zeros(shape, int)
    for rows in (slice(4, 24), slice(30, 52)):
        strokes[rows, 8:14] = 2
        strokes[rows, 50:56] = 7
    return Painting(image.astype(np.uint8), strokes, truth)
