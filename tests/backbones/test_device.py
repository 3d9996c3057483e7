import pytest
import torch

from napari_vitrail.backbones import resolve_device


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
