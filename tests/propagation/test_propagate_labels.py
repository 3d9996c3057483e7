"""propagate_labels: a few labelled frames in, a labelled stack out."""

import gc
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_vitrail import DINO_PROPAGATION, FeatureStore, propagate_labels, propagate_labels_steps
from napari_vitrail.backbones import ViTBackbone
from napari_vitrail.propagation import SeenFrame
from napari_vitrail.smoothing import Smoothing
from tests.propagation.conftest import SHAPE, TINY, scene, square


class Reel:
    """A stack whose frames are read one at a time, which it counts."""

    def __init__(self, frames):
        self.frames = frames
        self.read = []

    def __len__(self):
        return len(self.frames)

    def __getitem__(self, index):
        self.read.append(index)
        return self.frames[index].copy()


def finished(steps):
    """Return all frames that were finished."""
    return [progress.so_far for progress in steps if progress.so_far is not None]


@pytest.fixture
def frames_of(moving, default_named_backbone):
    """Return a function that returns the finished frames of the moving square by their index."""

    def frames_of(labels, *, stack=moving, spec=TINY, **options):
        steps = propagate_labels_steps(stack, labels, spec, backbone=default_named_backbone, **options)
        return {frame.index: frame for frame in finished(steps)}

    return frames_of


def test_labelled_frames_stay_as_they_are_and_only_their_ids_are_elsewhere(moving, default_named_backbone):
    given = {0: square(8, 7), 5: square(48, 300)}
    labels = propagate_labels(moving, given, TINY, backbone=default_named_backbone)
    assert labels.shape == moving.shape
    assert labels.dtype == np.uint16
    assert set(np.unique(labels)) <= {0, 7, 300}
    for index, own in given.items():
        np.testing.assert_array_equal(labels[index], own)


def test_labels_in_an_array_are_those_of_the_frames_that_have_any(moving, default_named_backbone, frames_of):
    array = np.zeros(moving.shape, np.int32)
    array[2] = square(24)
    labels = propagate_labels(moving, array, TINY, backbone=default_named_backbone)
    assert labels.dtype == np.int32
    for index, frame in frames_of({2: square(24)}).items():
        np.testing.assert_array_equal(labels[index], frame.labels)


def test_frames_come_as_they_are_finished(frames_of):
    frames = frames_of({3: square(32)}, frames=range(1, 6))
    assert list(frames) == [3, 2, 1, 4, 5]
    assert [frame.is_given for frame in frames.values()] == [True, False, False, False, False]
    assert {frame.sources for frame in frames.values()} == {(3,)}
    assert frames[3].quality == 1
    assert all(0 <= frame.quality <= 1 for frame in frames.values())
    for frame in frames.values():
        assert frame.labels.shape == SHAPE
        np.testing.assert_allclose(frame.shares.sum(axis=-1, dtype=float), 1, atol=2e-3)
        assert frame.confidence.shape == frame.shares.shape[:2]


