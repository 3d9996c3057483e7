"""Make ``docs/images/cosegment_gallery.png``: the page that ``vitrail cosegment`` writes of views of a cat.

``python -m docs.screenshots.cosegment_gallery``; it needs Chromium or Chrome, which draws the page.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import imageio.v3 as iio
from PIL import Image

from docs.screenshots.common_parts import views
from docs.screenshots.window import IMAGES
from napari_vitrail.cli import main as vitrail

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
SIZE = (1240, 500)


def browser() -> str:
    """Return the path of a browser that takes pictures of pages.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FileNotFoundError(
            f"a browser draws the page: install one of {', '.join(BROWSERS)}, or name yours by --browser"
        )
    return found


def picture(page: Path, target: Path, command: str) -> None:
    """Write what a browser shows of a page."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-dark-mode"]
    size = f"--window-size={SIZE[0]},{SIZE[1]}"
    subprocess.run([command, *options, size, f"--screenshot={target}", page.as_uri()], check=True)


def main() -> None:
    """Find what the views share and save the top of the page in 256 colours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "cosegment_gallery.png")
    parser.add_argument("--browser", help="the command of a Chromium or Chrome")
    options = parser.parse_args()
    command = options.browser or browser()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "cats")
        folder.mkdir()
        for number, view in enumerate(views(), start=1):
            iio.imwrite(folder / f"cat_{number}.png", view)
        vitrail(["cosegment", str(folder), "--parts", "4", "-o", str(Path(name, "found"))])
        shot = Path(name, "page.png")
        picture(Path(name, "found", "index.html"), shot, command)
        with Image.open(shot) as drawn:
            palette = {"method": Image.Quantize.MAXCOVERAGE, "kmeans": 2, "dither": Image.Dither.NONE}
            drawn.convert("RGB").quantize(256, **palette).save(options.target, optimize=True)
    print(f"{options.target}: {options.target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
