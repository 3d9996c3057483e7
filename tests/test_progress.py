from threading import Event, Lock

import pytest

from napari_vitrail.progress import Progress, beside_steps, drain, part_of, standing


def counting(total, result="done", closed=None):
    try:
        for done in range(1, total + 1):
            yield Progress(done, total, "steps")
    finally:
        if closed is not None:
            closed.append(True)
    return result


def test_drain_returns_the_result():
    assert drain(counting(3, result=42)) == 42


def test_drain_lets_errors_through():
    def failing():
        yield Progress(1, 2, "steps")
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        drain(failing())


def test_the_second_of_two_parts_starts_at_the_half():
    seen = [step.done / step.total for step in part_of(counting(4), 1, 2)]
    assert seen == [5 / 8, 6 / 8, 7 / 8, 1]


def test_parts_of_different_lengths_never_go_back():
    def whole():
        yield from part_of(counting(2), 0, 2)
        yield from part_of(counting(5), 1, 2)

    seen = [step.done / step.total for step in whole()]
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_a_part_hands_on_what_is_done_and_the_result():
    part = part_of(counting(1, result="r"), 0, 3)
    assert next(part) == Progress(1, 3, "steps")
    with pytest.raises(StopIteration) as stop:
        next(part)
    assert stop.value.value == "r"


def test_closing_a_part_closes_what_it_runs():
    closed = []
    part = part_of(counting(3, closed=closed), 0, 2)
    next(part)
    part.close()
    assert closed == [True]


def test_work_beside_gives_its_result_and_raises_its_error_here():
    assert drain(beside_steps(lambda: 7, "counting", Lock())) == 7
    with pytest.raises(ZeroDivisionError):
        drain(beside_steps(lambda: 1 / 0, "dividing", Lock()))


def test_work_beside_that_is_left_alone_is_not_waited_for_but_by_its_kind():
    turn, gate, begun = Lock(), Event(), []

    def work(name):
        begun.append(name)
        gate.wait(10)
        return name

    first = beside_steps(lambda: work("first"), "waiting", turn)
    assert next(first) == (0, 1, "waiting", None)
    first.close()
    second, third = (
        beside_steps(lambda own=name: work(own), "waiting", turn) for name in ("second", "third")
    )
    next(second)
    next(third)
    assert begun == ["first"]
    second.close()
    gate.set()
    assert drain(third) == "third"
    assert begun == ["first", "third"]


def test_what_a_longer_work_does_not_count_stands_still():
    def steps():
        yield Progress(1, 3, "seeing", so_far="half")
        return "seen"

    own = standing(steps(), 5, 9)
    assert next(own) == (5, 9, "seeing", None)
    assert drain(own) == "seen"