def test_progress_reaches_its_end(moving, default_named_backbone):
    steps = propagate_labels_steps(
        moving, {0: square(8), 4: square(40)}, TINY, backbone=default_named_backbone
    )
    shares = [done / total for done, total, *_ in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(("direction", "reached"), [("forward", [2, 3, 4, 5]), ("backward", [2, 1, 0])])
def test_labels_go_one_way_where_they_are_told_to(
    direction, reached, frames_of, moving, default_named_backbone
):
    assert list(frames_of({2: square(24)}, direction=direction)) == reached
    labels = propagate_labels(
        moving, {2: square(24)}, TINY, direction=direction, backbone=default_named_backbone
    )
    left = [index for index in range(6) if index not in reached]
    assert not labels[left].any()


def test_between_two_labelled_frames_each_counts_the_more_the_nearer(frames_of):
    there, nothing = frames_of({0: square(8)}), frames_of({5: np.zeros(SHAPE, np.uint8)})
    both = frames_of({0: square(8), 5: np.zeros(SHAPE, np.uint8)})
    assert not any(frame.labels.any() for frame in nothing.values())
    for index in range(1, 5):
        expected = there[index].shares[..., 1] * (1 - index / 5)
        np.testing.assert_allclose(both[index].shares[..., 1], expected, atol=2e-3)
        assert both[index].sources == (0, 5)


def test_a_correction_changes_only_what_lies_between_its_labelled_neighbours(frames_of, moving):
    given = {0: square(8), 4: square(40)}
    first = frames_of(given)
    reel = Reel(moving)
    again = frames_of(given | {2: square(24, 9)}, stack=reel, known=first)
    assert set(reel.read) == {0, 1, 2, 3, 4}  # nothing of frame 5, which depends on frame 4 alone
    assert again[5] is first[5]
    assert again[1].sources == (0, 2)
    fresh = frames_of(given | {2: square(24, 9)})
    for index, frame in again.items():
        np.testing.assert_array_equal(frame.labels, fresh[index].labels)


def test_a_run_that_was_interrupted_goes_on_where_it_was(frames_of, moving, default_named_backbone):
    spec = replace(TINY, n_context=1)
    whole = frames_of({0: square(8)}, spec=spec)
    steps = propagate_labels_steps(moving, {0: square(8)}, spec, backbone=default_named_backbone)
    known = {}
    for progress in steps:
        if progress.so_far is not None:
            known[progress.so_far.index] = progress.so_far
        if 3 in known:
            break
    steps.close()
    reel = Reel(moving)
    rest = frames_of({0: square(8)}, spec=spec, stack=reel, known=known)
    assert set(reel.read) == {0, 3, 4, 5}  # the labelled one, the last one before, and those to come
    for index, frame in whole.items():
        np.testing.assert_array_equal(rest[index].labels, frame.labels)
        np.testing.assert_array_equal(rest[index].shares, frame.shares)


def test_frames_of_other_labels_or_settings_are_not_taken_for_known(frames_of):
    first = frames_of({0: square(8)})
    other = frames_of({0: square(16)}, known=first)
    assert other[1] is not first[1]
    assert frames_of({0: square(8)}, spec=replace(TINY, topk=3), known=first)[1] is not first[1]
    assert frames_of({0: square(8)}, known=first)[1] is first[1]


def test_frames_of_other_weights_are_not_taken_for_known(frames_of, moving, default_named_backbone):
    first = frames_of({0: square(8)})
    info = default_named_backbone.info
    other = replace(info, weights=replace(info.weights, digest="other"))
    backbone = ViTBackbone(default_named_backbone._model, other, "cpu")
    steps = propagate_labels_steps(moving, {0: square(8)}, TINY, backbone=backbone, known=first)
    assert all(frame.key != first[frame.index].key for frame in finished(steps) if not frame.is_given)


def test_after_a_blank_frame_a_run_goes_on_as_if_it_had_never_stopped(frames_of, moving):
    moving[2] = 0
    spec = replace(TINY, n_context=1)
    whole = frames_of({0: square(8)}, spec=spec)
    rest = frames_of({0: square(8)}, spec=spec, known={index: whole[index] for index in (1, 2)})
    for index, frame in whole.items():
        np.testing.assert_array_equal(rest[index].shares, frame.shares)


@pytest.mark.parametrize("labelled", [(0,), (0, 5)], ids=["one way", "both ways"])
def test_a_store_changes_nothing_but_rounding(labelled, frames_of, tmp_path):
    given = {index: square(8 + 8 * index) for index in labelled}
    plain, stored = frames_of(given), frames_of(given, store=FeatureStore(tmp_path))
    for index, frame in plain.items():
        assert np.mean(frame.labels != stored[index].labels) < 0.01


def test_a_stack_is_read_frame_by_frame_and_nothing_of_it_is_kept(default_named_backbone):
    reel = Reel([scene(8 + index) for index in range(10)])
    spec = replace(TINY, n_context=2)
    given = {0: square(8), 9: square(17)}
    most = 0
    for progress in propagate_labels_steps(reel, given, spec, backbone=default_named_backbone):
        if progress.so_far is not None:
            held = sum(type(own) is SeenFrame and own.descriptors.size > 0 for own in gc.get_objects())
            most = max(most, held)
    assert most <= 2 + 3  # the context, what passes start from, and the frame itself


def test_what_waits_for_the_way_back_goes_with_the_run(moving, default_named_backbone, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_vitrail.scratch.cache_directory", lambda: tmp_path / "cache")
    steps = propagate_labels_steps(
        moving, {0: square(8), 5: square(48)}, TINY, backbone=default_named_backbone
    )
    counted = (progress for progress in steps if progress.what == "frames" and progress.done == 4)
    assert next(counted).so_far is None  # two labelled frames, and two on the way back
    steps.close()
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("wrap", [da.from_array, zarr.array, list, lambda own: np.stack([own] * 3, axis=-1)])
def test_stacks_may_be_of_any_kind(wrap, moving, frames_of):
    plain = frames_of({0: square(8)})
    other = frames_of({0: square(8)}, stack=wrap(moving))
    for index, frame in plain.items():
        assert frame.labels.any()
        np.testing.assert_array_equal(frame.labels, other[index].labels)


def test_frames_that_are_all_the_same_value_are_no_error(default_named_backbone):
    labels = propagate_labels(np.zeros((3, *SHAPE)), {0: square(8)}, TINY, backbone=default_named_backbone)
    assert labels.shape == (3, *SHAPE)


def test_frames_may_be_masks(frames_of, moving):
    masks = moving > 100
    for index, frame in frames_of({0: square(8)}, stack=masks).items():
        same = frames_of({0: square(8)}, stack=masks.astype(float))[index]
        np.testing.assert_array_equal(frame.shares, same.shares)


@pytest.mark.filterwarnings("ignore:.*NaN or infinite")
def test_a_frame_of_which_nothing_is_known_is_blank(frames_of, moving):
    blank, holed = moving.astype(np.float32), moving.astype(np.float32)
    blank[2:4] = 0
    holed[2], holed[3] = np.nan, 5
    holed[3, :10] = np.inf
    expected, found = (frames_of({0: square(8)}, stack=stack) for stack in (blank, holed))
    assert [bool(frame.shares.any()) for frame in found.values()] == [True, True, False, False, True, True]
    for index, frame in found.items():
        np.testing.assert_array_equal(frame.labels, expected[index].labels)


def test_scribbles_leave_what_nobody_knows_to_those_who_do(frames_of):
    scribbles = np.zeros(SHAPE, np.uint8)
    scribbles[30:40, 12:24] = 2
    scribbles[4:10, 40:60] = 5
    spec = replace(TINY, mode="scribble", radius=0.0)
    frames = frames_of({0: scribbles}, spec=spec)
    assert frames[1].ids == (2, 5)
    assert set(np.unique(frames[1].labels)) <= {2, 5}  # 0 is passed on nowhere
    near = frames_of({0: scribbles}, spec=replace(spec, radius=1.0))[1]
    assert not near.labels[56:, 80:].any()  # no scribble is so near


@pytest.mark.parametrize("labelled", [(0,), (0, 5)], ids=["one way", "both ways"])
def test_without_any_scribble_nothing_is_known(labelled, frames_of):
    nothing = np.zeros(SHAPE, np.uint8)
    frames = frames_of(dict.fromkeys(labelled, nothing), spec=replace(TINY, mode="scribble"))
    assert sorted(frames) == list(range(6))
    assert not any(frame.labels.any() or frame.ids for frame in frames.values())


def test_however_cold_the_most_similar_places_vote(frames_of):
    frames = frames_of({0: square(8)}, spec=replace(TINY, temperature=1e-3))
    np.testing.assert_allclose(frames[1].shares.sum(axis=-1, dtype=float), 1, atol=2e-3)
    assert frames[1].labels.any()


def test_ids_of_signed_and_unsigned_types_stay_whole_numbers(moving, default_named_backbone):
    given = {0: square(8).astype(np.int64) * 2**40, 5: square(48).astype(np.uint64)}
    labels = propagate_labels(moving, given, TINY, backbone=default_named_backbone)
    assert labels.dtype == np.int64
    assert set(np.unique(labels)) == {0, 7, 7 * 2**40}


def test_the_published_protocol_runs(frames_of):
    spec = replace(
        DINO_PROPAGATION, descriptor=replace(DINO_PROPAGATION.descriptor, stride=8, layer=2), side=None
    )
    frames = frames_of({0: square(8)}, spec=spec)
    assert frames[1].shares.shape == (8, 12, 2)
    assert {7} <= set(np.unique(frames[1].labels)) <= {0, 7}


GIVEN = {0: square(8)}


@pytest.mark.parametrize(
    ("labels", "options", "match"),
    [
        ({}, {}, "at least one labelled frame"),
        (np.zeros((6, *SHAPE), int), {}, "at least one labelled frame"),
        (np.zeros((5, *SHAPE), int), {}, r"\(6, H, W\)"),
        ({6: square(8)}, {}, "frames 0 to 5"),
        ({0.5: square(8)}, {}, "whole numbers from 0, got 0.5"),
        ({0: square(8)[1:]}, {}, "as large as the frame"),
        ({0: square(8) / 2}, {}, "whole numbers"),
        ({0: square(8).astype(int) - 1}, {}, "0 or more"),
        ({0: square(8).astype(np.uint64) * 2**62}, {}, "below 2"),
        (GIVEN, {"frames": range(4, 9)}, "frames"),
        (GIVEN, {"frames": range(0)}, "frames"),
        (GIVEN, {"frames": (2, 4)}, "range of step 1"),
        (GIVEN, {"stack": []}, "at least one frame"),
        (GIVEN, {"direction": "up"}, "direction"),
        ({4: square(8)}, {"direction": "forward", "frames": range(2)}, "reach none"),
        (GIVEN, {"spec": replace(TINY, topk=5000)}, "topk"),
    ],
)
def test_what_cannot_be_is_said(labels, options, match, frames_of):
    with pytest.raises(ValueError, match=match):
        frames_of(labels, **options)


def test_a_stack_has_a_length(frames_of):
    with pytest.raises(TypeError, match="sequence of images, got generator"):
        frames_of({0: square(8)}, stack=(scene(8) for _ in range(3)))


def test_frames_of_different_sizes_are_refused(moving, frames_of):
    with pytest.raises(ValueError, match="one size; frame 4"):
        frames_of({0: square(8)}, stack=[*moving[:4], moving[4][:40], moving[5]])


@pytest.mark.parametrize(
    "values",
    [{"topk": 0}, {"n_context": -1}, {"radius": -1.0}, {"temperature": 0.0}, {"vanish_below": 2.0},
     {"gone_below": -0.1},
     {"refinement": Smoothing()}, {"side": 8}, {"mode": "sparse"}, {"seed": "mean"}, {"context": "some"}],
    ids=str,
)  # fmt: skip
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        replace(TINY, **values)
