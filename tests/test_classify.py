"""From strokes to a segmentation, on a tiny seeded backbone; one story with real weights."""

from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from napari_vitrail.backbones import ViTBackbone, Weights
from napari_vitrail.classify import fit_classifier, fit_classifier_steps
from napari_vitrail.errors import BackboneUnavailable, SpecMismatch
from napari_vitrail.estimators import ESTIMATORS
from napari_vitrail.features import extract_features
from napari_vitrail.grid import FeatureGrid, Grid
from napari_vitrail.image import IntensityRange
from napari_vitrail.samples import histology
from napari_vitrail.segmentation import class_probabilities, probabilities_steps, segment, segment_steps
from napari_vitrail.spec import FeatureSpec

TINY = FeatureSpec(features="hybrid", backbone="tiny", stride=4, n_components=8)
CLASSICAL = replace(TINY, features="classical")


@pytest.fixture
def fit(tiny_backbone):
    """Return a function that trains on the tiny backbone, with a fast estimator unless given."""

    def make(images, labels, spec=TINY, estimator="logistic", **options):
        return fit_classifier(images, labels, spec, estimator=estimator, backbone=tiny_backbone, **options)

    return make


@pytest.fixture
def trained(fit, two_textures):
    """Return a classifier of the two textures."""
    return fit([two_textures.image], [two_textures.strokes])


def relabelled(labels, **ids):
    """Return labels with other ids: noise= for 2, ramp= for 7."""
    return np.select([labels == 2, labels == 7], [ids["noise"], ids["ramp"]], 0)


def agreement(segmentation, truth):
    return (segmentation == truth).mean()


# ---------------------------------------------------------------- the main job


@pytest.mark.parametrize("features", ["classical", "vit", "hybrid", "auto"])
def test_strokes_become_a_segmentation_in_the_painted_ids(features, two_textures, tiny_backbone):
    classifier = fit_classifier(
        [two_textures.image], [two_textures.strokes], replace(TINY, features=features), backbone=tiny_backbone
    )
    segmentation = segment(two_textures.image, classifier, backbone=tiny_backbone)
    assert classifier.classes_.tolist() == [2, 7]
    assert segmentation.shape == two_textures.image.shape
    assert set(np.unique(segmentation)) == {2, 7}
    assert agreement(segmentation, two_textures.truth) > 0.8
    assert classifier.spec.features in ("classical", "vit", "hybrid")


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_named_estimator_does_the_job(name, fit, two_textures, tiny_backbone):
    classifier = fit([two_textures.image], [two_textures.strokes], estimator=name)
    probabilities = class_probabilities(two_textures.image, classifier, backbone=tiny_backbone)
    segmentation = segment(two_textures.image, classifier, backbone=tiny_backbone)
    assert agreement(segmentation, two_textures.truth) > 0.8
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(axis=0)], segmentation)


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianNB(),
        KNeighborsClassifier(3),
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(5, random_state=0),
        LinearDiscriminantAnalysis(),
        make_pipeline(StandardScaler(), RidgeClassifier()),
        SGDClassifier(random_state=0),
        make_pipeline(StandardScaler(), LinearSVC()),
        SVC(),
        VotingClassifier([("naive", GaussianNB()), ("tree", DecisionTreeClassifier())]),
    ],
    ids=lambda estimator: type(getattr(estimator, "steps", [("", estimator)])[-1][1]).__name__,
)
@pytest.mark.filterwarnings("ignore:Variables are collinear", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_any_classifier_of_scikit_learn_may_be_passed_in(estimator, fit, two_textures, tiny_backbone):
    strokes = two_textures.strokes.copy()
    strokes[8:48:4, 30:34] = 9  # a third class, so that decision values are a table
    for labels in (two_textures.strokes, strokes):
        classifier = fit([two_textures.image], [labels], CLASSICAL, estimator=estimator)
        probabilities = class_probabilities(two_textures.image, classifier)
        segmentation = segment(two_textures.image, classifier)
        assert classifier.classes_.tolist() == np.unique(labels)[1:].tolist()
        np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
        np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(axis=0)], segmentation)


