"""Worker processes: work gets done, crashes cost one task, rest ends processes."""

import os
import signal
import sys
import time

import polars as pl

from forensic.workers import Failed, Workers


def _double(number: int) -> int:
    return 2 * number


def _process() -> int:
    return os.getpid()


def _threads() -> int:
    return pl.thread_pool_size()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _fail() -> None:
    message = "no"
    raise ValueError(message)


def _one(workers: Workers, number: int) -> object:
    return dict(workers.results(wait=True))[number]


def test_work_is_done_after_a_rest_by_new_processes() -> None:
    with Workers(1) as workers:
        workers.submit(1, _process)
        first = _one(workers, 1)
        workers.submit(2, _process)
        assert _one(workers, 2) == first
        workers.rest()
        workers.submit(3, _process)
        assert _one(workers, 3) not in {first, os.getpid()}


def test_a_process_has_one_polars_thread_and_leaves_ours_alone() -> None:
    before = dict(os.environ)
    with Workers(1) as workers:
        workers.submit(1, _threads)
        assert _one(workers, 1) == 1
    assert dict(os.environ) == before


def test_a_crash_costs_its_task_only() -> None:
    with Workers(1) as workers:
        workers.submit(1, _die)
        workers.submit(2, _double, 4)
        done = dict(workers.results(wait=True))
    assert isinstance(done[1], Failed)
    assert "died" in done[1].reason
    assert done[2] == 8


def test_an_error_is_handed_back_both_ways() -> None:
    for jobs in (0, 1):
        with Workers(jobs) as workers:
            workers.submit(1, _fail)
            assert _one(workers, 1) == Failed("ValueError: no")


def test_what_could_not_be_written_is_told_from_other_errors() -> None:
    for jobs in (0, 1):
        with Workers(jobs) as workers:
            workers.submit(1, os.mkdir, "/proc/self/x")
            workers.submit(2, _fail)
            found = dict(workers.results(wait=True))
            assert found[1] == Failed("No such file or directory", output=True)
            assert not found[2].output


def _loaded(name: str) -> bool:
    return name in sys.modules


def test_processes_load_the_module_of_the_tasks_before_one_comes() -> None:
    with Workers(1, "wave") as workers:
        workers.submit(1, _loaded, "wave")
        assert _one(workers, 1) is True
    with Workers(1) as workers:
        workers.submit(1, _loaded, "wave")
        assert _one(workers, 1) is False


def _interrupt() -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return "still here"


def test_an_interrupt_from_the_keyboard_is_left_to_the_one_that_is_served() -> None:
    with Workers(1) as workers:
        workers.submit(1, _interrupt)
        assert _one(workers, 1) == "still here"


def test_no_process_is_left_behind() -> None:
    with Workers(2) as workers:
        workers.submit(1, time.sleep, 60)
        workers.submit(2, _process)
        left = [worker.process for worker in [*workers._idle, *workers._busy]]  # noqa: SLF001 (nothing else knows them)
        assert len(left) == 2
    assert not any(process.is_alive() for process in left)
