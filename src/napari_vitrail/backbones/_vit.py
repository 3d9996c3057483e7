"""A Vision Transformer that hands out its tokens, keys, queries, values and CLS attention."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from napari_vitrail.backbones._device import free_memory, is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_vitrail.backbones._registry import BackboneInfo

Source = tuple[int, str]
"""Where in the network features are taken: layer and facet."""

PROJECTIONS = ("query", "key", "value")
OUTPUTS = ("token", "token_norm")
QUERY_CHUNK = {"cpu": 2048, "mps": 8192, "cuda": 16384}
"""Positions per query pass: enough to fill a device, on a processor few enough to stay in its caches."""
SMALLEST_CHUNK = 128
"""A device without memory for this many positions at a time is given up."""


@dataclass(frozen=True)
class Tokens:
    """What a plain pass returns, as numpy arrays.

    Attributes
    ----------
    patches : (h, w, D) float32
        One row of features per patch.
    cls : (D,) float32
        The same facet of the CLS token.
    attention : (h, w, heads) float32 or None
        How much the CLS token of the last block attends to each patch; each head sums to at most 1,
        the rest goes to the CLS token itself and to the registers.
    """

    patches: NDArray[np.float32]
    cls: NDArray[np.float32]
    attention: NDArray[np.float32] | None


@dataclass(frozen=True)
class Context:
    """One image as seen by the plain pass on the patch grid: what dense queries attend to.

    Attributes
    ----------
    pixels : (1, 3, H + 2 margin, W + 2 margin) tensor
        The normalised image and a margin, from which the queries' patches are cut.
    margin : int, pixels
    grid : (h, w)
        Patches of the image without its margin.
    tokens : Tokens
        The plain pass itself: what queries on the patch grid would be answered.
    memory : list of (keys, values)
        Of every block, each (1, heads, tokens, width / heads).
    table : (1, D, h, w) tensor or None
        The interpolated position embedding; None for rotary backbones.
    cls_query : (1, heads, 1, width / heads) tensor or None
        The last block's, where attention was asked for; with its softmax denominator.
    log_denominator : (1, heads, 1) tensor or None
    further : dict of (layer, facet) to (h, w, D) float32
        What else the plain pass was asked for on its way.
    """

    pixels: Tensor
    margin: int
    grid: tuple[int, int]
    tokens: Tokens
    memory: list[tuple[Tensor, Tensor]]
    table: Tensor | None
    cls_query: Any
    log_denominator: Any
    further: dict[Source, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of the keys and values, which are nearly all of it."""
        return sum(tensor.nbytes for pair in self.memory for tensor in pair)


