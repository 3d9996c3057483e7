"""Learning from strokes again and again, with features that stay at hand."""

from dataclasses import replace

import numpy as np
import pytest

from napari_vitrail.classify import fit_classifier
from napari_vitrail.live import FIRST_PIXELS, LiveSession
from napari_vitrail.progress import drain
from napari_vitrail.segmentation import segment
from napari_vitrail.spec import FeatureSpec
from napari_vitrail.store import FeatureStore

TINY = FeatureSpec(backbone="tiny", stride=2, n_components=8)
ALL = (slice(None), slice(None))
PART = (slice(10, 40), slice(20, 61))


@pytest.fixture
def session(tiny_backbone):
    return LiveSession(TINY, backbone=tiny_backbone, store=FeatureStore())


@pytest.fixture
def asked(tiny_backbone, monkeypatch):
    """Return the numbers of queries, one for each time that the network is asked."""
    asked, query = [], tiny_backbone.query

    def noted(context, corners, **options):
        asked.append(len(corners))
        return query(context, corners, **options)

    monkeypatch.setattr(tiny_backbone, "query", noted)
    return asked


def patches(steps):
    """Return every patch that steps yield."""
    return [progress.so_far for progress in steps if progress.so_far is not None]


def put_together(found, shape):
    """Return what a layer shows after all patches were written to it; 0 where none was."""
    segmentation = np.zeros(shape, int)
    for patch in found:
        segmentation[patch.window] = patch.classes
    return segmentation


def learn(session, painting, window=ALL, image=None):
    shown = painting.image if image is None else image
    return session.learn_steps([painting.image], [painting.strokes], shown, window)


def test_strokes_become_a_picture(session, two_textures):
    found = put_together(patches(learn(session, two_textures)), two_textures.image.shape)
    assert (found == two_textures.truth).mean() > 0.9


def test_the_first_strokes_are_answered_on_the_patch_grid_first(session, two_textures, asked):
    steps = learn(session, two_textures)
    first = next(progress.so_far for progress in steps if progress.so_far is not None)
    assert first.classes.shape == two_textures.image.shape
    assert asked == []  # on the patch grid of a tile nothing has to be asked


def test_the_next_stroke_computes_no_features(session, two_textures, asked, monkeypatch):
    drain(learn(session, two_textures))
    asked.clear()
    monkeypatch.setattr("napari_vitrail.features._pixels.classical_features", None)
    two_textures.strokes[50:54, 20:30] = 2
    assert len(patches(learn(session, two_textures))) == 1
    two_textures.strokes[50:54, 20:30] = 0
    assert asked == []


def test_only_what_is_looked_at_is_segmented(session, two_textures):
    shape = two_textures.image.shape
    drain(learn(session, two_textures, PART))
    found = put_together(patches(session.show_steps(two_textures.image, PART)), shape)
    outside = np.ones(shape, bool)
    outside[PART] = False
    assert (found[PART] > 0).all()
    assert not found[outside].any()


def test_what_is_around_follows(session, two_textures):
    drain(learn(session, two_textures, PART))
    found = patches(session.show_steps(two_textures.image, PART, around=True))
    assert (put_together(found, two_textures.image.shape) > 0).all()


def test_a_window_is_that_part_of_the_whole_picture(session, two_textures):
    drain(learn(session, two_textures))
    shape = two_textures.image.shape
    whole = put_together(patches(session.show_steps(two_textures.image, ALL)), shape)
    part = put_together(patches(session.show_steps(two_textures.image, PART)), shape)
    np.testing.assert_array_equal(part[PART], whole[PART])


@pytest.mark.parametrize("features", ["auto", "hybrid", "vit", "classical"])
def test_settled_is_what_fit_classifier_trains(features, two_textures, tiny_backbone):
    """The same strokes, the same classifier to the bit, and the same picture but for rounding."""
    spec, store = replace(TINY, features=features), FeatureStore()
    live = LiveSession(spec, backbone=tiny_backbone, store=store)
    drain(learn(live, two_textures))
    assert not live.settled
    settled = drain(live.settle_steps([two_textures.image], [two_textures.strokes]))
    assert live.settled
    trained = fit_classifier(
        [two_textures.image], [two_textures.strokes], spec, backbone=tiny_backbone, store=store
    )
    assert settled.report == trained.report
    expected = segment(two_textures.image, trained, backbone=tiny_backbone, store=store)
    np.testing.assert_array_equal(
        segment(two_textures.image, settled, backbone=tiny_backbone, store=store), expected
    )
    shown = put_together(patches(live.show_steps(two_textures.image, ALL)), expected.shape)
    assert (shown == expected).mean() > 0.999


def test_the_share_of_the_linear_model_is_the_one_found_last(session, two_textures):
    drain(learn(session, two_textures))
    assert session.classifier.estimator.weight == 0.5
    settled = drain(session.settle_steps([two_textures.image], [two_textures.strokes]))
    drain(learn(session, two_textures))
    assert session.classifier.estimator.weight == settled.estimator.weight


def test_a_chosen_estimator_is_not_fitted_hastily(two_textures, tiny_backbone):
    live = LiveSession(TINY, "logistic", tiny_backbone)
    drain(learn(live, two_textures))
    assert live.settled
    assert "logistic" in live.classifier.report


def test_strokes_on_one_plane_segment_another(session, two_textures):
    other = two_textures.image[:, ::-1].copy()
    found = put_together(patches(learn(session, two_textures, image=other)), other.shape)
    assert (found == two_textures.truth[:, ::-1]).mean() > 0.9


def test_a_plane_that_was_changed_is_another(session, two_textures, asked):
    image = two_textures.image.copy()
    drain(session.learn_steps([image], [two_textures.strokes], image, ALL))
    asked.clear()
    image[:] = image[::-1].copy()
    drain(session.learn_steps([image], [two_textures.strokes[::-1]], image, ALL))
    assert asked


def test_large_windows_are_predicted_at_some_pixels_first(two_textures, tiny_backbone):
    side = 2 * int(FIRST_PIXELS**0.5 / 2 + 20)
    image = np.resize(two_textures.image, (side, side))
    strokes = np.zeros(image.shape, int)
    strokes[: two_textures.image.shape[0], : two_textures.image.shape[1]] = two_textures.strokes
    live = LiveSession(replace(TINY, features="classical"), backbone=tiny_backbone)
    first, *others = patches(live.learn_steps([image], [strokes], image, ALL))
    np.testing.assert_array_equal(first.classes[::2], first.classes[1::2])
    whole = put_together(others, image.shape)
    np.testing.assert_array_equal(whole[::2, ::2], first.classes[::2, ::2])


def test_features_can_be_made_ahead_of_the_first_stroke(session, two_textures, asked):
    drain(session.prepare_steps(two_textures.image, ALL))
    asked.clear()
    drain(learn(session, two_textures))
    assert asked == []


def test_nothing_is_shown_before_anything_was_learned(session, two_textures):
    with pytest.raises(ValueError, match="let it learn from strokes first"):
        drain(session.show_steps(two_textures.image, ALL))


def test_one_class_is_not_enough(session, two_textures):
    with pytest.raises(ValueError, match="only class 1 is painted"):
        drain(session.learn_steps([two_textures.image], [two_textures.strokes == 2], two_textures.image, ALL))
