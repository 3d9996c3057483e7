"""What the benchmark of co-segmentation says of what it has measured, and of how much."""

import numpy as np
import pytest

from benchmarks.clusterings import WAYS, Clustering
from benchmarks.clusterings import table as table_of_clusterings
from benchmarks.coseg import Crops, Stage, exponent, table


def test_the_exponent_is_the_power_that_something_grows_with():
    assert exponent([10, 100, 1000], [3.0, 30.0, 300.0]) == pytest.approx(1)
    assert exponent([1, 2, 4], [5.0, 20.0, 80.0]) == pytest.approx(2)
    assert exponent([10, 1000], [7.0, 7.0]) == pytest.approx(0)


def test_crops_are_photographs_of_one_size_the_same_again():
    crops = Crops(9)
    assert len(crops) == 9
    assert {crop.shape for crop in (crops[index] for index in range(9))} == {(240, 320, 3)}
    np.testing.assert_array_equal(crops[5], Crops(6)[5])
    assert (crops[0] != crops[8]).any()  # of one photograph


def test_the_table_has_the_time_of_an_image_and_the_largest_peak():
    small = [Stage("seeing", 2.0, 1.0, 100 * 10**6), Stage("finding", 0.5, 0.5, 90 * 10**6)]
    large = [Stage("seeing", 20.0, 10.0, 110 * 10**6), Stage("finding", 60.0, 50.0, 200 * 10**6)]
    lines = table([(10, small), (100, large)]).splitlines()
    assert lines[2].endswith("| 100 ms (2 s) | 100 ms (20 s) | 1.00 |")
    assert lines[3].endswith("| 50 ms (0.5 s) | 500 ms (60 s) | 2.00 |")
    assert lines[4] == "| peak of memory | 100 MB | 200 MB | 0.30 |"


@pytest.mark.parametrize("way", [way for way in WAYS if "faiss" not in way])
def test_every_way_finds_clusters_that_lie_apart(way):
    rows = np.repeat(np.eye(3, 8, dtype=np.float16) * 4, 40, axis=0)
    clusters = WAYS[way](rows[np.random.default_rng(0).permutation(120)], 3)
    assert len(np.unique(clusters.nearest(np.eye(3, 8, dtype=np.float32) * 4))) == 3


def test_distortions_are_told_beside_that_of_k_means_of_all():
    found = [Clustering(10, 2210, way, 0.5, 3 * 10**6, 2.0 + n) for n, way in enumerate(WAYS)]
    lines = table_of_clusterings(found).splitlines()[2:]
    assert lines[1] == "| 10 | 2,210 | k-means, all | 0.50 s | 3 MB | +0.0% |"
    assert lines[0].endswith("-33.3% |")
