"""One dense query through one block, restated number by number in plain loops."""

import math

import numpy as np
import pytest
import torch

from napari_vitrail.backbones import BackboneInfo, ViTBackbone

PATCH, WIDTH, HEADS = 4, 8, 2
SHAPE = (8, 12)  # 2 x 3 patches


@pytest.fixture(scope="module")
def backbone():
    """Return a ViT of one block, small enough for loops."""
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    model = VisionTransformer(
        img_size=SHAPE, patch_size=PATCH, embed_dim=WIDTH, depth=1, num_heads=HEADS, num_classes=0,
        dynamic_img_size=True, init_values=0.5,
    )  # fmt: skip
    for parameter in model.parameters():
        parameter.data.normal_(std=0.3)
    info = BackboneInfo("one", "toy", PATCH, WIDTH, HEADS, 1, 0, 2, 0, "none", "none", (0, 0, 0), (1, 1, 1))
    return ViTBackbone(model, info, "cpu")


@pytest.fixture
def weights(backbone):
    """Return the parameters as lists of numbers."""
    return {name: values.double().tolist() for name, values in backbone._model.state_dict().items()}


def linear(matrix, bias, vector):
    return [
        sum(a * b for a, b in zip(row, vector, strict=True)) + c for row, c in zip(matrix, bias, strict=True)
    ]


def normalised(vector, weight, bias):
    mean = sum(vector) / len(vector)
    variance = sum((value - mean) ** 2 for value in vector) / len(vector)
    return [
        (value - mean) / math.sqrt(variance + 1e-6) * w + b
        for value, w, b in zip(vector, weight, bias, strict=True)
    ]


def gelu(value):
    return value * (1 + math.erf(value / math.sqrt(2))) / 2


def embedded(weights, image, y, x):
    """Return the projection of the patch at a corner."""
    result = []
    for kernel, bias in zip(
        weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], strict=True
    ):
        total = bias
        for colour in range(3):
            for dy in range(PATCH):
                for dx in range(PATCH):
                    total += kernel[colour][dy][dx] * float(image[y + dy, x + dx, colour])
        result.append(total)
    return result


def added(first, second):
    return [a + b for a, b in zip(first, second, strict=True)]


def projected(weights, vector):
    """Return query, key and value of a token, each of all heads."""
    normed = normalised(vector, weights["blocks.0.norm1.weight"], weights["blocks.0.norm1.bias"])
    qkv = linear(weights["blocks.0.attn.qkv.weight"], weights["blocks.0.attn.qkv.bias"], normed)
    return qkv[:WIDTH], qkv[WIDTH : 2 * WIDTH], qkv[2 * WIDTH :]


def answered(weights, image, y, x):
    """Return the final token of the patch at (y, x): it asks the patch grid and nothing else."""
    table = weights["pos_embed"][0]
    tokens = [added(weights["cls_token"][0][0], table[0])]
    for i in range(2):
        for j in range(3):
            tokens.append(added(embedded(weights, image, PATCH * i, PATCH * j), table[1 + 3 * i + j]))
    memory = [projected(weights, token)[1:] for token in tokens]
    position = [0.0] * WIDTH
    for i in range(2):
        for j in range(3):
            share = max(0, 1 - abs(y / PATCH - i)) * max(0, 1 - abs(x / PATCH - j))
            position = added(position, [share * value for value in table[1 + 3 * i + j]])
    asking = added(embedded(weights, image, y, x), position)
    query = projected(weights, asking)[0]
    gathered = []
    for head in range(HEADS):
        part = range(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
        logits = [sum(query[c] * key[c] for c in part) / math.sqrt(WIDTH / HEADS) for key, _ in memory]
        total = sum(math.exp(logit) for logit in logits)
        for c in part:
            gathered.append(
                sum(
                    math.exp(logit) / total * value[c]
                    for logit, (_, value) in zip(logits, memory, strict=True)
                )
            )
    block = {name.removeprefix("blocks.0."): values for name, values in weights.items()}
    out = linear(block["attn.proj.weight"], block["attn.proj.bias"], gathered)
    token = added(asking, [g * value for g, value in zip(block["ls1.gamma"], out, strict=True)])
    normed = normalised(token, block["norm2.weight"], block["norm2.bias"])
    hidden = [gelu(value) for value in linear(block["mlp.fc1.weight"], block["mlp.fc1.bias"], normed)]
    out = linear(block["mlp.fc2.weight"], block["mlp.fc2.bias"], hidden)
    token = added(token, [g * value for g, value in zip(block["ls2.gamma"], out, strict=True)])
    return normalised(token, weights["norm.weight"], weights["norm.bias"])


@pytest.mark.parametrize("corner", [(0, 0), (4, 8), (1, 2), (3, 7), (2, 8)], ids=str)
def test_a_query_is_the_equation(backbone, weights, corner):
    image = np.random.default_rng(0).random((*SHAPE, 3), np.float32)
    context = backbone.context(image, margin=0)
    features, _ = backbone.query(context, np.array([corner]))
    np.testing.assert_allclose(features[0], answered(weights, image, *corner), atol=1e-5)
