"""What happens where memory runs out: less of it is used, and it is said."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_vitrail.backbones import ViTBackbone
from napari_vitrail.features import vit_features_steps
from napari_vitrail.progress import drain
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.store import FeatureStore

SPEC = FeatureSpec(features="vit", backbone="tiny", stride=4, tile=256, halo=32, dtype="float32")


class Small(ViTBackbone):
    """A device with little memory: it refuses contexts beyond `largest` pixels, and many queries at once."""

    largest = 10**9
    most = 10**9
    knows_half = True

    def __init__(self, model, info, device="cuda"):
        super().__init__(model, info, "cpu")
        self.device = device

    def context(self, image, *, dtype, **options):
        if self.device != "cpu" and image.shape[0] * image.shape[1] > self.largest * (
            1 + (dtype != "float32")
        ):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().context(image, dtype="float32", **options)

    def query(self, context, corners, *, dtype, **options):
        return super().query(context, corners, dtype="float32", **options)

    def _embed_at(self, context, corners):
        if self.device != "cpu" and len(corners) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super()._embed_at(context, corners)

    def on_cpu(self):
        return Small(self._model, self.info, "cpu")


@pytest.fixture
def small(tiny_backbone):
    return Small(tiny_backbone._model, tiny_backbone.info)


@pytest.fixture(scope="module")
def rgb():
    """Return 250 x 250 pixels of noise: one tile."""
    return np.random.default_rng(0).random((250, 250, 3), np.float32)


def features(rgb, spec, backbone, **options):
    return drain(vit_features_steps(rgb, spec, backbone, **options)).values


def warned_of(rgb, backbone):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert np.isfinite(features(rgb, SPEC, backbone)).all()
    return [str(warning.message) for warning in warned]


def words(message):
    """Return what a warning says is done instead."""
    return re.search("with (.*?)( pixels)? instead", message)[1]


def test_fewer_queries_at_a_time_change_nothing_and_say_nothing(small, rgb, tiny_backbone):
    small.most = 300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = features(rgb, SPEC, small)
    expected = features(rgb, SPEC, tiny_backbone)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_fewer_copies_at_a_time_change_nothing_and_say_nothing(tiny_backbone, rgb, monkeypatch):
    batches, batch_tokens = [], tiny_backbone.batch_tokens

    def refuse_three(images, **options):
        batches.append(len(images))
        if len(images) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch_tokens(images, **options)

    spec = replace(SPEC, sampling="strided", stride=8, shifts="neumann", shift_distance=1)
    expected = features(rgb, spec, tiny_backbone)
    monkeypatch.setattr(tiny_backbone, "batch_tokens", refuse_three)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = features(rgb, replace(spec, batch=4), tiny_backbone)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert batches == [4, 2, 2, 1]


def test_then_tiles_are_halved(small, rgb, tiny_backbone):
    small.largest = 200**2
    with pytest.warns(UserWarning, match="memory ran out.* tiles of 128 pixels") as warned:
        found = features(rgb, SPEC, small)
    assert len(warned) == 1
    expected = features(rgb, replace(SPEC, tile=128, halo=32), tiny_backbone)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_then_precision_and_then_the_cpu(small, rgb):
    """Tiles of 64 pixels have 80 with their margin: too much, but not in half precision."""
    small.largest = 64**2
    assert [words(one) for one in warned_of(rgb, small)] == ["tiles of 128", "tiles of 64", "half precision"]
    small.largest = 0
    assert [words(one) for one in warned_of(rgb, small)][-1] == "the CPU"


def test_stored_under_what_was_really_used(small, rgb, tiny_backbone, monkeypatch):
    small.largest = 200**2
    store = FeatureStore()
    with pytest.warns(UserWarning, match="tiles of 128"):
        found = features(rgb, SPEC, small, store=store)
    monkeypatch.setattr(tiny_backbone, "context", None)
    again = features(rgb, replace(SPEC, tile=128, halo=32), tiny_backbone, store=store)
    np.testing.assert_array_equal(again, found)


def test_on_the_cpu_the_last_word_is_the_error(small, rgb, monkeypatch):
    on_cpu = small.on_cpu()

    def refuse(*args, **options):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(on_cpu, "context", refuse)
    with pytest.warns(UserWarning, match="tiles of"), pytest.raises(RuntimeError, match="can't allocate"):
        features(rgb, SPEC, on_cpu)


def test_other_errors_are_not_mistaken_for_a_lack_of_memory(small, rgb, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(small, "context", fail)
    with pytest.raises(RuntimeError, match="multiplied"):
        features(rgb, SPEC, small)


def test_auto_is_half_precision_on_a_gpu_only(rgb, small, monkeypatch):
    asked = []
    context = small.context
    monkeypatch.setattr(
        small,
        "context",
        lambda *args, dtype, **options: asked.append(dtype) or context(*args, dtype=dtype, **options),
    )
    features(rgb, replace(SPEC, dtype="auto"), small)
    small.device = "cpu"
    features(rgb, replace(SPEC, dtype="auto"), small)
    assert asked == ["float16", "float32"]


def test_float16_on_the_cpu_is_refused(rgb, tiny_backbone):
    with pytest.raises(ValueError, match="dtype='float16' needs a GPU; use 'bfloat16' or 'float32'"):
        features(rgb, replace(SPEC, dtype="float16"), tiny_backbone)


def test_bfloat16_is_close_to_float32(rgb, each_backbone):
    """Eight bits of precision over three blocks with seeded, large weights: a few per cent."""
    exact = features(rgb[:64, :64], SPEC, each_backbone)
    half = features(rgb[:64, :64], replace(SPEC, dtype="bfloat16"), each_backbone)
    assert 0 < np.abs(half - exact).mean() < 0.05 * np.abs(exact).mean()
