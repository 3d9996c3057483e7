"""Work that is too small to be shared out among threads."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def one_thread() -> AbstractContextManager[object]:
    """Let linear algebra and loops of scikit-learn keep to one thread meanwhile.

    On a machine that has other work to do, threads of a parallel loop spin while one of them waits for its
    turn: an eigendecomposition of 1024 rows, and k-means of them, took forty and eighty times as much CPU
    time on two threads as on one.
    """
    return _controller().limit(limits=1)


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """Return what knows the libraries that are loaded by now; to find them takes a while."""
    import sklearn.cluster  # noqa: F401  whose libraries are meant

    return ThreadpoolController()
