"""Make ``docs/images/objects_command.png``: the overlay that ``vitrail objects`` writes of two photographs.

``python -m docs.screenshots.objects_command``
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import imageio.v3 as iio
from PIL import Image
from skimage.data import chelsea, coins

from napari_vitrail.cli import main as vitrail

IMAGES = Path(__file__).parents[1] / "images"
HEIGHT = 340
GAP = 8


def main() -> None:
    """Find the objects and save both overlays beside each other in 256 colours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "objects_command.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for own, image in {"chelsea": chelsea(), "coins": coins()}.items():
            iio.imwrite(folder / f"{own}.png", image)
        vitrail(["objects", str(folder), "-o", str(folder / "found")])
        overlays = [Image.open(path) for path in sorted((folder / "found" / "overlays").iterdir())]
        scaled = [each.resize((round(each.width * HEIGHT / each.height), HEIGHT)) for each in overlays]
        width = sum(each.width for each in scaled) + GAP * (len(scaled) - 1)
        both = Image.new("RGB", (width, HEIGHT), "white")
        left = 0
        for each in scaled:
            both.paste(each, (left, 0))
            left += each.width + GAP
        palette = {"method": Image.Quantize.MAXCOVERAGE, "kmeans": 2, "dither": Image.Dither.NONE}
        both.quantize(256, **palette).save(options.target, optimize=True)
    print(f"{options.target}: {options.target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