def test_a_classifier_that_is_passed_in_is_not_changed(fit, two_textures):
    estimator = LogisticRegression(max_iter=2000, C=0.01)
    fit(
        [two_textures.image // 10],
        [two_textures.strokes],
        CLASSICAL,
        estimator=make_pipeline(StandardScaler(), estimator),
    )
    assert not hasattr(estimator, "classes_")


def test_an_unknown_estimator_is_answered_with_the_known_ones(fit, two_textures):
    with pytest.raises(ValueError, match=r"unknown estimator 'best'; known: .*logistic"):
        fit([two_textures.image], [two_textures.strokes], CLASSICAL, estimator="best")


def test_a_classifier_without_probabilities_segments_as_it_predicts(fit, two_textures, tiny_backbone):
    classifier = fit([two_textures.image], [two_textures.strokes], CLASSICAL, estimator="ridge")
    assert not hasattr(classifier.estimator, "predict_proba")
    rows = extract_features(two_textures.image, CLASSICAL).values.reshape(-1, 58)
    expected = classifier.estimator.predict(rows).reshape(two_textures.image.shape)
    np.testing.assert_array_equal(segment(two_textures.image, classifier), expected)


@pytest.mark.parametrize(
    ("ids", "dtype"), [((1, 255), np.uint8), ((255, 256), np.uint16), ((1, 65535), np.uint16)], ids=str
)
def test_ids_come_back_in_the_smallest_type(ids, dtype, fit, two_textures):
    labels = relabelled(two_textures.strokes, noise=ids[0], ramp=ids[1]).astype(np.int64)
    segmentation = segment(two_textures.image, fit([two_textures.image], [labels], CLASSICAL))
    assert segmentation.dtype == dtype
    assert set(np.unique(segmentation)) == set(ids)


@pytest.mark.parametrize("name", [None, *ESTIMATORS])
@pytest.mark.parametrize("features", ["classical", "auto"])
@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_click_on_each_class_is_enough(name, features, length, fit, two_textures, tiny_backbone):
    labels = np.zeros_like(two_textures.strokes)
    labels[20, 10 : 10 + length], labels[20, 50 : 50 + length] = 2, 7
    classifier = fit([two_textures.image], [labels], replace(TINY, features=features), estimator=name)
    segmentation = segment(two_textures.image, classifier, backbone=tiny_backbone)
    assert set(np.unique(segmentation)) <= {2, 7}


@pytest.mark.parametrize("features", ["classical", "vit", "auto"])
def test_a_constant_image_is_segmented_somehow(features, fit, two_textures, tiny_backbone):
    image = np.full_like(two_textures.image, 77)
    classifier = fit([image], [two_textures.strokes], replace(TINY, features=features), estimator=None)
    assert np.isfinite(class_probabilities(image, classifier, backbone=tiny_backbone)).all()


def test_many_classes_keep_their_ids(fit, two_textures):
    labels = np.zeros_like(two_textures.strokes)
    ids = [300, 4, 77, 12]
    for index, id_ in enumerate(ids):
        labels[8 + 10 * index : 14 + 10 * index, 4:60] = id_
    classifier = fit([two_textures.image], [labels], CLASSICAL)
    assert classifier.classes_.tolist() == sorted(ids)
    assert class_probabilities(two_textures.image, classifier).shape == (4, 56, 64)


def test_class_names_are_kept_and_missing_ones_are_made_up(fit, two_textures):
    classifier = fit([two_textures.image], [two_textures.strokes], CLASSICAL, class_names={7: "ramp"})
    assert classifier.class_names[7] == "ramp"
    assert set(classifier.class_names) == {2, 7}


def test_a_named_class_without_a_stroke_is_left_out_with_a_warning(fit, two_textures):
    with pytest.warns(UserWarning, match=r"without a stroke are left out: \[3\]"):
        classifier = fit(
            [two_textures.image], [two_textures.strokes], CLASSICAL, class_names={2: "a", 3: "b", 7: "c"}
        )
    assert classifier.classes_.tolist() == [2, 7]


# ---------------------------------------------------------------- several images


def test_classes_may_be_painted_in_different_images(fit, two_textures, tiny_backbone):
    image, strokes, _ = two_textures
    only_noise, only_ramp = (np.where(strokes == id_, strokes, 0) for id_ in (2, 7))
    classifier = fit([image, image], [only_noise, only_ramp])
    together = fit([image], [strokes])
    assert classifier.classes_.tolist() == [2, 7]
    maps = [class_probabilities(image, fitted, backbone=tiny_backbone) for fitted in (classifier, together)]
    np.testing.assert_allclose(maps[0], maps[1], atol=0.05)


def test_an_image_without_strokes_changes_nothing(fit, two_textures, tiny_backbone):
    image, strokes, _ = two_textures
    bright = np.full((20, 20), 60000, np.uint16)
    alone = fit([image], [strokes])
    beside = fit([bright, image], [np.zeros((20, 20), int), strokes])
    assert beside.intensity == alone.intensity
    first, second = (segment(image, classifier, backbone=tiny_backbone) for classifier in (alone, beside))
    np.testing.assert_array_equal(first, second)


def test_images_may_differ_in_size_and_colour(fit, two_textures):
    image, strokes, _ = two_textures
    colour = np.repeat(image[:40, :60, None], 3, axis=2)
    assert fit([image, colour], [strokes, strokes[:40, :60]]).classes_.tolist() == [2, 7]


def test_grey_values_are_fitted_on_all_images_and_reused(fit, two_textures, tiny_backbone):
    image, strokes, truth = two_textures
    twelve_bit = image.astype(np.uint16) * 16
    classifier = fit([twelve_bit], [strokes])
    assert classifier.intensity == IntensityRange.of([twelve_bit])
    dim = twelve_bit[:, :40]
    expected = segment(twelve_bit, classifier, backbone=tiny_backbone)
    part = class_probabilities(dim // 2, classifier, backbone=tiny_backbone)
    whole = class_probabilities(dim, classifier, backbone=tiny_backbone)
    assert np.abs(part - whole).max() > 0.01  # its own percentiles would hide that it is half as bright
    assert agreement(expected, truth) > 0.9


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [(np.uint8, 1), (np.uint16, 257), (np.int32, 1000), (np.float32, 1 / 255), (np.float64, 1e-3)],
)
def test_images_of_any_type_are_segmented(dtype, factor, fit, two_textures, tiny_backbone):
    image = (two_textures.image.astype(float) * factor).astype(dtype)
    segmentation = segment(image, fit([image], [two_textures.strokes]), backbone=tiny_backbone)
    assert agreement(segmentation, two_textures.truth) > 0.8


def test_pixels_that_are_not_finite_do_not_stop_a_segmentation(trained, fit, two_textures):
    image = two_textures.image.astype(np.float32)
    image[3, 3] = np.nan
    with pytest.warns(UserWarning, match="1 pixel values are NaN"):
        classifier = fit([image], [two_textures.strokes], CLASSICAL)
    with pytest.warns(UserWarning, match="1 pixel values are NaN"):
        assert agreement(segment(image, classifier), two_textures.truth) > 0.9


def test_an_image_larger_than_a_tile_has_no_seam(fit, two_textures):
    image, strokes, _ = two_textures
    classifier = fit([image], [strokes], CLASSICAL)
    large = np.tile(image, (6, 5))
    whole = classifier.predict(extract_features(large, CLASSICAL))
    np.testing.assert_array_equal(segment(large, classifier), whole)


def test_training_pixels_in_all_tiles_have_the_right_features(fit, two_textures):
    """Strokes far apart in a large image train as they would in a small one."""
    image, _, truth = two_textures
    large, truths = np.tile(image, (6, 5)), np.tile(truth, (6, 5))
    labels = np.zeros(large.shape, int)
    labels[300:330, 270:300] = truths[300:330, 270:300]
    labels[10:20, 10:40] = truths[10:20, 10:40]
    assert agreement(segment(large, fit([large], [labels], CLASSICAL)), truths) > 0.9


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda labels: labels * 0, "nothing is painted yet"),
        (lambda labels: np.where(labels == 2, 2, 0), "only class 2 is painted"),
        (lambda labels: labels[:-1], r"image's shape \(56, 64\), got \(55, 64\)"),
        (lambda labels: labels.T, "image's shape"),
        (lambda labels: labels[..., None], "image's shape"),
        (lambda labels: -labels, "0 .unlabelled. to 65535, got -7 to 0"),
        (lambda labels: labels.astype(float), "whole numbers, got data type float64"),
        (lambda labels: labels * 10000, "got 0 to 70000"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(change, message, fit, two_textures):
    with pytest.raises(ValueError, match=message):
        fit([two_textures.image], [change(two_textures.strokes)], CLASSICAL)


def test_as_many_labels_as_images_are_needed(fit, two_textures):
    with pytest.raises(ValueError, match="as many, got 2 and 1"):
        fit([two_textures.image] * 2, [two_textures.strokes], CLASSICAL)
    with pytest.raises(ValueError, match="nothing is painted yet"):
        fit([], [], CLASSICAL)


def test_another_backbone_is_refused(trained, tiny_registers, two_textures):
    with pytest.raises(SpecMismatch, match="trained with tiny, got tiny_registers"):
        segment(two_textures.image, trained, backbone=tiny_registers)


def test_a_backbone_that_the_spec_does_not_name_is_refused(two_textures, tiny_registers):
    with pytest.raises(SpecMismatch, match="names the backbone tiny, got tiny_registers"):
        fit_classifier([two_textures.image], [two_textures.strokes], TINY, backbone=tiny_registers)
    with pytest.raises(SpecMismatch, match="names the backbone tiny, got tiny_registers"):
        extract_features(two_textures.image, TINY, backbone=tiny_registers)


@pytest.mark.parametrize("weights", [None, Weights("hub", "elsewhere", "0" * 64)])
def test_other_weights_of_the_same_name_are_refused(weights, trained, tiny_backbone, two_textures):
    other = ViTBackbone(tiny_backbone._model, replace(tiny_backbone.info, weights=weights), "cpu")
    with pytest.raises(SpecMismatch, match="two sources is two backbones"):
        segment(two_textures.image, trained, backbone=other)


def test_the_same_weights_from_elsewhere_are_the_same(trained, tiny_backbone, two_textures):
    moved = replace(tiny_backbone.info.weights, source="hub", location="another folder")
    other = ViTBackbone(tiny_backbone._model, replace(tiny_backbone.info, weights=moved), "cpu")
    assert segment(two_textures.image, trained, backbone=other).shape == (56, 64)


def test_another_number_of_features_is_refused(trained):
    features = FeatureGrid(np.zeros((2, 2, 5), np.float32), Grid((2, 2)))
    with pytest.raises(SpecMismatch, match=rf"trained on {trained.width} features .*, got 5"):
        trained.predict(features)


def test_classical_features_need_no_backbone(two_textures, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a backbone was asked for")

    monkeypatch.setattr("napari_vitrail.classify.load_backbone", refuse)
    classifier = fit_classifier([two_textures.image], [two_textures.strokes], CLASSICAL)
    assert classifier.projection is None
    assert classifier.weights is None
    assert agreement(segment(two_textures.image, classifier), two_textures.truth) > 0.9


def test_a_classifier_asks_for_the_weights_it_was_trained_with(
    trained, tiny_backbone, two_textures, monkeypatch
):
    asked = []
    monkeypatch.setattr(
        "napari_vitrail.trained.load_backbone",
        lambda name, **options: asked.append((name, options)) or tiny_backbone,
    )
    from_hub = replace(trained, weights=replace(trained.weights, source="hub"))
    segment(two_textures.image, from_hub, device="cpu")
    assert asked == [("tiny", {"weights": "hub", "device": "cpu"})]


def test_weights_still_in_memory_are_used_wherever_they_came_from(
    trained, tiny_backbone, two_textures, monkeypatch
):
    known = {("tiny", trained.weights.digest): tiny_backbone}
    monkeypatch.setattr(
        "napari_vitrail.trained.loaded_backbone", lambda name, digest, **_: known.get((name, digest))
    )
    np.testing.assert_array_equal(
        segment(two_textures.image, trained, device="cpu"),
        segment(two_textures.image, trained, backbone=tiny_backbone),
    )


def test_a_path_is_never_opened_on_a_classifiers_word(trained, two_textures):
    with pytest.raises(BackboneUnavailable, match=r"trained with the weights in tiny\.safetensors"):
        segment(two_textures.image, trained, device="cpu")


def test_grey_values_unlike_those_of_the_training_images_are_warned_about(two_textures):
    classifier = fit_classifier([two_textures.image], [two_textures.strokes], CLASSICAL)
    with pytest.warns(UserWarning, match="do not fit those of the training images"):
        segment(two_textures.image.astype(np.uint16) * 257, classifier)
    with pytest.warns(UserWarning, match="do not fit those of the training images"):
        segment(two_textures.image / 255, classifier)


def test_a_stray_click_beside_a_bucket_fill_does_not_stop_training(fit):
    image = np.random.default_rng(0).integers(0, 255, (90, 90), np.uint8)
    labels = np.zeros(image.shape, int)
    labels[:60, :80] = 1  # of which held-out training sees a part only
    labels[62, 85] = 1
    labels[70:80, 5:30], labels[85, 40:80] = 2, 2
    classifier = fit([image], [labels], replace(TINY, features="auto"), estimator=None)
    assert list(classifier.classes_) == [1, 2]


# ---------------------------------------------------------------- randomness, progress, cancel


@pytest.mark.parametrize("name", [None, "logistic", "forest"])
def test_the_same_random_state_gives_the_same_classifier(name, fit, two_textures, tiny_backbone):
    first, second = (
        class_probabilities(
            two_textures.image,
            fit([two_textures.image], [two_textures.strokes], estimator=name, random_state=3),
            backbone=tiny_backbone,
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_another_random_state_gives_another_forest(fit, two_textures):
    maps = [
        class_probabilities(
            two_textures.image,
            fit(
                [two_textures.image], [two_textures.strokes], CLASSICAL, estimator="forest", random_state=seed
            ),
        )
        for seed in (0, 1)
    ]
    assert np.abs(maps[0] - maps[1]).max() > 0


def jobs(two_textures, classifier, backbone):
    image, strokes, _ = two_textures
    return {
        "fit": fit_classifier_steps(
            [image, image], [strokes, strokes], TINY, estimator="logistic", backbone=backbone
        ),
        "segment": segment_steps(np.tile(image, (1, 8)), classifier, backbone=backbone),
        "probabilities": probabilities_steps(np.tile(image, (1, 8)), classifier, backbone=backbone),
    }


@pytest.mark.parametrize("job", ["fit", "segment", "probabilities"])
def test_progress_only_goes_forward(job, trained, two_textures, tiny_backbone):
    seen = [step.done / step.total for step in jobs(two_textures, trained, tiny_backbone)[job]]
    assert len(seen) >= 3
    assert seen == sorted(seen)
    assert 0 < seen[0] <= seen[-1] <= 1


@pytest.mark.parametrize("job", ["fit", "segment", "probabilities"])
def test_a_closed_job_does_no_more(job, trained, two_textures, tiny_backbone, monkeypatch):
    steps = jobs(two_textures, trained, tiny_backbone)[job]
    next(steps)
    asked = []
    monkeypatch.setattr(ViTBackbone, "query", lambda *arguments, **options: asked.append("query"))
    monkeypatch.setattr(
        "napari_vitrail.classify.fit_estimator_steps", lambda *arguments, **options: asked.append("fit")
    )
    steps.close()
    assert asked == []
    with pytest.raises(StopIteration):
        next(steps)


# ---------------------------------------------------------------- real weights


@pytest.mark.slow
def test_a_micrograph_is_segmented_from_strokes_with_real_weights(real_backbone):
    sample = histology()
    scores = {}
    for features in ("classical", "vit"):
        spec = FeatureSpec(features=features, stride=14)
        classifier = fit_classifier(
            [sample.image], [sample.labels], spec, backbone=real_backbone, class_names=sample.class_names
        )
        segmentation = segment(sample.image, classifier, backbone=real_backbone)
        scored = sample.held_out > 0
        scores[features] = agreement(segmentation[scored], sample.held_out[scored])
        assert set(np.unique(segmentation)) == set(sample.class_names)
    assert scores["vit"] > max(scores["classical"], 0.95)


def test_an_estimator_that_takes_long_is_not_waited_for_once_cancelled(two_textures):
    begun, gate = Event(), Event()

    class Slow(GaussianNB):
        def fit(self, rows, ids):
            begun.set()
            gate.wait(20)
            return super().fit(rows, ids)

    steps = fit_classifier_steps([two_textures.image], [two_textures.strokes], CLASSICAL, estimator=Slow())
    while not begun.is_set():
        next(steps)
    assert next(steps).what == "training"
    steps.close()
    assert not gate.is_set()
    gate.set()
