"""The curve by which the number of clusters was chosen, drawn for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_vitrail.cosegmentation import Curve

WIDTH, HEIGHT = 460, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 14, 40


def drawn_curve(curve: Curve) -> str:
    """Return the distortion over the number of clusters as SVG; nothing where there was no choice."""
    if len(curve.counts) < 2:
        return ""
    xs = np.interp(curve.counts, [curve.counts[0], curve.counts[-1]], [_LEFT, WIDTH - _RIGHT])
    ys = np.interp(curve.distortions, [0, curve.distortions.max()], [HEIGHT - _BOTTOM, _TOP])
    at = int(np.flatnonzero(curve.counts == curve.chosen)[0])
    places = list(zip(xs.tolist(), ys.tolist(), strict=True))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places)
    ticks = "".join(
        f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}"{_bold(count == curve.chosen)}>{count}</text>'
        for x, count in zip(xs.tolist(), curve.counts.tolist(), strict=True)
    )
    x, y = places[at]
    label = f"{curve.chosen} clusters were taken"
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<path d="M{_LEFT} {_TOP}V{HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}"/>'
        f'<path class="chosen" d="M{x:.1f} {HEIGHT - _BOTTOM}V{y:.1f}"/>'
        f'<polyline points="{line}"/>{dots}<circle class="chosen" cx="{x:.1f}" cy="{y:.1f}" r="6"/>{ticks}'
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 6}">number of clusters</text>'
        f'<text x="{-(HEIGHT - _BOTTOM + _TOP) / 2}" y="14" transform="rotate(-90)">mean squared distance'
        "</text>"
        f'<text class="chosen" x="{min(x + 12, WIDTH - 80):.1f}" y="{max(y - 12, 12):.1f}">{label}</text>'
        "</svg>\n"
    )


def _bold(is_bold: bool) -> str:
    return ' font-weight="700"' if is_bold else ""
