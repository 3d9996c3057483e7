from __future__ import annotations

import sys
import time

import pytest

from napari_vitrail.imports import import_ahead, importing_steps
from napari_vitrail.progress import drain


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """Return the name of a module that takes a while."""
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.5)\nVALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "slow_to_import"
    sys.modules.pop("slow_to_import", None)


def test_a_module_is_there_in_the_end(slow):
    drain(importing_steps(slow))
    assert sys.modules[slow].VALUE == 1


def test_work_that_is_closed_meanwhile_ends_at_once(slow):
    steps = importing_steps(slow)
    began = time.monotonic()
    assert next(steps).what == "loading"
    steps.close()
    assert time.monotonic() - began < 0.4
    drain(importing_steps(slow))  # waits for the one that is under way


def test_a_missing_module_is_left_to_whoever_imports_it():
    drain(importing_steps("no_such_module_anywhere"))
    assert "no_such_module_anywhere" not in sys.modules


def test_what_is_imported_ahead_is_there_for_the_work_that_needs_it(slow):
    began = time.monotonic()
    import_ahead("json", slow)
    assert time.monotonic() - began < 0.4
    drain(importing_steps(slow))  # waits for the one that is under way
    assert sys.modules[slow].VALUE == 1
