"""Make ``docs/images/match_command.png``: the picture that ``vitrail match`` draws of a stereo pair.

``python -m docs.screenshots.match_command``
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import imageio.v3 as iio
from PIL import Image
from skimage.data import stereo_motorcycle

from napari_vitrail.cli import main as vitrail

IMAGES = Path(__file__).parents[1] / "images"


def main() -> None:
    """Match the two and save the picture in 256 colours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=IMAGES / "match_command.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        left, right, pairs = (Path(name, file) for file in ("left.png", "right.png", "pairs.csv"))
        for path, image in zip((left, right), stereo_motorcycle(), strict=False):
            iio.imwrite(path, image)
        vitrail(["match", str(left), str(right), "-o", str(pairs), "--plots"])
        with Image.open(pairs.with_suffix(".png")) as picture:
            palette = {"method": Image.Quantize.MAXCOVERAGE, "kmeans": 2, "dither": Image.Dither.NONE}
            picture.quantize(256, **palette).save(options.target, optimize=True)


if __name__ == "__main__":
    main()
