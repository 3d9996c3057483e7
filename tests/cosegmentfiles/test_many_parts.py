import json

import imageio.v3 as iio
import numpy as np
import pytest

from napari_vitrail import drain
from napari_vitrail.cosegmentfiles import (
    Gallery,
    check_images_steps,
    part_summaries,
    plan_set,
    summary_lines,
    write_areas,
    write_gallery,
    write_masks_steps,
)
from napari_vitrail.reading import Reading


class Halves:
    """Labels of which the upper half is part 1, and the lower left of the first image part 2."""

    def __init__(self, images):
        self.images = images
        self.names = {1: "head", 2: "tail & fin", 3: "none has it"}

    def labels_steps(self, index):
        yield from ()
        height, width = self.images[index].shape
        labels = np.zeros((height, width), np.uint8)
        labels[: height // 2] = 1
        if index == 0:
            labels[height // 2 :, : width // 2] = 2
        return labels


@pytest.fixture
def written(folder):
    """Return the files and the gallery of two images, the second large and of 16 bits."""
    iio.imwrite(folder / "set" / "b.png", np.arange(900 * 600, dtype=np.uint16).reshape(900, 600))
    files = plan_set([folder / "set" / "a.png", folder / "set" / "b.png"], folder / "out")
    checked, failed = drain(check_images_steps(files, Reading()))
    labels = Halves(checked)
    found, _ = drain(write_masks_steps(labels, checked, files))
    gallery = Gallery(found, part_summaries(found, labels.names), failed, None, {"settings": "<none>"})
    write_areas(files, gallery)
    write_gallery(files.gallery, gallery)
    return files, gallery


def test_thumbnails_are_small_and_of_the_image_s_shape(written):
    assert [image.image.size for image in written[1].images] == [(64, 72), (400, 267)]


def test_parts_have_the_same_id_and_colour_in_all_images(written):
    files, _ = written
    areas = json.loads(files.areas.read_text())
    assert [(part["id"], part["name"], part["images"], part["share"]) for part in areas["parts"]] == [
        (1, "head", 2, 0.5), (2, "tail & fin", 1, 0.25), (3, "none has it", 0, 0.0),
    ]  # fmt: skip
    assert len({part["colour"] for part in areas["parts"]}) == 3
    assert [[part["id"] for part in image["parts"]] for image in areas["images"]] == [[1, 2], [1]]
    page = files.gallery.read_text()
    for part in areas["parts"]:
        assert f'[data-part="{part["id"]}"] {{ --colour: {part["colour"]}; }}' in page
    assert page.count('<path class="part" data-part="1"') == 2
    assert page.count('<path class="part" data-part="2"') == 1


def test_names_are_written_as_text_not_as_markup(written):
    page = written[0].gallery.read_text()
    assert "tail &amp; fin <small>" in page
    assert "&lt;none&gt;" in page


def test_the_table_says_in_how_many_images_a_part_is(written):
    assert list(summary_lines(written[1].parts, 2)) == [
        "part               images  mean area",
        "head               2 of 2      50.0%",
        "tail & fin         1 of 2      25.0%",
        "none has it        0 of 2       0.0%",
    ]
