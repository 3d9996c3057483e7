"""napari-convpaint beside ours: the same image, strokes and weights; time and memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.images import micrograph
from benchmarks.live import Painting, in_a_fresh_process
from benchmarks.memory import peak_begins, resident, warm_up
from evals.peers import Convpaint


@dataclass(frozen=True)
class PeersPainting:
    """What was measured of the peer on one image.

    Attributes
    ----------
    opening : float, seconds
        Its imports and the making of its network: done when its panel is there.
    first : float, seconds
        Training on the first strokes and segmenting, in a process that has done neither.
    repaints : list of float, seconds
        The same after further strokes, as its widget trains: what was learned of earlier ones is kept.
    """

    opening: float
    first: float
    repaints: list[float]


@dataclass(frozen=True)
class Beside:
    """Both on one image; peaks in bytes."""

    side: int
    ours: Painting
    peers: PeersPainting
    our_peak: int
    peers_peak: int


def beside(side: int, python: Path | None, repaints: int) -> Beside:
    """Measure both on a micrograph: ours in a viewer, the peer's calls alone, each in a fresh process.

    Parameters
    ----------
    side : int, pixels
    python : path
        The peer's interpreter.
    repaints : int
        Strokes after which the peer is asked for a picture, spread evenly over those painted in ours.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "strokes.npz"
        ours = in_a_fresh_process(side, kept=kept)
        labels = np.load(kept)["labels"]
        strokes = Path(folder) / "strokes.npy"
        np.save(strokes, labels[-1])
        our_peak = _measured([str(side), str(strokes)])
    image = micrograph(side)
    with _peer(python) as peer:
        peers = _asked(peer, image, labels, repaints)
    with _peer(python) as peer:
        peer.train(image, labels[-1], go_on=True)
        peer.segment(image)
        peers_peak = peer.peak()
    return Beside(side, ours, peers, our_peak, peers_peak)


def about(python: Path | None) -> str:
    """Return which peer it is, once its tokens are found to be those of our weights."""
    with _peer(python) as peer:
        peer.check_weights()
        return f"napari-convpaint {peer.about['convpaint']} with torch {peer.about['torch']}"


def _peer(python: Path | None) -> Convpaint:
    return Convpaint(python, "python -m benchmarks convpaint")


def _asked(
    peer: Convpaint, image: NDArray[np.uint8], labels: NDArray[np.integer], repaints: int
) -> PeersPainting:
    first, *others = (_seconds(peer, image, labels[index]) for index in _spread(len(labels), repaints))
    return PeersPainting(peer.about["opened"], first, others)


def _spread(n_painted: int, repaints: int) -> list[int]:
    """Return which states of the strokes the peer sees: the first, and others up to the last."""
    return [0, *np.linspace(1, n_painted - 1, repaints).round().astype(int).tolist()]


def _seconds(peer: Convpaint, image: NDArray[np.uint8], labels: NDArray[np.integer]) -> float:
    return peer.train(image, labels, go_on=True) + peer.segment(image)[1]


def _measured(arguments: Sequence[str]) -> int:
    command = [sys.executable, "-m", "benchmarks.convpaint", *arguments]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _peak_here(side: int, strokes: Path) -> int:
    """Return the peak above the imported libraries of training and segmenting, with the default features."""
    from napari_vitrail import fit_classifier, segment

    warm_up()
    before = resident("VmRSS")
    peak_begins()
    image = micrograph(side)
    segment(image, fit_classifier([image], [np.load(strokes)]))
    return resident("VmHWM") - before


def table(results: Sequence[Beside]) -> str:
    """Return a Markdown table: for each image what both take, and the ratio."""
    lines = ["| image | | napari-vitrail | convpaint | convpaint / napari-vitrail |", "|---|---|---|---|---|"]
    for one in results:
        ours, peers = one.ours, one.peers
        repaint, peers_repaint = np.median(ours.repaints), np.median(peers.repaints)
        late, peers_late = (np.percentile(painted.repaints, 95) for painted in (ours, peers))
        rows = [
            ("opening the panel", ours.opening, peers.opening),
            ("first strokes to first picture", ours.first, peers.first),
            ("opening to first picture", ours.opening + ours.first, peers.opening + peers.first),
            ("stroke to picture, median", repaint, peers_repaint),
            ("stroke to picture, 95 %", late, peers_late),
            ("stroke to the whole picture, hasty", ours.whole, peers_repaint),
            ("stroke to the whole picture, thorough", ours.thorough, peers_repaint),
        ]
        lines += [
            _line(one.side, name, f"{own:.2f} s", f"{other:.2f} s", other / own) for name, own, other in rows
        ]
        own, other = one.our_peak, one.peers_peak
        lines.append(
            _line(one.side, "peak of memory", f"{own / 1e6:.0f} MB", f"{other / 1e6:.0f} MB", other / own)
        )
    return "\n".join(lines)


def _line(side: int, name: str, own: str, other: str, ratio: float) -> str:
    return f"| {side} x {side} | {name} | {own} | {other} | {ratio:.2g} |"


if __name__ == "__main__":
    print(_peak_here(int(sys.argv[1]), Path(sys.argv[2])))
