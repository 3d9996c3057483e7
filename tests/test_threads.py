"""Work that is too small for several threads."""

import numpy as np
from threadpoolctl import ThreadpoolController, threadpool_limits

from napari_vitrail.clusters import fit_centres
from napari_vitrail.threads import one_thread


def numbers():
    fit_centres(np.eye(3, dtype=np.float32), 2, n_init=1, random_state=0)  # what it needs is loaded
    return [own["num_threads"] for own in ThreadpoolController().info()]


def test_linear_algebra_and_loops_keep_to_one_thread_meanwhile():
    numbers()
    with threadpool_limits(2):
        before = numbers()
        with one_thread():
            assert set(numbers()) == {1}
        assert numbers() == before
    assert before
