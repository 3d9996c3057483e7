"""Sparse labels: the same array again, and no memory on a stranger's word."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_vitrail.errors import ProjectError
from napari_vitrail.sparse import LARGEST_LABELS, SparseLabels


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.int64]),
        arrays.array_shapes(min_dims=1, max_dims=5, max_side=7),
        elements=st.integers(0, 3),
    )
)
@settings(deadline=None)
def test_any_labels_come_back(labels):
    sparse = SparseLabels.from_npz(SparseLabels.of(labels).to_npz(), "file")
    again = sparse.dense()
    np.testing.assert_array_equal(again, labels)
    assert again.dtype == labels.dtype


def test_a_run_is_one_entry():
    labels = np.zeros((4, 5), np.uint8)
    labels[1, 3:] = labels[2, :2] = 6
    sparse = SparseLabels.of(labels)
    assert (sparse.starts.tolist(), sparse.lengths.tolist(), sparse.ids.tolist()) == ([8], [4], [6])


def test_labels_in_the_other_byte_order_come_back():
    labels = np.array([[0, 300]], ">u2")
    np.testing.assert_array_equal(
        SparseLabels.from_npz(SparseLabels.of(labels).to_npz(), "file").dense(), labels
    )


def test_strokes_on_a_large_stack_are_small():
    labels = np.zeros((40, 1024, 1024), np.uint8)
    labels[20, 100:120, 100:400] = 1
    assert len(SparseLabels.of(labels).to_npz()) < 3000


def test_painted_planes_are_handed_out_one_by_one():
    labels = np.zeros((2, 3, 4, 5), np.uint8)
    labels[0, 1, 2] = labels[1, 2, 0, 3:] = 4
    planes = dict(SparseLabels.of(labels).planes())
    assert list(planes) == [(0, 1), (1, 2)]
    for index, plane in planes.items():
        np.testing.assert_array_equal(plane, labels[index])


def test_a_run_over_several_planes_is_in_each():
    sparse = SparseLabels((3, 2, 4), np.array([6]), np.array([12]), np.array([9], np.uint8))
    labels = np.zeros(sparse.shape, np.uint8)
    for index, plane in sparse.planes():
        labels[index] = plane
    np.testing.assert_array_equal(labels, sparse.dense())
    assert labels.sum() == 12 * 9


def packed(**changes):
    """Return an npz of three runs in which some arrays are others."""
    arrays = {
        "shape": np.array([4, 5]),
        "starts": np.array([0, 8, 18]),
        "lengths": np.array([2, 4, 2]),
        "ids": np.array([1, 2, 1], np.uint8),
    }
    file = io.BytesIO()
    np.savez(file, **(arrays | changes))
    return file.getvalue()


def test_what_is_packed_by_hand_is_read():
    assert SparseLabels.from_npz(packed(), "file").dense().sum() == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": np.array([4])},
        {"shape": np.array([], int)},
        {"shape": np.array([-4, -5])},
        {"shape": np.array([0, 5])},
        {"shape": np.array([4.0, 5.0])},
        {"shape": np.array([[4, 5]])},
        {"shape": np.ones(17, int)},
        {"shape": np.array([LARGEST_LABELS, 2])},
        {"shape": np.array([2**62] * 16)},
        {"starts": np.array([0, 8])},
        {"starts": np.array([-1, 8, 18])},
        {"starts": np.array([8, 0, 18])},
        {"starts": np.array([0, 1, 18])},
        {"starts": np.array([0, 8, 19])},
        {"starts": np.array([0, 8, 2**62])},
        {"starts": np.array([0, 8, 2**63], np.uint64)},
        {"starts": np.array([0.0, 8.0, 18.0])},
        {"starts": np.array([0, 8, 18], object)},
        {"shape": np.array([2**20, 2**20]), "lengths": np.array([2, 4, 2**34])},
        {"lengths": np.array([2, 0, 2])},
        {"lengths": np.array([2, -4, 2])},
        {"lengths": np.array([2, 2**63 - 1, 2])},
        {"ids": np.array([1, 0, 1])},
        {"ids": np.array([1, 2, 1], object)},
        {"ids": np.array(["a", "b", "c"])},
        {"ids": np.array([1, 2, 1], [("a", "u1")])},
        {"more": np.array([1])},
    ],
    ids=lambda changes: "{}={}".format(*next(iter(changes.items()))),
)
def test_runs_that_cannot_be_are_refused(changes):
    with pytest.raises(ProjectError, match="file"):
        SparseLabels.from_npz(packed(**changes), "file")


def header(text):
    """Return an npz whose `ids` begin with another header."""
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = text.ljust(117).encode() + b"\n"
    members["ids.npy"] = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\1\2\1"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_a_header_written_by_hand_is_read():
    data = header("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }")
    assert SparseLabels.from_npz(data, "file").ids.tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-3,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '|V3', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': __import__('os'), }",
        "{'descr': '|u1'",
        "[[[[[[[[",
        "",
    ],
)
def test_a_header_that_says_something_else_is_refused_before_memory_is_taken(text):
    with pytest.raises(ProjectError, match="strokes cannot be read"):
        SparseLabels.from_npz(header(text), "file")
