"""Make ``docs/images/propagate.png``: a movie of cells, its first frame labelled, and the labels in the others.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.screenshots.propagate``
"""

from __future__ import annotations

import argparse
from pathlib import Path

from docs.screenshots.window import IMAGES, open_viewer, press, save, says, wait, wait_until

N_FRAMES = 12


def main() -> None:
    """Propagate the labels of one frame, go to the worst frame, and save what the window shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "propagate.png")
    parser.add_argument("--theme", default="dark")
    options = parser.parse_args()
    viewer, widget = open_viewer("Propagate", options.theme)
    press(widget, "Propagate")
    wait_until(lambda: says(widget, "Done in"))
    press(widget, "Worst frame")
    wait(500)
    save(viewer, options.target)
    viewer.close()


if __name__ == "__main__":
    main()
