"""Sets of more images than fit into memory: held or not, what is found is the same."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail import ComputeError
from napari_vitrail.cosegmentation import (
    COSEGMENTATION,
    Votes,
    cosegment_parts_seen,
    cosegment_seen,
    see_set,
)
from napari_vitrail.cosegmentation import _clusters as clusters_module
from napari_vitrail.cosegmentation import _seen as seen_module
from napari_vitrail.cosegmentation._sampling import spread
from tests.cosegmentation.conftest import TINY, picture, scene

COMPONENTS = replace(TINY, n_components=8, how=COSEGMENTATION.how)
SPECS = {
    "components": COMPONENTS,
    "whole descriptors": TINY,
    "without outliers": replace(COMPONENTS, outlier_similarity=-1.0),
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return the folder of caches, where pictures go that do not fit into memory."""
    monkeypatch.setattr("napari_vitrail.scratch.cache_directory", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def in_file(picture):
    base = picture.descriptors
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    return isinstance(base, np.memmap)


@pytest.mark.parametrize("memory_bytes", [0, 8000])  # none, or one of three where they have components
@pytest.mark.parametrize("n_fitted", [2, 64])
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_what_is_found_is_the_same_whether_pictures_are_in_memory_or_in_a_file(
    spec, n_fitted, memory_bytes, patches, tiny_backbone, cache, monkeypatch
):
    monkeypatch.setattr(seen_module, "FITTED_IMAGES", n_fitted)
    held = see_set(patches, spec, backbone=tiny_backbone)
    seen = see_set(patches, spec, backbone=tiny_backbone, memory_bytes=memory_bytes)
    assert not any(map(in_file, held.pictures))
    assert sum(map(in_file, seen.pictures)) >= 1
    for one, other in zip(held.pictures, seen.pictures, strict=True):
        np.testing.assert_array_equal(one.descriptors, other.descriptors)
        np.testing.assert_array_equal(one.saliency, other.saliency)
        assert (one.shape, one.grid) == (other.shape, other.grid)
    found, again = cosegment_seen(held), cosegment_seen(seen)
    for mask, other in zip(found.masks(), again.masks(), strict=True):
        np.testing.assert_array_equal(mask, other)
    parts, again = (cosegment_parts_seen(own, 3) for own in (found, again))
    for labels, other in zip(parts.all_labels(), again.all_labels(), strict=True):
        np.testing.assert_array_equal(labels, other)


def test_the_file_of_pictures_goes_with_the_set(patches, tiny_backbone, cache):
    seen = see_set(patches, COMPONENTS, backbone=tiny_backbone, memory_bytes=0)
    file = seen.pictures._scratch._file
    first = seen.pictures[0]
    assert not file.closed
    del seen
    assert file.closed
    assert first.descriptors.any()  # a picture that somebody has stays
    del first
    assert not list(cache.iterdir())


def test_a_folder_that_cannot_be_written_is_named(patches, tiny_backbone, cache):
    cache.write_text("a file, not a folder")
    with pytest.raises(ComputeError, match=r"cannot be written to .*cache .*; make room there"):
        see_set(patches, COMPONENTS, backbone=tiny_backbone, memory_bytes=0)
    assert see_set(patches, COMPONENTS, backbone=tiny_backbone).pictures[0].descriptors.any()


def test_a_set_without_outliers_reads_its_pictures_when_they_are_asked_for(scenes):
    left = scenes.without(np.array([True, False, True, False]))
    assert [id(own) for own in left.pictures] == [id(scenes.pictures[index]) for index in (1, 3)]
    assert [id(own) for own in left.pictures[1:]] == [id(scenes.pictures[3])]


@pytest.mark.parametrize("count", [166, 167, 1000])
def test_a_sample_of_images_of_one_size_is_of_all_their_columns(count):
    cells = 48 * 64  # every 64th, or 384th, would be of the first column alone
    columns = np.concatenate(spread([cells] * count, 8000)) % 64
    assert len(columns) == 8000
    assert np.bincount(columns, minlength=64).min() > 80  # 125 on average


def test_a_sample_of_more_images_than_places_is_not_of_their_first_places():
    chosen = spread([30] * 10_000, 1000)
    assert max(map(len, chosen)) == 1
    assert np.bincount(np.concatenate(chosen), minlength=30).min() > 10


@pytest.mark.parametrize("sizes", [[3, 0, 4], [5]], ids=str)
def test_a_sample_of_few_is_all_of_them(sizes):
    assert [own.tolist() for own in spread(sizes, 8)] == [list(range(size)) for size in sizes]


def test_every_stretch_of_a_set_has_one_place_in_a_sample():
    chosen = spread([7, 0, 5, 88], 10)
    assert [len(own) for own in chosen[:2]] == [1, 0]
    starts = np.cumsum([0, 7, 0, 5])
    places = np.concatenate([own + start for own, start in zip(chosen, starts, strict=True)])
    assert (places // 10).tolist() == list(range(10))


def test_of_thousands_of_images_the_published_recipe_learns_of_a_sample(make_set, monkeypatch):
    monkeypatch.setattr(clusters_module, "LARGEST_SAMPLE", 90)
    seen = make_set(
        [picture(scene(slice(n % 3, n % 3 + 2)), {0: 0.5, 1: 0.4, 3: 3.0}, seed=n) for n in range(40)]
    )
    assert len(clusters_module._sample(seen, 1, 4)) == 90
    assert len(clusters_module._sample(seen, 20, 4)) == 80  # 2 of each image
    found = cosegment_seen(seen, Votes(saliency_threshold=1.0, sample_interval=1, n_clusters=3))
    assert found.mask(1)[20:40, 12:20].all()
