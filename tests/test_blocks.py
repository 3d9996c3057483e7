"""Planes cut into blocks: where, and that it makes no difference which block a pixel is in."""

from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

from napari_vitrail import (
    SEGMENTATION,
    Blocks,
    LayeredImage,
    fit_classifier,
    overview,
    preset,
    read_block,
    segment,
    segment_blocks,
)
from napari_vitrail.backbones._registry import REGISTRY
from napari_vitrail.image import IntensityRange

CLASSICAL = replace(SEGMENTATION, features="classical")


@pytest.fixture
def plane() -> np.ndarray:
    """Return a plane whose left half is coarse and whose right half is fine, brighter to the bottom."""
    rows, columns = np.indices((1100, 1030))
    texture = np.where(columns < 515, (rows // 9 + columns // 9) % 2, (rows // 2 + columns // 2) % 2)
    return (texture * 80 + rows // 7).astype(np.uint16)


@pytest.fixture
def strokes(plane):
    labels = np.zeros(plane.shape, np.uint8)
    labels[700:760, 300:310] = 1
    labels[700:760, 800:810] = 2
    return labels


@pytest.mark.parametrize("spec", [CLASSICAL, preset("Balanced"), preset("Fine")], ids=("c", "b", "f"))
def test_blocks_cover_a_plane_once_and_see_a_margin_of_half_a_tile(spec):
    blocks = Blocks.of((4000, 5100), spec, 800)
    counted = np.zeros(blocks.shape, np.uint8)
    for block in blocks:
        counted[block.inner] += 1
        for outer, inner, side in zip(block.outer, block.inner, blocks.shape, strict=True):
            assert outer.start == max(inner.start - blocks.tile // 2, 0)
            assert outer.stop in (side, inner.stop - blocks.tile // 2 + blocks.tile)
    assert (counted == 1).all()


def test_blocks_of_stride_4_begin_where_tokens_do():
    assert all(start % 4 == 0 for start in Blocks.of((9000, 9000), preset("Fine"), 800).cut[0])


def test_the_block_around_a_window_is_made_of_whole_blocks():
    blocks = Blocks.of((4000, 5100), CLASSICAL, 512)
    block = blocks.around((slice(1000, 1200), slice(0, 10)))
    assert block.inner == (slice(640, 1664), slice(0, 640))
    assert [met.inner for met in blocks.meeting(block.inner)] == [
        (slice(640, 1152), slice(0, 640)), (slice(1152, 1664), slice(0, 640)),
    ]  # fmt: skip


def test_a_small_plane_is_one_block():
    [block] = Blocks.of((600, 900), SEGMENTATION)
    assert block.outer == block.inner == (slice(0, 600), slice(0, 900))


def test_an_overview_reads_a_little_of_everywhere():
    read = []

    def look(block, block_info):
        read.append(block_info[0]["array-location"])
        return block

    lazy = da.zeros((50_000, 50_000), chunks=1000, dtype=np.uint8).map_blocks(look, dtype=np.uint8)
    found = overview(lazy)
    assert found.size == 64 * 128**2
    assert len(read) <= 64 * 4 + 1  # dask asks once for the type


def test_a_block_has_the_grey_values_of_its_plane(plane):
    block = next(iter(Blocks.of(plane.shape, CLASSICAL, 256)))
    part = read_block(plane, block, overview(plane))
    assert part.shape == (512, 512)
    whole, own = IntensityRange.of([plane]), IntensityRange.of([part])
    assert own.high == pytest.approx(whole.high, rel=0.02)
    assert own.high > 1.2 * IntensityRange.of([part.image]).high


def test_an_overview_has_the_channels_of_its_image(plane):
    with pytest.raises(ValueError, match="overview must have the extra channels"):
        LayeredImage(plane, {"depth": plane}, overview(plane))


def test_channels_of_a_block_are_stretched_as_those_of_its_image(plane):
    dark = plane[:200, :200]
    alone = LayeredImage.of_channels({"a": dark, "b": dark})
    part = LayeredImage.of_channels({"a": dark, "b": dark}, {"a": plane, "b": plane})
    assert alone.image.max() == 255
    assert part.image.max() < 200


@pytest.mark.slow
def test_classical_blocks_are_the_segmentation_of_everything(plane, strokes):
    block = Blocks.of(plane.shape, CLASSICAL).around((slice(0, 1100), slice(0, 1030)))
    whole = read_block(plane, block, overview(plane))
    classifier = fit_classifier([whole], [strokes], CLASSICAL, estimator="trees")
    lazy, result = da.from_array(plane, chunks=256), np.zeros(plane.shape, np.uint8)
    cut = Blocks.of(plane.shape, CLASSICAL, 256)
    for part in cut:
        seen = read_block(lazy, part, overview(plane))
        result[part.inner] = segment(seen, classifier, window=part.local)
    assert len(list(cut)) == 4
    np.testing.assert_array_equal(result, segment(whole, classifier))


def test_vit_blocks_have_no_seam(plane, strokes, tiny_backbone, monkeypatch):
    tiny = tiny_backbone
    monkeypatch.setitem(REGISTRY, tiny.info.name, tiny.info)
    spec = replace(SEGMENTATION, backbone=tiny.info.name, features="vit", tile=96, halo=24, stride=4, layer=2)
    seen = overview(plane)
    near, far = (Blocks.of((1000, 900), spec, side) for side in (144, 288))
    painted = near.around((slice(700, 760), slice(300, 810)))
    image = read_block(plane[:1000, :900], painted, seen)
    classifier = fit_classifier([image], [strokes[:1000, :900][painted.outer]], spec, backbone=tiny)
    answers = []
    for blocks in (near, far):
        parts = blocks.meeting((slice(300, 700), slice(500, 800)))
        answer = np.zeros(blocks.shape, np.uint8)
        for part in parts:
            answer[part.inner] = segment(
                read_block(plane[:1000, :900], part, seen), classifier, window=part.local, backbone=tiny
            )
        answers.append(answer[300:700, 500:800])
    assert (answers[0] != answers[1]).mean() < 1e-4  # rounding
    assert set(np.unique(answers[0])) == {1, 2}


@pytest.mark.slow
def test_segment_blocks_fills_any_array(plane, strokes, tmp_path):
    classifier = fit_classifier([plane], [strokes], CLASSICAL, estimator="trees")
    result = np.memmap(tmp_path / "result", np.uint8, "w+", shape=plane.shape)
    segment_blocks(da.from_array(plane, chunks=500), classifier, result)
    assert (result == segment(plane, classifier)).mean() > 0.999  # its grey values are those of a sample
    with pytest.raises(ValueError, match="result must have the image's shape"):
        segment_blocks(plane, classifier, result[1:])
