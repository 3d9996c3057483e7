"""Who may import whom, and what an import costs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QT = {"PyQt5", "PyQt6", "PySide2", "PySide6", "napari", "qtpy"}

SEGMENT = """
from dataclasses import replace
import numpy as np
from napari_vitrail import SEGMENTATION, fit_classifier, segment
image = np.zeros((32, 32)); image[:, 16:] = 1
labels = np.zeros((32, 32), int); labels[4, 2:8], labels[4, 22:28] = 1, 2
segment(image, fit_classifier([image], [labels], replace(SEGMENTATION, features="classical")))
"""


def modules_after(program):
    """Return the top-level names of the modules that a fresh interpreter has loaded after a program."""
    program += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(output.stdout.split())


def test_the_contracts_hold():
    # In a process of its own: import-linter silences the loggers of the one it runs in.
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    checked = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_importing_the_package_loads_nothing_heavy():
    assert not modules_after("import napari_vitrail") & ({"numpy", "torch", "timm", "skimage"} | QT)


@pytest.mark.slow
def test_segmenting_loads_no_qt():
    assert not modules_after(SEGMENT) & QT
