"""Groups of features, told by the names of their channels."""

from __future__ import annotations

import re

VIT, INTENSITY, LINES = "ViT", "intensity", "lines"

_CHANNEL = re.compile(
    r"""(?:(?P<layer>.+?)[\s_:/]+)?                  # of a further image layer
    (?:
        (?P<lines>membrane_\w+)
      | (?:raw|gaussian_(?P<scale>\d+))
        (?:(?P<edges>_sobel|_hessian_\w+)|_minus_(?P<other>\d+))?
    )""",
    re.VERBOSE,
)


def group_of(channel: str) -> str:
    """Return the group of a classical channel: what it looks at, and how widely.

    Parameters
    ----------
    channel : str
        A name as in `CLASSICAL_CHANNELS`. Channels of a further image layer have its name in front, and
        are a group of that name; so are channels of other kinds up to their first underscore.

    Returns
    -------
    group : str
        ``intensity`` for the image, smoothed or not; ``edges`` for its gradients and curvatures, ``edges
        4`` at that scale (differences of two scales belong to the wider one); ``lines`` for the membrane
        projections.
    """
    found = _CHANNEL.fullmatch(channel)
    if found is None:
        return channel.partition("_")[0]
    if found["layer"]:
        return found["layer"]
    if found["lines"]:
        return LINES
    if found["other"]:
        return f"edges {max(int(found['scale']), int(found['other']))}"
    if found["edges"]:
        return f"edges {found['scale']}" if found["scale"] else "edges"
    return INTENSITY
