"""The backbones we know: their facts, where they come from and under which licence."""

from __future__ import annotations

from dataclasses import dataclass, replace

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

DINO = "Caron et al. (2021), Emerging Properties in Self-Supervised Vision Transformers, ICCV"
DINOV2 = "Oquab et al. (2024), DINOv2: Learning Robust Visual Features without Supervision, TMLR"
REGISTERS = "Darcet et al. (2024), Vision Transformers Need Registers, ICLR"
DINOV3 = "Simeoni et al. (2025), DINOv3, arXiv:2508.10104"
AUGREG = "Steiner et al. (2022), How to train your ViT?, TMLR"
DEIT3 = "Touvron et al. (2022), DeiT III: Revenge of the ViT, ECCV"


@dataclass(frozen=True)
class Weights:
    """The weights that a backbone actually loaded.

    Attributes
    ----------
    source : str
        ``hub``, ``offline`` or ``file``: which set of weights this is, by the name that asks for it.
    location : str
        What served it, for people to read: a file name, or the package that carries it.
    digest : str
        SHA-256 over the tensors under timm's names, so equal weights have equal digests in any format.
    """

    source: str
    location: str
    digest: str


@dataclass(frozen=True)
class BackboneInfo:
    """Facts of one backbone.

    Attributes
    ----------
    name : str
        The name that timm and the Hugging Face hub use.
    family : str
        For people: ``DINOv2``, ``DINOv3`` ...
    patch_size : int, pixels
    width, heads, depth, registers : int
        Features per token, attention heads, blocks, register tokens.
    native_grid : int
        Patches along a side of the images it was trained on.
    mean, std : three floats
        Normalisation of the input's red, green and blue, from 0 to 1.
    megabytes : int
        Size of the weights in float32.
    licence, citation : str
        Of the weights.
    rotary : bool
        Whether positions are rotations (RoPE) instead of a table.
    weights : Weights or None
        What was loaded; None in the registry.
    """

    name: str
    family: str
    patch_size: int
    width: int
    heads: int
    depth: int
    registers: int
    native_grid: int
    megabytes: int
    licence: str
    citation: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    rotary: bool = False
    weights: Weights | None = None


# size: (width, heads, depth, megabytes of DINOv2's weights)
_SIZES = {
    "small": (384, 6, 12, 88),
    "base": (768, 12, 12, 346),
    "large": (1024, 16, 24, 1217),
    "giant": (1536, 24, 40, 4546),
}


def _dinov2(size: str) -> list[BackboneInfo]:
    width, heads, depth, megabytes = _SIZES[size]
    plain = BackboneInfo(
        f"vit_{size}_patch14_dinov2.lvd142m",
        "DINOv2", 14, width, heads, depth, 0, 37, megabytes, "Apache-2.0", DINOV2,
    )  # fmt: skip
    registers = replace(
        plain,
        name=f"vit_{size}_patch14_reg4_dinov2.lvd142m",
        registers=4,
        citation=f"{DINOV2}; {REGISTERS}",
    )
    return [plain, registers]


def _dino(size: str, patch_size: int) -> BackboneInfo:
    width, heads, depth, megabytes = _SIZES[size]
    return BackboneInfo(
        f"vit_{size}_patch{patch_size}_224.dino",
        "DINO", patch_size, width, heads, depth, 0, 224 // patch_size, megabytes - 2, "Apache-2.0", DINO,
    )  # fmt: skip


def _dinov3(name: str, size: str, megabytes: int) -> BackboneInfo:
    width, heads, depth, _ = _SIZES[size]
    return BackboneInfo(
        f"vit_{name}_patch16_dinov3.lvd1689m",
        "DINOv3", 16, width, heads, depth, 4, 16, megabytes, "DINOv3 licence", DINOV3, rotary=True,
    )  # fmt: skip


_KNOWN = [
    *(info for size in _SIZES for info in _dinov2(size)),
    *(_dino(size, patch_size) for size in ("small", "base") for patch_size in (8, 16)),
    _dinov3("small", "small", 86),
    _dinov3("small_plus", "small", 115),
    _dinov3("base", "base", 343),
    BackboneInfo(
        "vit_small_patch16_224.augreg_in21k_ft_in1k",
        "supervised", 16, 384, 6, 12, 0, 14, 88, "Apache-2.0", AUGREG, HALF, HALF,
    ),
    BackboneInfo(
        "deit3_small_patch16_224.fb_in1k",
        "DeiT III", 16, 384, 6, 12, 0, 14, 88, "Apache-2.0", DEIT3,
    ),
]  # fmt: skip

REGISTRY: dict[str, BackboneInfo] = {info.name: info for info in _KNOWN}


def list_backbones() -> list[BackboneInfo]:
    """Return the facts of every registered backbone, the default one first."""
    return list(REGISTRY.values())


def backbone_info(name: str) -> BackboneInfo:
    """Return the facts of one backbone.

    Raises
    ------
    ValueError
        If no backbone of that name is registered; the message lists those that are.
    """
    if name not in REGISTRY:
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(sorted(REGISTRY))}")
    return REGISTRY[name]
