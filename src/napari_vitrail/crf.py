"""Dense CRF: neighbours, and pixels of the same colour not far away, should be of one class."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_vitrail.errors import ComputeError, MissingExtra
from napari_vitrail.grey_values import to_rgb
from napari_vitrail.image import IntensityRange
from napari_vitrail.progress import Progress, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 1e-5
"""Probabilities below count as this: one of nothing could never be argued with."""
_LOOK_SECONDS = 0.1
_INPUTS, _ANSWER = "inputs.npz", "answer.npy"


@dataclass(frozen=True)
class DenseCRF:
    """A fully connected conditional random field over the pixels; needs the extra ``crf``.

    Attributes
    ----------
    near_distance : float, pixels
        How far neighbours are asked, whatever they look like.
    near_weight : float
        How much they count.
    colour_distance : float, pixels
        How far pixels of like colour are asked.
    colour_difference : float
        How far apart colours may be that are alike, of 255.
    colour_weight : float
        How much they count.
    n_iterations : int

    Notes
    -----
    The defaults are those of Docherty et al. (2024) for segmentations learned from strokes.

    References
    ----------
    Krähenbühl and Koltun (2011), "Efficient Inference in Fully Connected CRFs with Gaussian Edge
    Potentials".
    """

    near_distance: float = 3.0
    near_weight: float = 10.0
    colour_distance: float = 80.0
    colour_difference: float = 13.0
    colour_weight: float = 10.0
    n_iterations: int = 10

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            least = 0 if item.name.endswith("weight") else np.nextafter(0, 1)
            if not least <= value < np.inf:
                kind = "0 or more" if item.name.endswith("weight") else "more than 0"
                raise ValueError(f"{item.name} must be {kind} and finite, got {value}")

    def refined_steps(
        self, probabilities: NDArray[np.float32], image: NDArray[np.generic] | None = None
    ) -> Steps[NDArray[np.float32]]:
        """Yield Progress while another process computes; return refined probabilities (k, H, W).

        Raises
        ------
        ValueError
            If there is no image.
        MissingExtra
            If pydensecrf is not installed.
        """
        if image is None:
            raise ValueError("image must be given for DenseCRF: pixels of like colour are found in it")
        check_installed()
        with tempfile.TemporaryDirectory(prefix="vitrail-crf-") as name:
            folder = Path(name)
            np.savez(folder / _INPUTS, probabilities=probabilities, guide=_guide(image), **asdict(self))
            yield from _run_apart(folder)
            return np.asarray(np.load(folder / _ANSWER))


def check_installed() -> None:
    """Raise MissingExtra if the package that `DenseCRF` needs is not there."""
    if find_spec("pydensecrf") is None:
        raise MissingExtra("DenseCRF needs pydensecrf: pip install 'napari-vitrail[crf]'")


def _guide(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) of colours from 0 to 255; 8-bit ones stay as they are."""
    colours = to_rgb(IntensityRange.of([image]).scale(image))
    return np.ascontiguousarray(np.rint(255 * colours), np.uint8)


def _run_apart(folder: Path) -> Steps[None]:
    """Yield Progress while a process of its own does the work in a folder; closing this ends it.

    pydensecrf holds Python's lock for as long as an iteration lasts: a viewer in the same process
    would stand still.
    """
    command = [sys.executable, "-m", "napari_vitrail.crf", str(folder)]
    path = os.pathsep.join(filter(None, sys.path))  # the same packages as here
    with (folder / "errors.txt").open("w+") as errors:
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stderr=errors)
        try:
            while process.poll() is None:
                yield Progress(0, 1, "dense CRF")
                _wait(process)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            errors.seek(0)
            last = errors.read().strip().rpartition("\n")[2]
            raise ComputeError(f"the dense CRF failed: {last or f'exit code {process.returncode}'}")


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Wait a moment, or less if the process ends."""
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return


def infer(probabilities: NDArray[np.float32], guide: NDArray[np.uint8], crf: DenseCRF) -> NDArray[np.float32]:
    """Return the probabilities (k, H, W) after mean-field inference, in this process."""
    from pydensecrf.densecrf import DenseCRF2D

    count, height, columns = probabilities.shape
    field = DenseCRF2D(columns, height, count)
    energies = -np.log(np.maximum(probabilities, LEAST)).reshape(count, -1)
    field.setUnaryEnergy(np.ascontiguousarray(energies, np.float32))
    field.addPairwiseGaussian(sxy=crf.near_distance, compat=crf.near_weight)
    field.addPairwiseBilateral(
        sxy=crf.colour_distance, srgb=crf.colour_difference, rgbim=guide, compat=crf.colour_weight
    )
    return np.array(field.inference(crf.n_iterations), np.float32).reshape(probabilities.shape)


def main(folder: Path) -> None:
    """Read what `DenseCRF` wrote into a folder and write the answer beside it."""
    with np.load(folder / _INPUTS) as inputs:
        settings = {item.name: inputs[item.name].item() for item in fields(DenseCRF)}
        np.save(folder / _ANSWER, infer(inputs["probabilities"], inputs["guide"], DenseCRF(**settings)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
