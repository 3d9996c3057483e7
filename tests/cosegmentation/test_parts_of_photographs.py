"""Parts of real photographs, as the real network sees them."""

import numpy as np
import pytest
from skimage.data import astronaut, cat

from napari_vitrail import COSEGMENTATION, cosegment_parts

MOSTLY = 0.7
"""Three parts drawn by lot agree on a third. The mirrored cat measured 0.84."""


def agreement(labels, other):
    """Return the share of the pixels that are of any part which are of the same part."""
    either = (labels > 0) | (other > 0)
    return np.mean(labels[either] == other[either])


@pytest.mark.slow
@pytest.mark.parametrize("photograph", [astronaut()[::2, ::2], cat()], ids=["astronaut", "cat"])
def test_a_mirrored_photograph_and_a_cut_out_have_the_same_parts(photograph, real_backbone):
    cut = photograph[10:, 15:]
    parts = cosegment_parts([photograph, photograph[:, ::-1], cut], 3, COSEGMENTATION, backbone=real_backbone)
    whole = parts.labels(0)
    assert set(np.unique(whole)) == {0, 1, 2, 3}
    assert agreement(parts.labels(1)[:, ::-1], whole) > MOSTLY
    assert agreement(parts.labels(2), whole[10:, 15:]) > MOSTLY
    assert agreement(parts.assign(photograph[:-10, :-15]), whole[:-10, :-15]) > MOSTLY
