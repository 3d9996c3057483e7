"""Triton is imported so that it keeps to its own copy of LLVM, and nothing else is."""

from __future__ import annotations

import os
import sys

import pytest

from napari_vitrail.widgets import _torch

pytestmark = pytest.mark.skipif(not hasattr(os, "RTLD_DEEPBIND"), reason="the linker knows no such flag")


@pytest.fixture
def imported(monkeypatch):
    """Return the (module, linker flags) of each import, as on a machine that has triton."""
    seen = []
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.setattr(_torch, "find_spec", lambda name: object())
    monkeypatch.setattr(_torch, "import_module", lambda name: seen.append((name, sys.getdlopenflags())))
    return seen


def test_only_triton_prefers_its_own_symbols(imported):
    before = sys.getdlopenflags()
    _torch.load_triton_apart()
    assert imported == [("triton", before | os.RTLD_DEEPBIND)]
    assert sys.getdlopenflags() == before


def test_a_broken_triton_is_as_good_as_none(imported, monkeypatch):
    def fail(name):
        raise ImportError(name)

    monkeypatch.setattr(_torch, "import_module", fail)
    before = sys.getdlopenflags()
    _torch.load_triton_apart()
    assert sys.getdlopenflags() == before


def test_triton_that_is_there_already_is_left_alone(imported, monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", object())
    _torch.load_triton_apart()
    assert imported == []
