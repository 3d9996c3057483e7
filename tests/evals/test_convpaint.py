import sys
from argparse import Namespace

import numpy as np
import pytest

from evals.__main__ import EVALUATIONS
from evals.convpaint import PEER, STROKES, convpaint_rows, convpaint_section, thinned
from evals.datasets import Case
from evals.peers import Convpaint, PeerUnavailable, tokens_of
from evals.scribbles import Recipe
from napari_vitrail.spec import FeatureSpec

FAKE = """
import json, sys
from pathlib import Path
import numpy as np

name, weights = sys.argv[1:]
print(json.dumps({"convpaint": "0", "weights": Path(weights).stat().st_size}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    answer = {}
    if request["ask"] == "tokens":
        np.save(request["out"], np.load(Path(__file__).with_name("tokens.npy")))
    elif request["ask"] == "train":
        labels, answer = np.load(request["strokes"]), {"seconds": 2.5}
        if not labels.any():
            raise ValueError("nothing is painted")
    elif request["ask"] == "segment":
        np.save(request["out"], np.full(np.load(request["image"]).shape[:2], labels.max()))
        answer = {"seconds": 0.5}
    elif request["ask"] == "peak":
        answer = {"bytes": 1000}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def start(tmp_path, tiny_backbone):
    """Return a function that starts a peer which gives every pixel the largest label painted."""
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    np.save(tmp_path / "tokens.npy", tokens_of(tiny_backbone)[1])
    return lambda: Convpaint(
        sys.executable, "python -m evals convpaint", backbone=tiny_backbone, script=script
    )


def test_a_peer_learns_segments_and_tells_its_peak(start):
    image, strokes = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8)
    strokes[3, 4:9], strokes[12, 4:9] = 1, 3
    with start() as peer:
        assert peer.about["weights"] > 0
        assert peer.train(image, strokes) == 2.5
        found, seconds = peer.segment(image)
        assert peer.peak() == 1000
    np.testing.assert_array_equal(found, np.full((20, 30), 3))
    assert seconds == 0.5


def test_what_a_peer_dies_of_is_said(start):
    image = np.zeros((20, 30), np.uint8)
    with start() as peer, pytest.raises(RuntimeError, match="nothing is painted"):
        peer.train(image, image)


def test_weights_are_the_same_where_the_tokens_are(start, tmp_path):
    with start() as peer:
        assert peer.check_weights() == 0
        np.save(tmp_path / "tokens.npy", 1.01 * np.load(tmp_path / "tokens.npy"))
        with pytest.raises(SystemExit, match="other weights"):
            peer.check_weights()


@pytest.mark.parametrize(
    ("python", "reason"), [(None, "--peer-python is not given"), ("nowhere/python", "no Python at nowhere")]
)
def test_without_a_peer_the_command_says_how_to_make_one(python, reason):
    with pytest.raises(PeerUnavailable, match=reason) as raised:
        EVALUATIONS["convpaint"].measure(Namespace(peer_python=python, sets=[], seeds=[0], first=0, every=1))
    assert "pip install napari-convpaint==1.2.0" in str(raised.value)
    assert "python -m evals convpaint --peer-python" in str(raised.value)


@pytest.mark.slow
def test_a_python_that_lacks_convpaint_is_named_with_the_reason(tiny_backbone):
    with pytest.raises(PeerUnavailable, match=r"cannot run convpaint: .*No module named 'napari_convpaint'"):
        Convpaint(sys.executable, "python -m evals convpaint", backbone=tiny_backbone)


def test_thinned_strokes_keep_a_pixel_of_each_class():
    strokes = np.zeros((20, 20), int)
    strokes[2:12, 2:12], strokes[15, 15] = 4, 9
    kept = thinned(strokes, 0.05, 0)
    assert [(kept == class_id).sum() for class_id in (4, 9)] == [5, 1]
    np.testing.assert_array_equal(kept[kept > 0], strokes[kept > 0])
    assert (kept != thinned(strokes, 0.05, 1)).any()


def test_both_are_scored_on_the_same_images_strokes_and_seeds(start, two_textures, monkeypatch):
    case = Case("textures", *(two_textures.image, two_textures.truth, two_textures.strokes))
    monkeypatch.setattr("evals.convpaint.cases", lambda name: [case])
    monkeypatch.setattr("evals.convpaint.RECIPES", [Recipe("classical", None)])
    monkeypatch.setitem(STROKES, "photograph", STROKES["photograph"][:2])
    spec = FeatureSpec(features="classical")
    monkeypatch.setattr("evals.scribbles.load_backbone", lambda name: None)
    rows = list(convpaint_rows(["photograph"], [0, 1], spec, slice(None), start()))
    assert [(row["strokes"], row["seed"], row["recipe"]) for row in rows] == [
        ("all of the person's", 0, PEER), ("all of the person's", 0, "classical"),
        ("1 % of the image, drawn", 0, PEER), ("1 % of the image, drawn", 0, "classical"),
        ("1 % of the image, drawn", 1, PEER), ("1 % of the image, drawn", 1, "classical"),
    ]  # fmt: skip
    assert 0 < rows[0]["iou"] < 0.5 < rows[1]["iou"]  # one class everywhere; both told apart


def test_the_section_shows_what_ours_gains_with_its_interval():
    common = {"set": "superalloys", "strokes": "drawn", "seed": 0, "version": "1.2.0"}
    scores = {PEER: (0.3, 0.5), "auto": (0.6, 0.6), "hybrid": (0.6, 0.7), "vit": (0.4, 0.6)}
    rows = [
        common | {"recipe": recipe, "image": image, "iou": iou}
        for recipe, own in scores.items()
        for image, iou in zip("ab", own, strict=True)
    ]
    *_, line = convpaint_section(rows, "command", "weights").splitlines()
    assert line == "| 2 superalloys | drawn | 2 | 0.400 | 0.600 | 0.650 | 0.500 | +0.200 (+0.100 to +0.300) |"
