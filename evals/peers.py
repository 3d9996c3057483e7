"""Another plugin in a process of its own, with its own Python: peers are no dependencies of ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save_file

from benchmarks.images import micrograph
from napari_vitrail.backbones import ViTBackbone, load_backbone
from napari_vitrail.spec import DEFAULT_BACKBONE

Pixels = NDArray[np.generic]
SCRIPT = Path(__file__).with_name("_convpaint_peer.py")
SAME = 1e-3
"""Of the largest value: how far tokens of the same weights may be apart."""
HOW_TO = """\
napari-convpaint lives in an environment of its own; make one and name its Python:
    python3 -m venv ../convpaint
    ../convpaint/bin/pip install napari-convpaint==1.2.0 pyqt6
    {command} --peer-python ../convpaint/bin/python"""


class PeerUnavailable(SystemExit):
    """The peer cannot be started; the message says what is needed."""

    def __init__(self, reason: str, command: str) -> None:
        super().__init__(f"{reason}\n{HOW_TO.format(command=command)}")


class Convpaint:
    """Convpaint's DINOv2 with our weights, asked through a pipe.

    Parameters
    ----------
    python : path
        The interpreter of an environment that has napari-convpaint.
    command : str
        What is being run, for the message if there is none.
    backbone : ViTBackbone, optional
        Whose weights it gets; those of the default backbone unless given.
    script : path
        What answers.

    Raises
    ------
    PeerUnavailable
        If there is no such interpreter, or convpaint cannot be imported there.
    """

    def __init__(
        self,
        python: Path | None,
        command: str,
        *,
        backbone: ViTBackbone | None = None,
        script: Path = SCRIPT,
    ) -> None:
        if python is None or shutil.which(python) is None:
            named = "--peer-python is not given" if python is None else f"there is no Python at {python}"
            raise PeerUnavailable(named, command)
        self._folder = tempfile.TemporaryDirectory(prefix="vitrail-peer-")
        self._backbone = backbone or load_backbone(DEFAULT_BACKBONE, device="cpu")
        weights = self._path("weights.safetensors")
        save_file(_tensors(self._backbone), weights)
        self._log = self._path("log.txt").open("w+")
        self._process = subprocess.Popen(
            [str(python), str(script), self._backbone.info.name, str(weights)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip
        try:
            self.about: dict[str, Any] = self._answer()
        except RuntimeError as error:
            self.close()
            raise PeerUnavailable(f"{python} cannot run convpaint: {error}", command) from error

    def __enter__(self) -> Convpaint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and remove what it was handed."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()
        self._folder.cleanup()

    def train(
        self, image: NDArray[np.generic], strokes: NDArray[np.generic], *, go_on: bool = False
    ) -> float:
        """Train on strokes (H, W), 0 unlabelled; return the seconds it took."""
        files = {"image": self._saved("image", image), "strokes": self._saved("strokes", strokes)}
        return self._ask("train", **files, go_on=go_on)["seconds"]

    def segment(self, image: Pixels) -> tuple[NDArray[np.integer], float]:
        """Return the segmentation and the seconds it took."""
        out = self._path("segmentation.npy")
        seconds = self._ask("segment", image=self._saved("image", image), out=str(out))["seconds"]
        return np.load(out), seconds

    def peak(self) -> int:
        """Return the peak of its resident set above the imported libraries, in bytes."""
        return self._ask("peak")["bytes"]

    def check_weights(self) -> float:
        """Return how far its tokens are from ours, of the largest value; SystemExit if they are others."""
        image, ours = tokens_of(self._backbone)
        out = self._path("tokens.npy")
        self._ask("tokens", image=self._saved("image", image), out=str(out))
        difference = float(np.abs(np.load(out) - ours).max() / np.abs(ours).max())
        if difference > SAME:
            raise SystemExit(f"convpaint's tokens are {difference:.1%} from ours: it has other weights")
        return difference

    def _saved(self, name: str, array: Pixels) -> str:
        path = self._path(f"{name}.npy")
        np.save(path, array)
        return str(path)

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / name

    def _ask(self, ask: str, **request: Any) -> dict[str, Any]:
        print(json.dumps({"ask": ask, **request}), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._log.seek(0)
        said = self._log.read().strip().splitlines() or ["it ended without a word"]
        raise RuntimeError(said[-1])  # of a traceback: the error


def tokens_of(backbone: ViTBackbone) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return an image (H, W, 3) and its tokens (h, w, D) on a grid where positions are interpolated."""
    size = backbone.info.patch_size
    image = micrograph(20 * size)[: 12 * size]
    return image, backbone.tokens(image.astype(np.float32) / 255).patches


def _tensors(backbone: ViTBackbone) -> dict[str, Any]:
    """Return the weights of a backbone under timm's names."""
    return {name: tensor.contiguous() for name, tensor in backbone._model.state_dict().items()}
