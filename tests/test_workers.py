"""Worker processes: work gets done, crashes cost one task, rest ends processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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


def _is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def _parent() -> int:
    return os.getppid()


def test_no_process_is_left_behind() -> None:
    with Workers(2) as workers:
        workers.submit(1, _process)
        workers.submit(2, _parent)
        left = dict(workers.results(wait=True))
        workers.submit(1, time.sleep, 60)
        workers.submit(2, time.sleep, 60)
        assert all(_is_there(process) for process in left.values())
    assert not any(_is_there(process) for process in left.values())


def test_a_nursery_that_is_killed_costs_the_tasks_of_its_processes_one_try() -> None:
    with Workers(2) as workers:
        workers.submit(1, _parent)
        nursery = _one(workers, 1)
        assert isinstance(nursery, int)
        workers.submit(2, time.sleep, 0.3)
        workers.submit(3, time.sleep, 0.3)
        os.kill(nursery, signal.SIGKILL)
        assert dict(workers.results(wait=True)) == {2: None, 3: None}
        workers.submit(4, _parent)
        assert _one(workers, 4) != nursery


def test_a_process_ends_with_the_one_that_it_serves() -> None:
    code = (
        "import os, time; from forensic.workers import Workers;"
        "from tests.test_workers import _process, _parent;"
        "w = Workers(1).__enter__(); w.submit(1, _process);"
        "print(dict(w.results(wait=True))[1]); w.submit(2, _parent);"
        "print(dict(w.results(wait=True))[2], flush=True); w.submit(3, time.sleep, 60);"
        "os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    left = [int(number) for number in done.stdout.split()]
    until = time.monotonic() + 10
    while any(map(_is_there, left)) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(left) == 2
    assert not any(map(_is_there, left))
