from pathlib import Path

import pytest

from napari_vitrail.cosegmentfiles import plan_set
from napari_vitrail.naming import output_names


@pytest.mark.parametrize(
    ("images", "names"),
    [
        (["set/a.png", "set/b.jpg"], ["a", "b"]),
        (["one/a.png", "two/a.png"], ["one/a", "two/a"]),
        (["one/a.png", "one/in/a.png"], ["a", "in/a"]),
        (["one/a.png", "one/a.jpg", "one/b.png"], ["a.png", "a.jpg", "b"]),
        (["one/A.png", "one/a.jpg"], ["A.png", "a.jpg"]),
        (["a.png"], ["a"]),
    ],
    ids=str,
)
def test_every_image_has_a_name_of_its_own(images, names):
    assert output_names([Path(image) for image in images]) == names


def test_images_that_would_still_be_called_alike_are_refused():
    with pytest.raises(ValueError, match=r"a\.png and .*A\.PNG would both be called A\.PNG: rename one"):
        output_names([Path("set/a.png"), Path("set/A.PNG")])


def test_masks_of_an_earlier_run_are_no_images(tmp_path):
    images = [tmp_path / "a.png", tmp_path / "out" / "masks" / "a.png", tmp_path / "out" / "thumbs" / "a.jpg"]
    assert plan_set(images, tmp_path / "out").images == (images[0],)
    with pytest.raises(ValueError, match=r"all images lie in .*out, where results are written"):
        plan_set(images[1:], tmp_path / "out")


def test_masks_go_into_a_folder_not_into_a_file(folder):
    with pytest.raises(ValueError, match=r"output must be a folder, got the file set/a\.png"):
        plan_set([Path("set/b.png")], Path("set/a.png"))
