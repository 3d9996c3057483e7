import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_vitrail.imagefile import png_bytes, read_image, write_tiff

GREY = np.arange(600, dtype=np.uint8).reshape(20, 30)
RGB = np.stack([GREY, GREY[::-1], GREY], axis=-1)


@pytest.mark.parametrize("name", ["image.png", "image.tif", "IMAGE.TIFF"])
@pytest.mark.parametrize("image", [GREY, RGB, GREY.astype(np.uint16) * 200], ids=["grey", "rgb", "16"])
def test_reads_what_is_stored(tmp_path, name, image):
    write = tifffile.imwrite if "tif" in name.lower() else iio.imwrite
    write(tmp_path / name, image)
    np.testing.assert_array_equal(read_image(tmp_path / name), image)


def test_reads_jpeg(tmp_path):
    iio.imwrite(tmp_path / "image.jpg", RGB)
    assert read_image(tmp_path / "image.jpg").shape == RGB.shape


@pytest.mark.parametrize("pages", [1, 3])
def test_reads_lzw_which_needs_pillow(tmp_path, pages):
    path, stack = tmp_path / "lzw.tif", np.stack([GREY] * pages)
    lzw = {"extension": ".tif", "plugin": "pillow", "compression": "tiff_lzw", "is_batch": True}
    path.write_bytes(iio.imwrite("<bytes>", stack, **lzw))
    np.testing.assert_array_equal(read_image(path), GREY if pages == 1 else stack)


def test_reads_all_pages_of_a_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([GREY] * 5))
    assert read_image(tmp_path / "stack.tif").shape == (5, 20, 30)


def empty(name):
    return b""


def text(name):
    return b"no image"


def half(name):
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    whole = iio.imwrite("<bytes>", noise, extension=name[3:])
    return whole[: len(whole) // 2]


@pytest.mark.parametrize("name", ["bad.tif", "bad.png", "bad.jpg"])
@pytest.mark.parametrize("damage", [empty, text, half])
def test_damaged_file_is_named(tmp_path, name, damage):
    path = tmp_path / name
    path.write_bytes(damage(name))
    with pytest.raises(ValueError, match=r"bad\..* cannot be read as an image"):
        read_image(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.tif"):
        read_image(tmp_path / "nowhere.tif")


def test_written_tiff_keeps_type_and_axes(tmp_path):
    probabilities = np.random.default_rng(0).random((3, 20, 30), np.float32)
    write_tiff(tmp_path / "new" / "p.tif", probabilities, "CYX")
    with tifffile.TiffFile(tmp_path / "new" / "p.tif") as file:
        assert file.series[0].axes == "CYX"
        np.testing.assert_array_equal(file.asarray(), probabilities)


def test_png_bytes_are_a_png():
    np.testing.assert_array_equal(iio.imread(png_bytes(RGB), extension=".png"), RGB)
