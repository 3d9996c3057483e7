"""Groups of features, told by the names of their channels."""

from __future__ import annotations

import re

VIT, INTENSITY, LINES = "ViT", "intensity", "lines"

_CHANNEL = re.compile(
    r"""(?:(?P<further>.+):\s)?                     # a further channel of the image
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
        A name as in `CLASSICAL_CHANNELS`. Those of a further channel of the image have its name in front,
        ``DAPI: gaussian_2``, and are the group ``+ DAPI``.

    Returns
    -------
    group : str
        ``intensity`` for the image, smoothed or not; ``edges`` for its gradients and curvatures, ``edges
        4`` at that scale (differences of two scales belong to the wider one); ``lines`` for the membrane
        projections.
    """
    found = _CHANNEL.fullmatch(channel)
    if found is None:
        return f"+ {channel}"
    if found["further"]:
        return f"+ {found['further']}"
    if found["lines"]:
        return LINES
    if found["other"]:
        return f"edges {max(int(found['scale']), int(found['other']))}"
    if found["edges"]:
        return f"edges {found['scale']}" if found["scale"] else "edges"
    return INTENSITY
