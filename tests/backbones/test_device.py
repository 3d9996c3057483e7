"""Where the network runs: what is asked for, what is there, and what can be trusted."""

import warnings

import numpy as np
import pytest
import torch

from napari_vitrail.backbones import ViTBackbone, _load, failure_text, is_out_of_memory, resolve_device
from napari_vitrail.backbones._vit import Tokens


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """Make a machine without any accelerator and without a wish."""
    monkeypatch.delenv("VITRAIL_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_the_best_that_is_there_is_taken(monkeypatch):
    assert resolve_device() == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device() == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device() == "cuda"


def test_an_argument_beats_the_variable_and_the_variable_beats_the_best(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("VITRAIL_DEVICE", "cpu")
    assert resolve_device() == "cpu"
    assert resolve_device("cuda") == "cuda"


@pytest.mark.parametrize("variable", ["", "auto"])
def test_an_empty_variable_is_no_wish(monkeypatch, variable):
    monkeypatch.setenv("VITRAIL_DEVICE", variable)
    assert resolve_device() == "cpu"


def test_an_unknown_device_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="must be one of auto, cuda, mps, cpu, got 'tpu'"):
        resolve_device("tpu")


def test_a_device_that_is_not_there_is_answered_with_what_is():
    with pytest.raises(ValueError, match="'cuda' is not available here; available: cpu"):
        resolve_device("cuda")


class Elsewhere(ViTBackbone):
    """A backbone on a device that is not there: it computes on the CPU, and adds an error of its own."""

    error = 0.0

    def __init__(self, model, info, device):
        super().__init__(model, info, "cpu")
        self.device = device

    def tokens(self, image, **options):
        tokens = super().tokens(image, **options)
        if self.device == "cpu":
            return tokens
        if isinstance(self.error, Exception):
            raise self.error
        size = np.abs(tokens.patches).max()
        return Tokens(tokens.patches + np.float32(self.error) * size, tokens.cls, tokens.attention)


@pytest.fixture
def moved(tiny_backbone, monkeypatch):
    """Return a function that moves the tiny backbone to a device with an error."""
    monkeypatch.setattr(_load, "ViTBackbone", Elsewhere)

    def move(error):
        monkeypatch.setattr(Elsewhere, "error", error)
        return _load._on_device(tiny_backbone, "cuda")

    return move


@pytest.mark.parametrize("error", [0.0, 0.005])
def test_a_device_that_agrees_with_the_cpu_is_used(error, moved):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert moved(error).device == "cuda"


@pytest.mark.parametrize("error", [0.5, np.nan, RuntimeError("no kernel image")], ids=str)
def test_a_device_that_disagrees_or_fails_is_not_used(error, moved):
    with pytest.warns(UserWarning, match="the device cuda is not used, the CPU is: ") as warned:
        backbone = moved(error)
    assert backbone.device == "cpu"
    assert ("no kernel image" if isinstance(error, Exception) else "differs from the CPU") in str(
        warned[0].message
    )


def test_a_copy_on_the_cpu_leaves_the_device_alone(tiny_backbone):
    elsewhere = Elsewhere(tiny_backbone._model, tiny_backbone.info, "cuda")
    copied = elsewhere.on_cpu()
    assert (elsewhere.device, copied.device) == ("cuda", "cpu")
    assert copied._model is not elsewhere._model
    image = np.random.default_rng(0).random((16, 16, 3), np.float32)
    np.testing.assert_array_equal(copied.tokens(image).patches, tiny_backbone.tokens(image).patches)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
            True,
        ),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
    ids=str,
)
def test_a_lack_of_memory_is_known_by_its_words(error, expected):
    assert is_out_of_memory(error) == expected
    assert ("need less memory" in failure_text(error)) == expected
