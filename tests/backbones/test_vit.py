"""The plain pass, compared with timm's own forward."""

import copy

import numpy as np
import pytest
import torch

PREFIX = {"tiny": 1, "tiny_registers": 5, "tiny_rotary": 5}


@pytest.fixture(scope="module")
def image():
    """Return noise of 40 x 56 pixels: 5 x 7 patches."""
    return np.random.default_rng(0).random((40, 56, 3), np.float32)


@pytest.fixture
def prefix(each_backbone):
    """Return the number of tokens before the patches."""
    return PREFIX[each_backbone.info.name]


def normalised(backbone, image):
    values = (image - np.array(backbone.info.mean)) / np.array(backbone.info.std)
    return torch.tensor(values, dtype=torch.float32).permute(2, 0, 1)[None]


def noted(backbone, image, pick, *, before=False):
    """Run timm's forward; return what the module that `pick` chooses of each block puts out (or takes in)."""
    notes = []
    model = copy.deepcopy(backbone._model)
    for block in model.blocks:
        block.attn.fused_attn = False
        if before:
            pick(block).register_forward_pre_hook(lambda module, arguments: notes.append(arguments[0]))
        else:
            pick(block).register_forward_hook(lambda module, arguments, output: notes.append(output))
    with torch.inference_mode():
        model.forward_features(normalised(backbone, image))
    return [note[0].numpy() for note in notes]


def assert_close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


def test_final_tokens_are_timms(each_backbone, image, prefix):
    with torch.inference_mode():
        theirs = each_backbone._model.forward_features(normalised(each_backbone, image))[0].numpy()
    tokens = each_backbone.tokens(image)
    assert tokens.patches.shape == (5, 7, 48)
    assert tokens.attention is None
    assert_close(tokens.patches.reshape(-1, 48), theirs[prefix:])
    assert_close(tokens.cls, theirs[0])


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_token_is_the_output_of_a_block(each_backbone, image, prefix, layer):
    theirs = noted(each_backbone, image, lambda block: block)[layer]
    tokens = each_backbone.tokens(image, layer=layer, facet="token")
    assert_close(tokens.patches.reshape(-1, 48), theirs[prefix:])
    normed = each_backbone.tokens(image, layer=layer, facet="token_norm")
    with torch.inference_mode():
        expected = each_backbone._model.norm(torch.from_numpy(theirs)).numpy()
    assert_close(normed.patches.reshape(-1, 48), expected[prefix:])


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("facet", ["query", "key", "value"])
def test_facets_are_slices_of_the_projections(each_backbone, image, prefix, layer, facet):
    """Channels are head * width-of-a-head + dimension; rotary keys are taken before they are turned."""
    qkv = noted(each_backbone, image, lambda block: block.attn.qkv)[layer]
    part = ("query", "key", "value").index(facet)
    tokens = each_backbone.tokens(image, layer=layer, facet=facet)
    assert_close(tokens.patches.reshape(-1, 48), qkv[prefix:, 48 * part : 48 * (part + 1)])
    assert_close(tokens.cls, qkv[0, 48 * part : 48 * (part + 1)])


@pytest.mark.parametrize(("facet", "layer"), [("token_norm", -1), ("key", 0), ("value", 2)])
def test_attention_is_the_first_row_of_the_last_blocks_matrix(each_backbone, image, prefix, facet, layer):
    matrices = noted(each_backbone, image, lambda block: block.attn.attn_drop, before=True)
    row = matrices[-1][:, 0]
    tokens = each_backbone.tokens(image, facet=facet, layer=layer, attention=True)
    assert tokens.attention.shape == (5, 7, 3)
    np.testing.assert_allclose(tokens.attention.reshape(-1, 3).T, row[:, prefix:], atol=1e-6)
    np.testing.assert_allclose(tokens.attention.sum(axis=(0, 1)) + row[:, :prefix].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("facet", ["token_norm", "token", "query", "key", "value"])
def test_asking_for_attention_changes_no_feature(each_backbone, image, facet):
    for layer in (0, 2):
        plain = each_backbone.tokens(image, layer=layer, facet=facet)
        attentive = each_backbone.tokens(image, layer=layer, facet=facet, attention=True)
        np.testing.assert_array_equal(plain.patches, attentive.patches)


@pytest.mark.parametrize("stride", [1, 3, 5, 8])
@pytest.mark.parametrize("shape", [(8, 8), (17, 30), (24, 33)])
def test_strided_tokens_are_as_many_as_patches_fit(each_backbone, stride, shape):
    tokens = each_backbone.tokens(np.zeros((*shape, 3), np.float32), stride=stride, attention=True)
    expected = tuple(1 + (side - 8) // stride for side in shape)
    assert tokens.patches.shape == (*expected, 48)
    assert tokens.attention.shape == (*expected, 3)


@pytest.mark.parametrize("stride", [2, 4])
def test_strided_tokens_are_timms_with_another_stride(each_backbone, image, prefix, stride):
    model = copy.deepcopy(each_backbone._model)
    model.patch_embed.proj.stride = (stride, stride)
    with torch.inference_mode():
        theirs = model.forward_features(normalised(each_backbone, image))[0].numpy()
    ours = each_backbone.tokens(image, stride=stride).patches
    assert_close(ours.reshape(-1, 48), theirs[prefix:])


def test_a_stride_leaves_nothing_behind(each_backbone, image):
    before = each_backbone.tokens(image).patches
    each_backbone.tokens(image, stride=3)
    np.testing.assert_array_equal(each_backbone.tokens(image).patches, before)


def test_negative_layers_count_from_the_last(tiny_backbone, image):
    last = tiny_backbone.tokens(image, layer=-1).patches
    np.testing.assert_array_equal(tiny_backbone.tokens(image, layer=2).patches, last)


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there_is_refused(tiny_backbone, image, layer):
    with pytest.raises(ValueError, match=f"layer must be 0 to 2, or -3 to -1, for tiny, got {layer}"):
        tiny_backbone.tokens(image, layer=layer)


@pytest.mark.parametrize("shape", [(7, 20, 3), (20, 7, 3)])
def test_an_image_smaller_than_a_patch_is_refused(tiny_backbone, shape):
    with pytest.raises(ValueError, match=r"at least a patch \(8 pixels\), got shape"):
        tiny_backbone.tokens(np.zeros(shape, np.float32))


def test_the_same_image_has_the_same_tokens(tiny_backbone, image):
    np.testing.assert_array_equal(tiny_backbone.tokens(image).patches, tiny_backbone.tokens(image).patches)
