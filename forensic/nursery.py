"""Processes that are ready at once: one has loaded what they need and forks them.

To load polars and the formats costs a process most of a second. The nursery loads them
once, never uses them, and every process begins as its copy: their memory is shared, and
no thread of a pool exists that a fork could lose. No process outlives its nursery.
"""

import contextlib
import ctypes
import gc
import importlib
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from typing import Any

from forensic.sandbox import confine

__all__ = ["Nursery", "loading"]

#: What polars and numpy read when they are imported: the processes fill the cores.
_ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
#: A process that was killed is gone within this many seconds.
_SOON = 5.0
_PR_SET_PDEATHSIG = 1

Life = Callable[[Connection], None]


class Nursery:
    """A process that imports `module` and forks others, each of which lives `life`.

    With a `folder` the kernel lets those write in that folder only, and gives them no
    network.
    """

    def __init__(
        self, life: Life, module: str = "", folder: Path | None = None
    ) -> None:
        self._arguments = (life, module, folder)
        self._numbers = count()
        self._process: Any = None
        self._control: Any = None
        self._loaded = False

    def start(self) -> tuple[int, Connection]:
        """The number of a new process and a pipe to it, before it is there.

        The pipe is at its end when the process is no more, or none could be started.
        """
        if self._process is None or not self._process.is_alive():
            self._begin()
        number = next(self._numbers)
        here, there = multiprocessing.Pipe()
        with there, contextlib.suppress(OSError):  # no nursery: the pipe is at its end
            self._control.send((number, True))
            send_handle(self._control, there.fileno(), 0)
        return number, here

    def end(self, number: int) -> int | None:
        """End a process; how it ended, as `Popen.returncode` says it, where known."""
        try:
            self._control.send((number, False))
            if not self._loaded:
                self._loaded = self._control.recv()
            code: int | None = self._control.recv()
        except (EOFError, OSError):
            return None  # the nursery has ended, and with it the process
        return code

    def close(self, *pipes: Connection) -> None:
        """End everything; return when the processes behind the pipes are no more."""
        if self._process is not None:
            # It sees to the end of the others itself; while it loads there is none.
            loaded = self._loaded or self._control.poll()
            self._control.close()
            self._process.join(_SOON if loaded else 0)
            self._process.kill()
            self._process.join()
            self._process = None
        for pipe in pipes:
            with contextlib.suppress(EOFError, OSError):
                while wait([pipe], _SOON):
                    pipe.recv_bytes()
            pipe.close()

    def _begin(self) -> None:
        self.close()
        self._loaded = False
        # Fork would copy polars' locked thread pool: its documentation forbids it.
        context = multiprocessing.get_context("spawn")
        self._control, there = context.Pipe()
        process = context.Process(
            target=_nurse, args=(there, *self._arguments), daemon=True
        )
        # Ctrl-C is for the process that they serve, also while they start.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with _one_thread():
                process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            there.close()
        self._process = process


def _nurse(control: Connection, life: Life, module: str, folder: Path | None) -> None:
    """The life of a nursery: a process for each number that comes, or its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whom it serves sees to the end
    with loading():
        if module:
            importlib.import_module(module)
    # polars has threads of its own from the start, which wait and hold nothing.
    warnings.simplefilter("ignore", DeprecationWarning)
    children = dict[int, int]()
    with contextlib.suppress(EOFError, ConnectionError):  # whom it serves is no more
        control.send(True)
        while True:
            number, wanted = control.recv()
            if not wanted:
                control.send(_ended(children.pop(number, None)))
                continue
            pipe = Connection(recv_handle(control))
            with pipe, contextlib.suppress(OSError):  # none: its pipe is at its end
                children[number] = _forked(control, life, pipe, folder)
    for child in children.values():
        _ended(child)


def _forked(
    control: Connection, life: Life, pipe: Connection, folder: Path | None
) -> int:
    """The process of a child of this one, which never returns from here."""
    nursery = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        control.close()
        if folder is not None:
            confine(folder, worker=True)  # while it has a single thread
        if os.getppid() == nursery:
            life(pipe)
        os._exit(0)
    finally:
        os._exit(1)


def _ended(child: int | None) -> int | None:
    if child is None:
        return None
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """A process started within has one thread; this one's environment stays."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """What is imported within stays: nobody looks through it for what may go."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
