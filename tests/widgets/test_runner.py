"""One job at a time: the newest wins, an error arrives, a cancelled job is closed."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator

import pytest
from sklearn.exceptions import ConvergenceWarning

from napari_vitrail.errors import ComputeError, VitrailWarning
from napari_vitrail.progress import Progress, drain
from napari_vitrail.widgets._runner import Failure, Job, Runner, _Titled, shield

GUI_THREAD = threading.main_thread()


class Diary:
    """What a runner has said, and in which threads."""

    def __init__(self) -> None:
        self.progress, self.errors, self.warnings, self.results = [], [], [], []
        self.idle = 0
        self.threads = set()

    def note(self, page: list) -> object:
        def write(value: object) -> None:
            page.append(value)
            self.threads.add(threading.current_thread())

        return write

    def note_idle(self) -> None:
        self.idle += 1


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def runner(qtbot, diary) -> Iterator[Runner]:
    runner = Runner(
        on_progress=diary.note(diary.progress),
        on_error=diary.note(diary.errors),
        on_warning=diary.note(diary.warnings),
        on_idle=diary.note_idle,
    )
    yield runner
    runner.cancel()
    qtbot.waitUntil(lambda: not runner.is_busy)


@pytest.fixture
def run(runner, diary):
    """Return a function that starts steps and notes their result."""
    return lambda steps: runner.start(Job(steps, diary.note(diary.results), "counting"))


class Gate:
    """Steps that wait at each yield until they are let on, and know whether they were closed."""

    def __init__(self, result: str) -> None:
        self.result = result
        self.started, self.open, self.closed = threading.Event(), threading.Event(), False

    def steps(self):
        try:
            self.started.set()
            while not self.open.wait(0.01):
                yield Progress(0, 1, "gates")
            return self.result
        finally:
            self.closed = True


def count_steps(total: int):
    for done in range(1, total + 1):
        yield Progress(done, total, "steps")
    return threading.current_thread()


def failing_steps(error: Exception):
    yield Progress(1, 2, "steps")
    raise error


def test_result_and_progress_arrive_in_the_gui_thread(qtbot, run, diary):
    run(count_steps(3))
    qtbot.waitUntil(lambda: diary.idle)
    assert diary.progress == [Progress(done, 3, "steps") for done in (1, 2, 3)]
    assert diary.results != [GUI_THREAD]
    assert diary.threads == {GUI_THREAD}


def test_runner_is_idle_before_and_after(qtbot, runner, run, diary):
    assert not runner.is_busy
    run(count_steps(1))
    assert runner.is_busy
    assert runner.is_wanted
    qtbot.waitUntil(lambda: diary.idle == 1)
    assert not runner.is_busy
    assert not runner.is_wanted


def test_newest_job_wins_and_only_one_runs(qtbot, run, diary):
    first, second, third = Gate("first"), Gate("second"), Gate("third")
    run(first.steps())
    qtbot.waitUntil(first.started.is_set)
    run(second.steps())
    run(third.steps())
    third.open.set()
    qtbot.waitUntil(lambda: diary.idle)
    assert diary.results == ["third"]
    assert first.closed
    assert not second.started.is_set()
    assert diary.idle == 1


@pytest.mark.parametrize(
    "error", [RuntimeError("no such kernel"), NotImplementedError("no such kernel")], ids=repr
)
def test_runtime_errors_arrive_as_compute_errors(error, qtbot, run, diary):
    run(failing_steps(error))
    qtbot.waitUntil(lambda: diary.idle)
    [arrived] = diary.errors
    assert isinstance(arrived, ComputeError)
    assert str(arrived) == "no such kernel"
    assert arrived.__cause__ is error
    assert diary.results == []


def test_a_preview_that_cannot_be_shown_ends_the_job_with_one_error(qtbot, diary):
    closed = threading.Event()

    def steps():
        try:
            while True:
                yield Progress(1, 2, "counting", so_far="a picture")
        finally:
            closed.set()

    def refuse(progress):
        raise ValueError("no layer for it")

    runner = Runner(
        on_progress=refuse, on_error=diary.note(diary.errors), on_warning=diary.note(diary.warnings),
        on_idle=diary.note_idle,
    )  # fmt: skip
    runner.start(Job(steps(), diary.note(diary.results), "counting"))
    qtbot.waitUntil(lambda: diary.idle == 1)
    assert [str(error) for error in diary.errors] == ["no layer for it"]
    assert closed.is_set()
    assert diary.results == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("CUDA out of memory."), "CUDA out of memory; a larger stride"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            "can't allocate memory; a larger stride",
        ),
        (MemoryError(), "out of memory; a larger stride"),
    ],
    ids=repr,
)
def test_a_lack_of_memory_says_what_would_do(error, text):
    failure = drain(shield(failing_steps(error)))
    assert isinstance(failure.error, ComputeError)
    assert text in str(failure.error)
    assert "a smaller tile or the device cpu need less memory" in str(failure.error)


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("no")], ids=repr)
def test_other_errors_arrive_as_they_are(error, qtbot, run, diary):
    run(failing_steps(error))
    qtbot.waitUntil(lambda: diary.idle)
    assert diary.errors == [error]


def test_next_job_runs_after_an_error(qtbot, run, diary):
    run(failing_steps(ValueError("no")))
    qtbot.waitUntil(lambda: diary.idle == 1)
    run(count_steps(1))
    qtbot.waitUntil(lambda: diary.idle == 2)
    assert len(diary.results) == 1


def test_an_error_in_taking_the_result_arrives_once(qtbot, runner, diary):
    error = RuntimeError("no such layer")

    def fail(result):
        raise error

    runner.start(Job(count_steps(1), fail, "counting"))
    qtbot.waitUntil(lambda: diary.idle == 1)
    assert diary.errors == [error]


def test_cancel_closes_the_job_and_drops_its_answers(qtbot, runner, run, diary):
    gate = Gate("never")
    run(gate.steps())
    qtbot.waitUntil(gate.started.is_set)
    runner.cancel()
    assert not runner.is_wanted
    seen = len(diary.progress)
    qtbot.waitUntil(lambda: diary.idle == 1)
    assert gate.closed
    assert diary.results == []
    assert len(diary.progress) == seen


def test_error_of_a_cancelled_job_is_dropped(qtbot, runner, run, diary):
    started, go = threading.Event(), threading.Event()

    def steps():
        started.set()
        go.wait()
        raise ValueError("too late")
        yield

    run(steps())
    qtbot.waitUntil(started.is_set)
    runner.cancel()
    go.set()
    qtbot.waitUntil(lambda: diary.idle)
    assert diary.errors == []


def test_cancel_before_the_thread_starts_runs_nothing(qtbot, runner, run, diary):
    gate = Gate("never")
    run(gate.steps())
    runner.cancel()
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert diary.results == []


def test_cancel_without_a_job_is_fine(runner, diary):
    runner.cancel()
    assert diary.idle == 0


def test_a_retired_runner_never_calls_back(qtbot, runner, run, diary):
    gate = Gate("never")
    run(gate.steps())
    qtbot.waitUntil(gate.started.is_set)
    runner.retire()
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert gate.closed
    assert diary.idle == 0


def test_our_warnings_arrive_and_others_are_logged(qtbot, run, diary, caplog):
    def steps():
        warnings.warn("alpha is ignored", VitrailWarning, stacklevel=1)
        warnings.warn("said by a library", UserWarning, stacklevel=1)
        warnings.warn("old option", FutureWarning, stacklevel=1)
        yield Progress(1, 1, "steps")

    caplog.set_level("INFO")
    run(steps())
    qtbot.waitUntil(lambda: diary.idle)
    assert diary.warnings == ["alpha is ignored"]
    assert "said by a library" in caplog.text
    assert "old option" in caplog.text


def test_no_convergence_is_said_once_and_in_plain_words(qtbot, run, diary):
    def steps():
        for fold in range(3):
            warnings.warn(f"lbfgs failed in fold {fold}", ConvergenceWarning, stacklevel=1)
        yield Progress(1, 1, "steps")

    run(steps())
    qtbot.waitUntil(lambda: diary.idle)
    [text] = diary.warnings
    assert "stopped before it had settled" in text


def test_shield_passes_progress_result_and_closing_on():
    gate = Gate("result")
    shielded = shield(gate.steps())
    assert next(shielded) == Progress(0, 1, "gates")
    shielded.close()
    assert gate.closed


def test_shield_returns_errors():
    error = ValueError("no")
    assert drain(shield(failing_steps(error))) == Failure(error)


def test_worker_is_called_by_its_title():
    assert repr(_Titled(shield, "Segmenting cells")) == "Segmenting cells"
