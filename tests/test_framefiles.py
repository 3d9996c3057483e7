"""Stacks and movies on disk: which axis counts frames, and that one frame is read at a time."""

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr

from napari_vitrail.framefiles import open_frames
from napari_vitrail.reading import Reading

GREY = np.random.default_rng(0).integers(0, 255, (5, 12, 16)).astype(np.uint8)
PLAIN = Reading()
COLOURS = np.random.default_rng(1).integers(0, 255, (5, 12, 16, 3)).astype(np.uint8)


def frames_of(path, reading=PLAIN, at=()):
    with open_frames(path, reading, at) as frames:
        return [frames[number] for number in range(len(frames))]


def ome_zarr(path, array, axes, version="0.5"):
    """Write a pyramid of one level as OME-Zarr has it."""
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    group.create_array("0", data=array, chunks=(1,) * (array.ndim - 2) + array.shape[-2:])
    scales = [{"axes": [{"name": name} for name in axes], "datasets": [{"path": "0"}]}]
    group.attrs.update({"ome": {"multiscales": scales}} if version == "0.5" else {"multiscales": scales})


WRITERS = {
    "stack.tif": lambda path: tifffile.imwrite(path, GREY, photometric="minisblack"),
    "packed.tif": lambda path: tifffile.imwrite(path, GREY, photometric="minisblack", compression="zlib"),
    "imagej.tif": lambda path: tifffile.imwrite(path, GREY, imagej=True, metadata={"axes": "TYX"}),
    "ome.ome.tif": lambda path: tifffile.imwrite(path, GREY, metadata={"axes": "ZYX"}),
    "volume.tif": lambda path: tifffile.imwrite(path, GREY, volumetric=True, tile=(5, 16, 16)),
    "plain.zarr": lambda path: zarr.create_array(path, data=GREY, chunks=(1, 12, 16)),
    "old.zarr": lambda path: zarr.create_array(path, data=GREY, chunks=(2, 12, 16), zarr_format=2),
    "ome.zarr": lambda path: ome_zarr(path, GREY[:, None, None], "tczyx"),
    "ome4.zarr": lambda path: ome_zarr(path, GREY[None, None], "tczyx", "0.4"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_stack_has_the_same_frames(name, tmp_path):
    WRITERS[name](tmp_path / name)
    np.testing.assert_array_equal(frames_of(tmp_path / name), GREY)


@pytest.mark.parametrize("name", ["it.tif", "it.zarr"])
def test_frames_may_have_colours(name, tmp_path):
    if name == "it.tif":
        tifffile.imwrite(tmp_path / name, COLOURS, photometric="rgb")
    else:
        zarr.create_array(tmp_path / name, data=COLOURS)
    np.testing.assert_array_equal(frames_of(tmp_path / name), COLOURS)


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    for number in (10, 2, 1):
        iio.imwrite(tmp_path / f"frame_{number}.png", GREY[number % 5])
    np.testing.assert_array_equal(frames_of(tmp_path), GREY[[1, 2, 0]])
    np.testing.assert_array_equal(frames_of(tmp_path / "*_1*.png"), GREY[[1, 0]])


def test_one_of_several_channels_is_chosen(tmp_path):
    both = np.stack([GREY, 255 - GREY], axis=1)
    tifffile.imwrite(tmp_path / "it.tif", both, imagej=True, metadata={"axes": "TCYX"})
    with pytest.raises(ValueError, match=r"it.tif: it has 2 channels: choose .* with --channels"):
        frames_of(tmp_path / "it.tif")
    np.testing.assert_array_equal(frames_of(tmp_path / "it.tif", Reading(channels=(1,))), 255 - GREY)
    zarr.create_array(tmp_path / "it.zarr", data=both)
    chosen = Reading(channel_axis=1, channels=(0,))
    np.testing.assert_array_equal(frames_of(tmp_path / "it.zarr", chosen), GREY)


def test_a_place_along_a_further_axis_is_said(tmp_path):
    movie = np.stack([GREY, GREY[::-1]], axis=1)
    tifffile.imwrite(tmp_path / "it.tif", movie, imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ValueError, match=r"shape \(5, 2, 12, 16\) \(TZYX\) has 2: .* --at z=0"):
        frames_of(tmp_path / "it.tif")
    np.testing.assert_array_equal(frames_of(tmp_path / "it.tif", at=[("z", 1)]), GREY[::-1])
    np.testing.assert_array_equal(frames_of(tmp_path / "it.tif", at=[("0", 2)]), movie[2])
    with pytest.raises(ValueError, match="--at z=2 must be 0 to 1"):
        frames_of(tmp_path / "it.tif", at=[("z", 2)])
    with pytest.raises(ValueError, match="there is no axis t2 among"):
        frames_of(tmp_path / "it.tif", at=[("t2", 0)])


def test_one_image_is_no_stack(tmp_path):
    iio.imwrite(tmp_path / "it.png", COLOURS[0])
    with pytest.raises(ValueError, match=r"it.png: it must be a stack, .* got shape \(12, 16, 3\)"):
        frames_of(tmp_path / "it.png")


def test_a_film_is_to_be_taken_apart_first(tmp_path):
    (tmp_path / "it.mp4").write_bytes(b"ftyp")
    with pytest.raises(ValueError, match=r"it.mp4 is a film, which is not read: .* ffmpeg -i it.mp4"):
        frames_of(tmp_path / "it.mp4")


def test_what_is_damaged_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "it.tif", GREY, photometric="minisblack", compression="zlib")
    (tmp_path / "it.tif").write_bytes((tmp_path / "it.tif").read_bytes()[:-80])
    with pytest.raises(ValueError, match=r"it.tif"):
        frames_of(tmp_path / "it.tif")
    (tmp_path / "empty.tif").write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty.tif cannot be read as an image"):
        frames_of(tmp_path / "empty.tif")
    (tmp_path / "bad.zarr").mkdir()
    (tmp_path / "bad.zarr" / "zarr.json").write_text("{")
    with pytest.raises(ValueError, match=r"bad.zarr"):
        frames_of(tmp_path / "bad.zarr")
    with pytest.raises(OSError, match="missing"):
        frames_of(tmp_path / "missing.tif")


def test_a_group_of_several_arrays_says_their_names(tmp_path):
    group = zarr.open_group(tmp_path / "it.zarr", mode="w")
    for name in "ab":
        group.create_array(name, data=GREY)
    with pytest.raises(ValueError, match=r"it.zarr must be one array or an OME-Zarr; its arrays: a, b"):
        frames_of(tmp_path / "it.zarr")
    np.testing.assert_array_equal(frames_of(tmp_path / "it.zarr" / "a"), GREY)


def test_only_the_frame_that_is_asked_for_is_read(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "it.tif", GREY, photometric="minisblack", compression="zlib")
    read, own = [], tifffile.TiffPage.asarray
    counted = lambda page, *args, **kwargs: read.append(page.index) or own(page, *args, **kwargs)  # noqa: E731
    monkeypatch.setattr(tifffile.TiffPage, "asarray", counted)
    with open_frames(tmp_path / "it.tif", Reading()) as frames:
        assert not read
        np.testing.assert_array_equal(frames[3], GREY[3])
        assert len(frames[1:3]) == 2
    assert read == [3]
