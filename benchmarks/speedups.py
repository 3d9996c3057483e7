"""What might make the network faster on a CPU, each beside what is done: time, and what it does to tokens."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.features import VIT, median_seconds
from benchmarks.images import micrograph
from napari_vitrail import FeatureSpec, extract_features, load_backbone
from napari_vitrail.backbones import ViTBackbone


@dataclass(frozen=True)
class Attempt:
    """One way of computing the same features, beside the usual one."""

    name: str
    time: float
    """Of the usual way's."""
    error: float
    """Mean absolute difference of the tokens over their mean absolute value."""


def attempts(side: int, repeats: int) -> list[Attempt]:
    """Measure the plain pass in other ways, and copies of a strided average alone and together."""
    backbone = load_backbone(VIT.backbone, device="cpu")
    plain = replace(VIT, stride=backbone.info.patch_size, position_cure="none")
    average = replace(plain, sampling="strided", shifts="neumann", shift_distance=1)
    ways: list[tuple[str, ViTBackbone, FeatureSpec, FeatureSpec]] = [
        ('`dtype="bfloat16"`', backbone, replace(plain, dtype="bfloat16"), plain),
        ("channels-last patch embedding", _changed(backbone, _channels_last), plain, plain),
        ("`torch.compile` of the perceptrons", _changed(backbone, _compiled), plain, plain),
        ("8-bit weights of linear layers", _changed(backbone, _eight_bit), plain, plain),
        ("five strided copies together", backbone, replace(average, batch=5), average),
    ]
    return [_compared(name, micrograph(side), way, spec, backbone, usual, repeats)
            for name, way, spec, usual in ways]  # fmt: skip


def _compared(
    name: str, image: np.ndarray, way: ViTBackbone, spec: FeatureSpec, backbone: ViTBackbone,
    usual: FeatureSpec, repeats: int,
) -> Attempt:  # fmt: skip
    expected = extract_features(image, usual, backbone=backbone).values
    found = extract_features(image, spec, backbone=way).values
    error = float(np.abs(found - expected).mean() / np.abs(expected).mean())
    seconds = median_seconds(lambda: extract_features(image, spec, backbone=way), repeats)[0]
    before = median_seconds(lambda: extract_features(image, usual, backbone=backbone), repeats)[0]
    return Attempt(name, seconds / before, error)


def _changed(backbone: ViTBackbone, change: Callable[[torch.nn.Module], torch.nn.Module]) -> ViTBackbone:
    return ViTBackbone(change(copy.deepcopy(backbone._model)), backbone.info, "cpu")


def _channels_last(model: torch.nn.Module) -> torch.nn.Module:
    model.patch_embed.proj.to(memory_format=torch.channels_last)
    return model


def _compiled(model: torch.nn.Module) -> torch.nn.Module:
    for block in model.blocks:
        block.mlp.compile()
    return model


def _eight_bit(model: torch.nn.Module) -> torch.nn.Module:
    # Dynamic quantisation replaces whole layers; the projections of attention are read as matrices.
    for block in model.blocks:
        block.mlp = torch.ao.quantization.quantize_dynamic(block.mlp, {torch.nn.Linear}, torch.qint8)
        block.attn.proj = torch.ao.quantization.quantize_dynamic(
            torch.nn.Sequential(block.attn.proj), {torch.nn.Linear}, torch.qint8
        )
    return model


def table(found: Sequence[Attempt]) -> str:
    """Return a Markdown table."""
    lines = ["| tried | time, of the usual | mean error |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.time:.2f} | {100 * one.error:.2g} % |" for one in found]
    return "\n".join(lines)
