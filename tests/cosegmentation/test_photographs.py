"""Sets of photographs that leave little to agree on, as the real network sees them."""

import numpy as np
import pytest
from skimage.data import astronaut, brick

from napari_vitrail import cosegment

pytestmark = pytest.mark.slow
PERSON = astronaut()[::2, ::2]
FACE = (slice(45, 90), slice(95, 130))
"""Its rows and columns."""


def overlap(mask, other):
    return np.count_nonzero(mask & other) / np.count_nonzero(mask | other)


def test_a_single_photograph_has_an_object_and_shares_nothing(real_backbone):
    with pytest.warns(UserWarning, match="shares nothing"):
        mask = cosegment([PERSON], backbone=real_backbone).mask(0)
    assert mask[FACE].mean() > 0.9
    assert mask.mean() < 0.8


def test_the_same_photograph_twice_has_the_same_mask_twice(real_backbone):
    found = cosegment([PERSON, PERSON], backbone=real_backbone)
    np.testing.assert_array_equal(found.mask(0), found.mask(1))
    assert found.mask(0)[FACE].mean() > 0.9


def test_a_pair_of_photographs_has_the_same_object_in_both(real_backbone):
    found = cosegment([PERSON, PERSON[20:, ::-1]], backbone=real_backbone)
    assert overlap(found.mask(0)[20:], found.mask(1)[:, ::-1]) > 0.8


@pytest.mark.filterwarnings("always:the network looks at no part", "always:there are only")
def test_blank_images_have_no_object(real_backbone):
    found = cosegment([np.full((200, 240), 128, np.uint8)] * 3, backbone=real_backbone)
    assert not any(mask.all() for mask in found.masks())


def test_where_all_is_one_texture_every_image_still_gets_a_mask(real_backbone):
    wall = brick()
    found = cosegment([wall[:256, :256], wall[256:, :256], wall[:300, 256:]], backbone=real_backbone)
    assert [mask.shape for mask in found.masks()] == [(256, 256), (256, 256), (300, 256)]


def test_where_the_object_fills_all_images_it_is_not_lost(real_backbone):
    close = PERSON[20:120, 60:170]
    found = cosegment([close, close[:, ::-1], close[10:, 15:]], backbone=real_backbone)
    assert all(0.2 < mask.mean() <= 1 for mask in found.masks())
