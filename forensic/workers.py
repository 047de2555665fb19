"""Where work runs: in this process, or in supervised processes beside it.

A task is a module-level function and its arguments. A process that dies or does not
answer is replaced; its task is tried once more and then handed back as failed, so
that a crash costs one unit of work and never the run. Both ways give the same bytes.
Memory that both sides see goes over as a descriptor: a confined process may not look
for one in another's.
"""

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from forensic.nursery import Nursery

__all__ = ["Failed", "Workers"]

#: A block takes a second; what takes this long does not end.
_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Failed:
    """What a task gives when its process died twice, or it raised.

    `output` says that the machine failed it and not the evidence, which tasks get as
    memory: what it writes could not be written.
    """

    reason: str
    output: bool = False


@dataclass(slots=True)
class _Task:
    number: int
    call: Callable[..., Any]
    arguments: tuple[Any, ...]
    memory: Sequence[int] = ()
    tries: int = 0
    started: float = 0.0


@dataclass(slots=True)
class _Process:
    number: int
    pipe: Connection
    task: _Task | None = None


def _serve(pipe: Connection) -> None:
    """The life of a worker process: a task in, its value or its error out."""
    with contextlib.suppress(EOFError, ConnectionError):  # whom it serves is no more
        while True:
            call, arguments, shared = pipe.recv()
            memory = [recv_handle(pipe) for _ in shared]
            try:
                pipe.send(call(*memory, *arguments))
            except BaseException as error:  # noqa: BLE001 (a polars panic is no Exception)
                pipe.send(_failed(error))
            for descriptor in memory:
                os.close(descriptor)


@dataclass(slots=True)
class Workers:
    """`jobs` processes; with no jobs, every task runs at once in this process.

    `submit` waits until a process is free; `results` gives (number, value) of the
    tasks that are done, in any order. Use it as a context manager. The processes have
    imported `module`, where the tasks are, before one comes. With a `folder` the
    kernel lets them write in that folder only, and gives them no network.
    """

    jobs: int
    module: str = ""
    folder: Path | None = None
    _nursery: Nursery = field(init=False)
    _idle: list[_Process] = field(default_factory=list)
    _busy: list[_Process] = field(default_factory=list)
    _done: deque[tuple[int, Any]] = field(default_factory=deque)
    _again: deque[_Task] = field(default_factory=deque)

    def __enter__(self) -> Self:
        """Start the processes; they get ready while this one reads."""
        self._nursery = Nursery(_serve, self.module, self.folder)
        self._idle = [self._started() for _ in range(self.jobs)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes, whatever they do: finished work stands in files."""
        self._nursery.close(*(one.pipe for one in [*self._idle, *self._busy]))
        self._idle.clear()
        self._busy.clear()

    @property
    def running(self) -> int:
        """How many tasks are under way."""
        return len(self._busy) + len(self._again)

    def submit(
        self,
        number: int,
        call: Callable[..., Any],
        *arguments: Any,
        memory: Sequence[int] = (),
    ) -> None:
        """Hand a task out; descriptors of shared memory are its first arguments."""
        task = _Task(number, call, arguments, memory)
        if not self.jobs:
            self._done.append((number, _run_here(task)))
            return
        if not self._idle and len(self._busy) < self.jobs:
            self._idle.append(self._started())
        while not self._idle:
            self._wait()
        self._start(task)

    def rest(self) -> None:
        """Give the memory of idle processes back; more work starts new ones."""
        for worker in self._idle:
            self._end(worker)
        self._idle.clear()

    def results(self, *, wait: bool = False) -> Iterator[tuple[int, Any]]:
        """What is done; with `wait`, until nothing runs any more."""
        while True:
            while self._done:
                yield self._done.popleft()
            if not wait or not self.running:
                return
            self._wait()

    def wait_for_one(self) -> None:
        """Return when at least one more task is done, or none runs."""
        if not self._done and self.running:
            self._wait()

    def _started(self) -> _Process:
        return _Process(*self._nursery.start())

    def _end(self, worker: _Process) -> int | None:
        """End a process: it holds nothing that is not written yet."""
        code = self._nursery.end(worker.number)
        worker.pipe.close()
        return code

    def _start(self, task: _Task) -> None:
        worker = self._idle.pop()
        task.tries += 1
        task.started = time.monotonic()
        worker.task = task
        self._busy.append(worker)
        try:
            worker.pipe.send((task.call, task.arguments, task.memory))
            for descriptor in task.memory:
                send_handle(worker.pipe, descriptor, 0)
        except (BrokenPipeError, OSError):
            self._end(worker)
            self._replace(worker, "the worker process was gone")

    def _wait(self) -> None:
        """Take in what is ready; replace processes that died or hang."""
        ready = set(wait([worker.pipe for worker in self._busy], timeout=5.0))
        for worker in [worker for worker in self._busy if worker.pipe in ready]:
            try:
                value = worker.pipe.recv()
            except (EOFError, OSError):
                code = self._end(worker)
                self._replace(worker, f"the worker process died (exit code {code})")
            else:
                self._finish(worker, value)
        for worker in list(self._busy):
            if worker.task and time.monotonic() - worker.task.started > _PATIENCE:
                self._end(worker)
                self._replace(worker, f"no answer within {_PATIENCE:.0f} s")
        while self._again and self._idle:
            self._start(self._again.popleft())

    def _finish(self, worker: _Process, value: Any) -> None:
        task = worker.task
        worker.task = None
        self._busy.remove(worker)
        self._idle.append(worker)
        if task:
            self._done.append((task.number, value))

    def _replace(self, worker: _Process, reason: str) -> None:
        task = worker.task
        self._busy.remove(worker)
        self._idle.append(self._started())
        if task and task.tries < 2:
            self._again.append(task)
        elif task:
            self._done.append((task.number, Failed(reason)))


def _run_here(task: _Task) -> Any:
    try:
        return task.call(*task.memory, *task.arguments)
    except Exception as error:  # noqa: BLE001 (same as in a worker process)
        return _failed(error)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # polars' own, outside Exception
            raise
        return _failed(error)


def _failed(error: BaseException) -> Failed:
    if isinstance(error, OSError):
        return Failed(error.strerror or str(error), output=True)
    return Failed(f"{type(error).__name__}: {error}")