class Backbone(Protocol):
    """What the features room needs of a backbone; see `ViTBackbone`."""

    info: BackboneInfo

    device: str

    def tokens(
        self, image: NDArray[np.float32], *, layer: int, facet: str, stride: int, attention: bool, dtype: str
    ) -> Tokens:
        """Return the tokens of overlapping patches."""
        ...

    def batch_tokens(
        self, images: NDArray[np.float32], *, layer: int, facet: str, stride: int, attention: bool, dtype: str
    ) -> list[Tokens]:
        """Return the tokens of each of several images (n, H, W, 3)."""
        ...

    def context(
        self, image: NDArray[np.float32], *, margin: int, layer: int, facet: str, attention: bool, dtype: str,
        also: Sequence[Source] = ...,
    ) -> Context:  # fmt: skip
        """Return what queries attend to."""
        ...

    def query(
        self, context: Context, corners: NDArray[np.intp], *, layer: int, facet: str, dtype: str
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return the tokens of patches at any corner."""
        ...

    def on_cpu(self) -> Backbone:
        """Return the same network on the CPU."""
        ...


@dataclass
class _Walk:
    """What one walk through the blocks collects."""

    found: dict[Source, Tensor] = field(default_factory=dict)
    attention: Tensor | None = None
    cls_query: Any = None
    log_denominator: Any = None


class ViTBackbone:
    """A timm Vision Transformer (DINO, DINOv2, supervised) or rotary one (DINOv3).

    Parameters
    ----------
    model : torch.nn.Module
        timm's ``VisionTransformer`` or ``Eva``, made with ``dynamic_img_size=True``.
    info : BackboneInfo
    device : str
        ``cpu``, ``cuda`` or ``mps``.
    """

    def __init__(self, model: Any, info: BackboneInfo, device: str = "cpu") -> None:
        self.info = info
        self.device = device
        self._model = model.eval().requires_grad_(False).to(device)
        self._mean = torch.tensor(info.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(info.std, device=device).view(1, 3, 1, 1)
        self._largest_chunk = QUERY_CHUNK[device]
        self._cpu_copy: ViTBackbone | None = None

    def on_cpu(self) -> ViTBackbone:
        """Return the same network on the CPU; on the device it stays, where others may be using it."""
        if self.device == "cpu":
            return self
        if self._cpu_copy is None:
            self._cpu_copy = self._copied_to_cpu()
        return self._cpu_copy

    def _copied_to_cpu(self) -> ViTBackbone:
        tensors = [*self._model.parameters(), *self._model.buffers()]
        copied = {id(tensor): tensor.cpu() for tensor in tensors}  # straight there: the device is full
        return ViTBackbone(copy.deepcopy(self._model, copied), self.info, "cpu")

    def tokens(
        self,
        image: NDArray[np.float32],
        *,
        layer: int = -1,
        facet: str = "token_norm",
        stride: int | None = None,
        attention: bool = False,
        dtype: str = "float32",
    ) -> Tokens:
        """Return the tokens of overlapping patches: ``1 + (side - patch_size) // stride`` a side.

        Parameters
        ----------
        image : (H, W, 3) float32, 0 to 1
            Both sides at least a patch.
        layer, facet
            See `napari_vitrail.FeatureSpec`.
        stride : int, optional
            Of the patch projection; the patch size unless given.
        attention : bool
            Whether to return the last block's CLS attention. Its cost is linear in the tokens.
        dtype : {"float32", "bfloat16", "float16"}
            Of the matrix products; sums along the blocks, norms and softmax stay in float32.

        Returns
        -------
        tokens : Tokens

        Raises
        ------
        ValueError
            If a side is shorter than a patch, or the layer does not exist.

        References
        ----------
        Amir et al. (2021), section 3: overlapping patches by a smaller stride of the projection.
        """
        self._check_sides(image)
        (tokens,) = self.batch_tokens(
            image[None],
            layer=layer, facet=facet, stride=stride or self.info.patch_size, attention=attention, dtype=dtype,
        )  # fmt: skip
        return tokens

    @torch.inference_mode()
    def batch_tokens(
        self, images: NDArray[np.float32], *, layer: int, facet: str, stride: int, attention: bool, dtype: str
    ) -> list[Tokens]:
        """Return the tokens of each of several images (n, H, W, 3), all in one pass; see `tokens`."""
        with self._precision(dtype):
            x, rope, grid = self._embed(self._normalised(images), stride)
            walk = self._walk(x, rope, [(layer, facet)], attention=attention)
        return [self._tokens_of(walk, (layer, facet), grid, index) for index in range(len(images))]

    def _tokens_of(self, walk: _Walk, source: Source, grid: tuple[int, int], index: int = 0) -> Tokens:
        prefix = 1 + self.info.registers
        features = _numpy(walk.found[self._known(source)][index])
        maps = None
        if walk.attention is not None:
            maps = _numpy(walk.attention[index, :, prefix:].T).reshape(*grid, -1)
        return Tokens(features[prefix:].reshape(*grid, -1), features[0], maps)

    def _precision(self, dtype: str) -> torch.autocast:
        """Return the context in which matrix products are computed in `dtype`."""
        return torch.autocast(self._mean.device.type, getattr(torch, dtype), enabled=dtype != "float32")

    @torch.inference_mode()
    def context(
        self,
        image: NDArray[np.float32],
        *,
        margin: int,
        layer: int = -1,
        facet: str = "token_norm",
        attention: bool = False,
        dtype: str = "float32",
        also: Sequence[Source] = (),
    ) -> Context:
        """Run the plain pass on the patch grid and keep every block's keys and values.

        Parameters
        ----------
        image : (H + 2 margin, W + 2 margin, 3) float32, 0 to 1
            The image with a margin round it; H and W multiples of the patch size.
        margin : int, pixels
            How far queries may reach beyond the image.
        layer, facet
            What the tokens of the plain pass are; later blocks cannot be asked for.
        attention : bool
            Whether queries will be asked for the last block's CLS attention.
        dtype
            See `tokens`.
        also : sequence of (layer, facet)
            Further features to take on the way; queries may be asked for those of all layers passed.
        """
        pixels = self._normalised(image[None])
        inner = pixels[:, :, margin : pixels.shape[2] - margin, margin : pixels.shape[3] - margin]
        if any(side % self.info.patch_size or not side for side in inner.shape[2:]):
            raise ValueError(
                f"the sides of a context must be multiples of the patch size {self.info.patch_size}, "
                f"got {tuple(inner.shape[2:])}"
            )
        with self._precision(dtype):
            x, rope, grid = self._embed(inner, self.info.patch_size)
            memory: list[tuple[Tensor, Tensor]] = []
            walk = self._walk(x, rope, [(layer, facet), *also], attention=attention, kept=memory)
        return Context(
            pixels, margin, grid, self._tokens_of(walk, (layer, facet), grid), memory,
            self._position_table(grid), walk.cls_query, walk.log_denominator,
            {source: self._tokens_of(walk, source, grid).patches for source in also},
        )  # fmt: skip

    @torch.inference_mode()
    def query(
        self,
        context: Context,
        corners: NDArray[np.intp],
        *,
        layer: int = -1,
        facet: str = "token_norm",
        dtype: str = "float32",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return the tokens of patches at any corner; they attend to the context and only to it.

        Parameters
        ----------
        context : Context
            Of the same layer or a later one.
        corners : (n, 2) int array
            Top left pixels of the patches, in the image without its margin; negative ones, and ones
            whose patch leaves the image, are cut from the margin.
        layer, facet
            See `napari_vitrail.FeatureSpec`.
        dtype
            See `tokens`.

        Returns
        -------
        features : (n, D) float32
            At corners on the patch grid, those of the plain pass.
        attention : (n, heads) float32 or None
            The CLS query against these keys, with the softmax denominator of the plain pass; None
            where the context was made without attention.

        Notes
        -----
        Queries never see each other, so cost is linear in their number and no value depends on how they
        are cut into chunks.
        """
        features = np.empty((len(corners), self.info.width), np.float32)
        attention = None
        if context.cls_query is not None:
            attention = np.empty((len(corners), self.info.heads), np.float32)
        start = 0
        while start < len(corners):
            part = slice(start, start + self._largest_chunk)
            chunk = torch.as_tensor(corners[part], device=self._mean.device)
            try:
                with self._precision(dtype):
                    walk = self._walk(
                        self._embed_at(context, chunk), self._rotation_at(context, chunk),
                        [(layer, facet)], attention=attention is not None, context=context,
                    )  # fmt: skip
            except RuntimeError as error:  # fewer at a time are answered alike
                if not is_out_of_memory(error) or len(chunk) <= SMALLEST_CHUNK:
                    raise
                self._largest_chunk = len(chunk) // 2
                free_memory(self.device)
                continue
            features[part] = _numpy(walk.found[self._known((layer, facet))][0])
            if attention is not None and walk.attention is not None:
                attention[part] = _numpy(walk.attention[0].T)
            start += len(chunk)
        return features, attention

    def _check_sides(self, image: NDArray[np.float32]) -> None:
        if min(image.shape[:2]) < self.info.patch_size:
            raise ValueError(
                f"both sides of the image must be at least a patch ({self.info.patch_size} pixels), "
                f"got shape {image.shape}"
            )

    def _normalised(self, images: NDArray[np.float32]) -> Tensor:
        """Return images (n, H, W, 3) as the network takes them (n, 3, H, W)."""
        pixels = torch.from_numpy(np.ascontiguousarray(images, np.float32)).to(self._mean.device)
        return (pixels.permute(0, 3, 1, 2) - self._mean) / self._std

    def _embed(self, pixels: Tensor, stride: int) -> tuple[Tensor, Tensor | None, tuple[int, int]]:
        """Return the first block's input (images, tokens, D), the rotations and the grid."""
        projection = self._model.patch_embed.proj
        patches = functional.conv2d(pixels, projection.weight, projection.bias, stride=stride)
        patches = patches.permute(0, 2, 3, 1)  # timm reads the grid from this shape
        grid = (patches.shape[1], patches.shape[2])
        placed = self._model._pos_embed(patches.contiguous())
        x, rope = placed if isinstance(placed, tuple) else (placed, None)
        return self._model.norm_pre(x), rope, grid

    def _embed_at(self, context: Context, corners: Tensor) -> Tensor:
        """Return the first block's input (1, n, D) for patches cut at `corners`."""
        size = self.info.patch_size
        windows = context.pixels[0].unfold(1, size, 1).unfold(2, size, 1)
        rows, columns = (corners + context.margin).T
        patches = windows[:, rows, columns].transpose(0, 1).flatten(1)
        projection = self._model.patch_embed.proj
        x = functional.linear(patches, projection.weight.flatten(1), projection.bias)
        if context.table is not None:
            x = x + _sampled(context.table, corners / size)
        return self._model.norm_pre(x[None])

    def _position_table(self, grid: tuple[int, int]) -> Tensor | None:
        """Return the position embedding (1, D, h, w) exactly as the plain pass adds it."""
        if self._model.pos_embed is None:
            return None
        empty = torch.zeros(1, *grid, self.info.width, device=self._mean.device)
        placed = self._model._pos_embed(empty)
        x = placed[0] if isinstance(placed, tuple) else placed
        return x[:, 1 + self.info.registers :].transpose(1, 2).unflatten(2, grid)

    def _rotation_at(self, context: Context, corners: Tensor) -> Tensor | None:
        """Return the rotations (n, 2 width / heads) at the centres of patches cut at `corners`."""
        if not self.info.rotary:
            return None
        sides = torch.tensor(context.grid, device=corners.device) * self.info.patch_size
        coordinates = 2 * (corners + self.info.patch_size / 2) / sides - 1
        periods = self._model.rope.periods
        angles = (2 * torch.pi * coordinates[:, :, None] / periods).flatten(1).tile(2)
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    def _walk(
        self,
        x: Tensor,
        rope: Tensor | None,
        sources: Sequence[Source],
        *,
        attention: bool,
        context: Context | None = None,
        kept: list[tuple[Tensor, Tensor]] | None = None,
    ) -> _Walk:
        """Walk `x` through the blocks, attending to itself or to the keys and values of a context.

        The keys and values of every block are appended to `kept`.
        """
        wanted = {self._known(source) for source in sources}
        last = self.info.depth - 1 if attention else max(layer for layer, _ in wanted)
        walk = _Walk()
        for index, block in enumerate(self._model.blocks[: last + 1]):
            normed = block.norm1(x)
            for facet in PROJECTIONS:
                if (index, facet) in wanted:
                    walk.found[index, facet] = _joined(_project(block.attn, facet, normed))
            query = self._turned(block.attn.q_norm(_project(block.attn, "query", normed)), rope)
            if context is None or (attention and index == last):
                key = self._turned(block.attn.k_norm(_project(block.attn, "key", normed)), rope)
            if context is None:
                memory = key, _project(block.attn, "value", normed)
            else:
                memory = context.memory[index]
            if kept is not None:
                kept.append(memory)
            if attention and index == last:
                self._note_attention(walk, query, key, context)
            if index == last and not any((index, facet) in wanted for facet in OUTPUTS):
                break
            x = _finished(block, x, functional.scaled_dot_product_attention(query, *memory))
            if (index, "token") in wanted:
                walk.found[index, "token"] = x
            if (index, "token_norm") in wanted:
                walk.found[index, "token_norm"] = self._model.norm(x)
        return walk

    def _note_attention(self, walk: _Walk, query: Tensor, key: Tensor, context: Context | None) -> None:
        """Compute the CLS token's attention to the tokens of this walk: one row, never the matrix."""
        source = walk if context is None else context
        with torch.autocast(query.device.type, enabled=False):  # an exponential magnifies rounding
            if context is None:
                walk.cls_query = query[:, :, :1].float() * query.shape[-1] ** -0.5
            logits = (source.cls_query @ key.float().transpose(-2, -1)).squeeze(2)
            if context is None:
                walk.log_denominator = logits.logsumexp(-1, keepdim=True)
            walk.attention = (logits - source.log_denominator).exp()

    def _turned(self, heads: Tensor, rope: Tensor | None) -> Tensor:
        """Return queries or keys turned by their positions; prefix tokens come first and have none."""
        if rope is None:
            return heads
        prefix = heads.shape[2] - rope.shape[0]
        sine, cosine = rope.chunk(2, dim=-1)
        patches = heads[:, :, prefix:]
        half = patches.shape[-1] // 2
        turned = torch.cat([-patches[..., half:], patches[..., :half]], dim=-1)
        rotated = (patches * cosine + turned * sine).to(heads.dtype)
        return torch.cat([heads[:, :, :prefix], rotated], dim=2)

    def _known(self, source: Source) -> Source:
        """Return layer, counted from the first, and facet."""
        return self._index(source[0]), source[1]

    def _index(self, layer: int) -> int:
        depth = self.info.depth
        if not -depth <= layer < depth:
            raise ValueError(
                f"layer must be 0 to {depth - 1}, or -{depth} to -1, for {self.info.name}, got {layer}"
            )
        return layer % depth


def _project(attention: Any, name: str, x: Tensor) -> Tensor:
    """Return the queries, keys or values (1, heads, n, width / heads) of normalised tokens."""
    weight, bias = _projection(attention, PROJECTIONS.index(name))
    return functional.linear(x, weight, bias).unflatten(2, (attention.num_heads, -1)).transpose(1, 2)


def _projection(attention: Any, part: int) -> tuple[Tensor, Tensor | None]:
    """Return weight and bias of one projection, whichever way timm's attention keeps them."""
    if attention.qkv is None:
        linear = (attention.q_proj, attention.k_proj, attention.v_proj)[part]
        return linear.weight, linear.bias
    weight = attention.qkv.weight.chunk(3)[part]
    if attention.qkv.bias is not None:
        return weight, attention.qkv.bias.chunk(3)[part]
    biases = [getattr(attention, name, None) for name in ("q_bias", "k_bias", "v_bias")]
    return weight, biases[part]


def _finished(block: Any, x: Tensor, mixed: Tensor) -> Tensor:
    """Return a block's output from its input and what its heads gathered."""
    attended = block.attn.proj(block.attn.norm(_joined(mixed)))
    if hasattr(block, "ls1"):
        x = x + block.ls1(attended)
        return x + block.ls2(block.mlp(block.norm2(x)))
    x = x + _scaled(block.gamma_1, attended)
    return x + _scaled(block.gamma_2, block.mlp(block.norm2(x)))


def _scaled(gamma: Tensor | None, x: Tensor) -> Tensor:
    return x if gamma is None else gamma * x


def _joined(heads: Tensor) -> Tensor:
    """Return (1, n, width) of (1, heads, n, width / heads)."""
    return heads.transpose(1, 2).flatten(2)


def _sampled(table: Tensor, positions: Tensor) -> Tensor:
    """Return rows (n, D) of a position table (1, D, h, w) at fractional (row, column) positions.

    The table is the one already interpolated to the image's patch grid, so that whole positions get
    exactly what the plain pass adds.
    """
    sides = torch.tensor(table.shape[2:], device=table.device)
    inside = torch.minimum(positions.clamp(min=0), sides - 1)
    lower = torch.minimum(inside.floor(), (sides - 2).clamp(min=0)).long()
    upper = torch.minimum(lower + 1, sides - 1)
    fraction = (inside - lower)[:, :, None]
    values = table[0].permute(1, 2, 0)
    top = torch.lerp(values[lower[:, 0], lower[:, 1]], values[lower[:, 0], upper[:, 1]], fraction[:, 1])
    bottom = torch.lerp(values[upper[:, 0], lower[:, 1]], values[upper[:, 0], upper[:, 1]], fraction[:, 1])
    return torch.lerp(top, bottom, fraction[:, 0])


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.float().cpu().numpy()
