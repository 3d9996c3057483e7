"""Make two pictures of a camera that goes over coins, which are labelled or marked in its first frame.

They are ``docs/images/propagate.png`` and ``propagate-points.png``.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.propagate``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from napari import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QComboBox, QWidget
from scipy.ndimage import binary_fill_holes, center_of_mass
from skimage.data import coins
from skimage.filters import gaussian
from skimage.measure import label
from skimage.morphology import remove_small_objects
from skimage.segmentation import clear_border
from skimage.transform import AffineTransform, warp

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait, wait_until

N_FRAMES = 6
SIZE = (240, 300)
SEEN_AT = "320 pixels"


def coins_movie() -> NDArray[np.uint8]:
    """Return what a camera sees (T, H, W) that moves, turns and comes nearer, while the lamp grows dim."""
    table, frames = coins(), []
    for at in np.linspace(0, 1, N_FRAMES):
        view = AffineTransform(
            scale=0.95 - 0.15 * at, rotation=0.15 * at, translation=(10 + 60 * at, 5 + 25 * at)
        )
        frames.append(warp(table, view, output_shape=SIZE, preserve_range=True, mode="reflect"))
    dim = np.linspace(1, 0.75, N_FRAMES)[:, None, None]
    return np.rint(np.stack(frames) * dim).astype(np.uint8)


def coins_in(frame: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return the coins of a frame, each under an id of its own."""
    smooth = gaussian(frame, 1.5, preserve_range=True)
    is_coin = binary_fill_holes(smooth > gaussian(frame, 40, preserve_range=True) + 12)
    return label(remove_small_objects(is_coin, max_size=300)).astype(np.uint16)


def middles_of(labels: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return the middle (n, 2) of each object that is whole in a frame."""
    inside = clear_border(labels)
    ids = np.unique(inside)[1:]
    return np.array(center_of_mass(inside > 0, inside, ids))


def main() -> None:
    """Propagate labels and points of the first frame, go to one half-way, and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES)
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    viewer, widget = open_viewer("Propagate", options.theme)
    movie = coins_movie()
    viewer.add_image(movie, name="movie", axis_labels=("time", "row", "column"))
    labels = np.zeros(movie.shape, np.uint16)
    labels[0] = coins_in(movie[0])
    viewer.add_labels(labels, name="coins")
    choose(widget, SEEN_AT)
    show_propagated(viewer, widget, options.target / "propagate.png")
    for layer in viewer.layers:
        layer.visible = layer.name == "movie"
    viewer.add_points(np.insert(middles_of(labels[0]), 0, 0, axis=1), name="marks", size=7)
    choose(widget, "marks")
    show_propagated(viewer, widget, options.target / "propagate-points.png")
    viewer.close()


def choose(widget: QWidget, text: str) -> None:
    """Choose what a combo box offers."""
    next(own for own in widget.findChildren(QComboBox) if own.findText(text) >= 0).setCurrentText(text)
    wait(500)


def show_propagated(viewer: Viewer, widget: QWidget, target: Path) -> None:
    """Propagate from the first frame, and save what another one shows."""
    viewer.dims.set_current_step(0, 0)
    wait(500)
    press(widget, "Propagate")
    wait_until(lambda: not says(widget, "Done in"))
    wait_until(lambda: says(widget, "Done in"))
    viewer.dims.set_current_step(0, N_FRAMES // 2)
    viewer.reset_view()
    save(viewer, target)


if __name__ == "__main__":
    main()
