"""Convpaint as a process that answers requests; run by its own Python, see `evals.peers`.

Requests and answers are lines of JSON on the standard streams, arrays are ``.npy`` files that they name.
The hub's download is replaced by weights in a file; everything else is as convpaint comes.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import sys
import time
import warnings
from pathlib import Path

# The imports are timed: napari and Qt are there before the plugin opens, the rest is not.
import napari  # noqa: F401
import numpy as np
import qtpy.QtWidgets  # noqa: F401

_STARTED = time.perf_counter()

import torch  # noqa: E402
from napari_convpaint.convpaint_model import ConvpaintModel  # noqa: E402
from napari_convpaint.feature_extractors.dino import Dinov2Features  # noqa: E402
from napari_convpaint.utils import normalize_image_imagenet  # noqa: E402

ALIAS = "dinov2"
"""The name under which convpaint offers its DINOv2 with its own defaults."""


class Network(torch.nn.Module):
    """A ViT of timm's that is asked as DINOv2 from the hub is."""

    def __init__(self, name: str, weights: str) -> None:
        import timm
        from safetensors.torch import load_file

        super().__init__()
        self.vit = timm.create_model(name, pretrained=False, num_classes=0, dynamic_img_size=True)
        self.vit.load_state_dict(load_file(weights), strict=True)

    def forward_features(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the normed tokens of the patches under the hub's name for them."""
        return {"x_norm_patchtokens": self.vit.forward_features(pixels)[:, self.vit.num_prefix_tokens :]}


class Convpaint:
    """What can be asked for."""

    def __init__(self, backbone: str, weights: str) -> None:
        import catboost  # noqa: F401 -- with all libraries there, the peak begins

        self._imported = time.perf_counter() - _STARTED
        self._base = resident("VmRSS")
        peak_begins()
        Dinov2Features.create_model = staticmethod(lambda _: Network(backbone, weights).eval())
        self._model = ConvpaintModel(alias=ALIAS)
        self._opened = time.perf_counter() - _STARTED

    def about(self) -> dict[str, object]:
        """Return versions, and how long the imports and the making of the model took."""
        return {
            "convpaint": importlib.metadata.version("napari-convpaint"),
            "torch": torch.__version__,
            "imported": self._imported,
            "opened": self._opened,
        }

    def tokens(self, image: str, out: str) -> dict[str, object]:
        """Write the tokens (h, w, D) of an RGB image whose sides are multiples of the patch."""
        pixels = normalize_image_imagenet(np.moveaxis(np.load(image), -1, 0))
        (found,) = self._model.fe_model.extract_features_from_stack(pixels[:, None])
        np.save(out, np.moveaxis(found[:, 0], 0, -1))
        return {}

    def train(self, image: str, strokes: str, go_on: bool = False) -> dict[str, object]:
        """Train; where `go_on`, as the widget does: what was learned of earlier strokes is kept."""
        pixels, labels = self._read(image), np.load(strokes)
        if not go_on:
            self._model.reset_classifier()
        start = time.perf_counter()
        self._model.train(pixels, labels, memory_mode=go_on, img_ids="image")
        return {"seconds": time.perf_counter() - start}

    def segment(self, image: str, out: str) -> dict[str, object]:
        """Write the segmentation (H, W)."""
        pixels = self._read(image)
        start = time.perf_counter()
        found = self._model.segment(pixels)
        seconds = time.perf_counter() - start
        np.save(out, found)
        return {"seconds": seconds}

    def peak(self) -> dict[str, object]:
        """Return the peak of the resident set above the imported libraries, in bytes (Linux)."""
        return {"bytes": resident("VmHWM") - self._base}

    def _read(self, path: str) -> np.ndarray:
        """Return an image as the widget hands it on: channels first, and declared as RGB if it has them."""
        image = np.load(path)
        mode = "single" if image.ndim == 2 else "rgb"
        if self._model.get_param("channel_mode") != mode:
            self._model.set_param("channel_mode", mode, ignore_warnings=True)
        return image if image.ndim == 2 else np.moveaxis(image, -1, 0)


def peak_begins() -> None:
    """Forget the peak of the resident set so far, where the system knows it."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def resident(field: str) -> int:
    """Return a figure of Linux on this process, in bytes; 0 elsewhere."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    return int(re.search(rf"{field}:\s+(\d+) kB", status.read_text())[1]) * 1024


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # convpaint and CatBoost print
    warnings.simplefilter("ignore")
    convpaint = Convpaint(*sys.argv[1:])
    print(json.dumps(convpaint.about()), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(convpaint, request.pop("ask"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
