"""Chosen channels in a .vitrail file: there and back, and what is refused."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.annotations import Annotation, Annotations, load_annotations, save_annotations
from napari_vitrail.channels import ChosenChannels, guessed_channels
from napari_vitrail.errors import ProjectError
from napari_vitrail.reference import ImageReference
from napari_vitrail.sparse import SparseLabels

IMAGE = ImageReference("stains", (3, 8, 9), "uint16", path="/far/stains.tif")
DEPTH = ImageReference("depth", (8, 9), "float32", digest="ab", path="/far/depth.tif")
CHANNELS = ChosenChannels(0, (0, 2), (DEPTH, replace(DEPTH, name="height")), 1)


@pytest.fixture
def saved(tmp_path):
    strokes = SparseLabels.of(np.eye(8, 9, dtype=np.uint8)[None])
    save_annotations(
        tmp_path / "own.vitrail",
        Annotations((Annotation("strokes", strokes, IMAGE, channels=CHANNELS),)),
    )
    return tmp_path / "own.vitrail"


def change(path, alter):
    """Change the entry of the image in a file."""
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    description = json.loads(members["project.json"])
    alter(description["images"][0])
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in (members | {"project.json": json.dumps(description).encode()}).items():
            packed.writestr(name, data)


def test_chosen_channels_are_kept_with_the_way_to_further_images(saved):
    [annotation] = load_annotations(saved).images
    own = annotation.channels
    assert [layer.relative for layer in own.layers] != [None, None]
    assert replace(own, layers=tuple(replace(layer, relative=None) for layer in own.layers)) == CHANNELS


@pytest.mark.parametrize(
    "alter", [lambda entry: entry.pop("channels"), lambda entry: entry.update(channels=None)]
)
def test_a_file_may_say_nothing_of_channels(saved, alter):
    change(saved, alter)
    assert load_annotations(saved).images[0].channels is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"axis": 3},
        {"axis": -1},
        {"axis": True},
        {"axis": "0"},
        {"axis": None},
        {"chosen": []},
        {"chosen": [0, 3]},
        {"chosen": [2, 0]},
        {"chosen": [0, 0]},
        {"chosen": [0.5]},
        {"chosen": "02"},
        {"level": -1},
        {"level": 10**9},
        {"level": None},
        {"layers": {}},
        {"layers": ["depth"]},
        {"layers": [None]},
    ],
    ids=str,
)
def test_channels_that_cannot_be_are_refused(saved, wrong):
    change(saved, lambda entry: entry["channels"].update(wrong))
    with pytest.raises(ProjectError, match="is damaged: its strokes cannot be read"):
        load_annotations(saved)


@pytest.mark.parametrize("wrong", [7, [], "text", {}, False])
def test_something_else_than_channels_is_refused(saved, wrong):
    change(saved, lambda entry: entry.update(channels=wrong))
    with pytest.raises(ProjectError, match="is damaged"):
        load_annotations(saved)


def test_further_layers_of_one_name_are_refused(saved):
    change(saved, lambda entry: entry["channels"]["layers"][1].update(name="depth"))
    with pytest.raises(ProjectError, match="must differ in their names"):
        load_annotations(saved)


def test_colours_are_no_axis_of_channels(saved):
    change(saved, lambda entry: entry["image"].update(shape=[8, 9, 3], rgb=True))
    with pytest.raises(ProjectError, match="has no axis of channels"):
        load_annotations(saved)


def test_an_axis_that_is_labelled_as_that_of_channels_is_taken_whole():
    labelled = replace(IMAGE, geometry={"axis_labels": ("C", "y", "x")})
    assert guessed_channels(labelled) == ChosenChannels(0, (0, 1, 2))
    assert guessed_channels(IMAGE) == ChosenChannels()
    flat = ImageReference("flat", (8, 9), "uint8", geometry={"axis_labels": ("c", "x")})
    assert guessed_channels(flat) == ChosenChannels()
