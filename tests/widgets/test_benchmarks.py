import numpy as np

from benchmarks.convpaint import Beside, PeersPainting, _asked, table
from benchmarks.live import Painting


class Peer:
    """Takes a second for each painted pixel to train, and another to segment."""

    about = {"opened": 9.0}  # noqa: RUF012 -- as the process tells it

    def train(self, image, strokes, *, go_on):
        assert go_on
        return float((strokes > 0).sum())

    def segment(self, image):
        return image, 1.0


def test_the_peer_is_asked_after_the_first_strokes_and_evenly_up_to_the_last():
    labels = (np.arange(10) <= np.arange(9)[:, None]).astype(np.uint8)[:, None]  # a pixel more each time
    found = _asked(Peer(), np.zeros((1, 10)), labels, repaints=3)
    assert found == PeersPainting(9.0, 2.0, [3.0, 6.0, 10.0])


def test_the_table_has_the_ratio_of_every_figure():
    ours = Painting(
        518, opening=1.0, first=3.0, repaints=[0.1, 0.2, 0.3], whole=0.5, thorough=2.0, hasty=0.1,
        thorough_pixels=0.4, unseen_first=1.0, unseen_whole=5.0, idle_gaps=[], busy_gaps=[],
    )  # fmt: skip
    lines = table([Beside(518, ours, PeersPainting(9.0, 4.0, [5.0, 6.0]), 100 * 10**6, 250 * 10**6)])
    assert "| 518 x 518 | opening to first picture | 4.00 s | 13.00 s | 3.2 |" in lines
    assert "| 518 x 518 | stroke to picture, median | 0.20 s | 5.50 s | 28 |" in lines
    assert "| 518 x 518 | peak of memory | 100 MB | 250 MB | 2.5 |" in lines
