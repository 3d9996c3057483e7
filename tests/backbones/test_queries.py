"""Dense queries: tokens at any patch corner that attend to the plain pass."""

import numpy as np
import pytest

MARGIN = 8
GRID = (5, 7)
CORNERS = np.indices(GRID).reshape(2, -1).T * 8


@pytest.fixture(scope="module")
def image():
    """Return noise of 40 x 56 pixels, 5 x 7 patches, with a margin of 8 round it."""
    return np.random.default_rng(0).random((40 + 2 * MARGIN, 56 + 2 * MARGIN, 3), np.float32)


@pytest.fixture(scope="module")
def anywhere():
    """Return 40 corners in the image and its margin."""
    return np.random.default_rng(1).integers((-8, -8), (41, 57), (40, 2))


def inner(image):
    return image[MARGIN:-MARGIN, MARGIN:-MARGIN]


def asked(backbone, image, corners, *, layer=-1, facet="token_norm", attention=False):
    context = backbone.context(image, margin=MARGIN, layer=layer, attention=attention)
    return backbone.query(context, corners, layer=layer, facet=facet)


def assert_close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("facet", ["token_norm", "token", "query", "key", "value"])
@pytest.mark.parametrize("layer", [0, 1, -1])
@pytest.mark.parametrize("attention", [False, True])
def test_on_the_patch_grid_queries_are_the_plain_pass(each_backbone, image, facet, layer, attention):
    plain = each_backbone.tokens(inner(image), layer=layer, facet=facet, attention=attention)
    features, maps = asked(each_backbone, image, CORNERS, layer=layer, facet=facet, attention=attention)
    assert_close(features, plain.patches.reshape(-1, 48))
    assert (maps is not None) == attention
    if attention:
        np.testing.assert_allclose(maps, plain.attention.reshape(-1, 3), atol=1e-6)


@pytest.mark.parametrize("chunk", [1, 7, 39])
def test_answers_do_not_depend_on_the_chunks(each_backbone, image, anywhere, chunk, monkeypatch):
    whole = asked(each_backbone, image, anywhere, attention=True)
    monkeypatch.setattr(each_backbone, "_largest_chunk", chunk)
    chunked = asked(each_backbone, image, anywhere, attention=True)
    for ours, theirs in zip(chunked, whole, strict=True):
        assert_close(ours, theirs)


def test_answers_do_not_depend_on_the_order(each_backbone, image, anywhere):
    order = np.random.default_rng(2).permutation(len(anywhere))
    straight = asked(each_backbone, image, anywhere, attention=True)
    shuffled = asked(each_backbone, image, anywhere[order], attention=True)
    for ours, theirs in zip(shuffled, straight, strict=True):
        assert_close(ours, theirs[order])


def test_a_query_alone_is_answered_like_one_among_many(each_backbone, image, anywhere):
    many = asked(each_backbone, image, anywhere, attention=True)
    for index in (0, 17):
        alone = asked(each_backbone, image, anywhere[index : index + 1], attention=True)
        for ours, theirs in zip(alone, many, strict=True):
            assert_close(ours[0], theirs[index])


def test_the_same_corner_twice_has_the_same_answer(tiny_backbone, image):
    features, _ = asked(tiny_backbone, image, np.array([(3, 5), (3, 5)]))
    assert_close(features[0], features[1])


def test_off_the_patch_grid_answers_are_others(each_backbone, image):
    features, _ = asked(each_backbone, image, np.array([(16, 16), (19, 21)]))
    assert np.abs(features[0] - features[1]).max() > 0.1


def test_a_query_reads_its_patch_from_the_margin_and_nothing_else_of_it(each_backbone, image):
    corners = np.array([(-5, -5), (8, 8)])
    before, _ = asked(each_backbone, image, corners)
    changed = image.copy()
    changed[0:3] = 0  # rows -8 ... -6: beyond both patches
    untouched, _ = asked(each_backbone, changed, corners)
    np.testing.assert_array_equal(untouched, before)
    changed[3] = 0  # row -5: the first patch begins here
    after, _ = asked(each_backbone, changed, corners)
    assert np.abs(after[0] - before[0]).max() > 1e-3
    np.testing.assert_array_equal(after[1], before[1])


def test_attention_is_positive_and_small(each_backbone, image, anywhere):
    _, attention = asked(each_backbone, image, anywhere, attention=True)
    assert (attention >= 0).all()
    assert np.isfinite(attention).all()


@pytest.mark.parametrize("attention", [False, True])
def test_no_corner_no_answer(each_backbone, image, attention):
    features, maps = asked(each_backbone, image, np.empty((0, 2), int), attention=attention)
    assert features.shape == (0, 48)
    assert (maps is None) if not attention else (maps.shape == (0, 3))


def test_one_context_answers_earlier_layers_too(each_backbone, image):
    context = each_backbone.context(image, margin=MARGIN, layer=2)
    features, _ = each_backbone.query(context, CORNERS, layer=1, facet="key")
    assert_close(features, asked(each_backbone, image, CORNERS, layer=1, facet="key")[0])


def test_one_pass_brings_features_of_several_layers(each_backbone, image):
    sources = [(0, "token"), (1, "value"), (-1, "token_norm")]
    context = each_backbone.context(image, margin=MARGIN, layer=2, facet="key", also=sources)
    for layer, facet in sources:
        alone = each_backbone.context(image, margin=MARGIN, layer=layer, facet=facet).tokens.patches
        assert_close(context.further[layer, facet], alone)
    alone = each_backbone.context(image, margin=MARGIN, layer=2, facet="key").tokens.patches
    assert_close(context.tokens.patches, alone)


@pytest.mark.parametrize("shape", [(40, 57, 3), (41, 56, 3), (16, 40, 3)])
def test_a_context_of_broken_patches_is_refused(tiny_backbone, shape):
    with pytest.raises(ValueError, match="must be multiples of the patch size 8"):
        tiny_backbone.context(np.zeros(shape, np.float32), margin=8)


def test_a_margin_changes_nothing_inside(each_backbone, image):
    without = each_backbone.context(np.ascontiguousarray(inner(image)), margin=0)
    assert_close(each_backbone.query(without, CORNERS)[0], asked(each_backbone, image, CORNERS)[0])


def test_real_weights_on_the_patch_grid_are_the_plain_pass(real_backbone):
    picture = np.random.default_rng(0).random((14 * 4, 14 * 6, 3), np.float32)
    padded = np.pad(picture, ((14, 14), (14, 14), (0, 0)), mode="reflect")
    context = real_backbone.context(padded, margin=14, attention=True)
    features, attention = real_backbone.query(context, np.indices((4, 6)).reshape(2, -1).T * 14)
    plain = real_backbone.tokens(picture, attention=True)
    assert_close(features, plain.patches.reshape(-1, 384))
    np.testing.assert_allclose(attention, plain.attention.reshape(-1, 6), atol=1e-6)


def test_attention_is_no_coarser_in_half_precision_than_what_it_is_made_of(tiny_backbone, image):
    exact = tiny_backbone.tokens(inner(image), attention=True).attention
    half = tiny_backbone.tokens(inner(image), attention=True, dtype="bfloat16").attention
    assert half.dtype == np.float32
    assert np.abs(half - exact).max() < 0.05 * exact.max()
