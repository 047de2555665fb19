"""What the kernel holds a run to: it reads, and writes beneath the case folder only.

Landlock refuses to write, create, rename or remove anything elsewhere, and to open TCP
connections; a seccomp filter refuses sockets, and changes of mode, owner, time and
attributes, which Landlock knows nothing of. A process gives these rights up for good,
for itself and all that it starts. Only threads that begin later are held to it: call
this before anything starts one. Where the kernel lacks a part, that part is left out.
"""

import ctypes
import os
import platform
import resource
import struct
from pathlib import Path
from typing import NamedTuple

__all__ = ["Held", "confine"]


class Held(NamedTuple):
    """What holds this process: Landlock's version (0: nothing), and a filter."""

    landlock: int = 0
    seccomp: bool = False


_PR_SET_NO_NEW_PRIVS = 38
# Landlock: the same numbers on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE = 1 << 0, 1 << 1, 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG, _REFER, _TRUNCATE = 1 << 7, 1 << 8, 1 << 13, 1 << 14
#: Devices, sockets, pipes and links: nobody makes them, in no place.
_MAKE_OTHERS = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12
_ON_FILES = _WRITE_FILE | _TRUNCATE | _MAKE_REG | _REMOVE_FILE
_ON_FOLDERS = _MAKE_DIR | _REMOVE_DIR | _REFER
#: Before the second version no file may be moved between folders, as a run does.
_OLDEST = 2
_BIND_OR_CONNECT_TCP = 1 << 0 | 1 << 1
_ABSTRACT_SOCKETS_AND_SIGNALS = 1 << 0 | 1 << 1

_OPEN = "socket io_uring_setup ptrace process_vm_writev"
_ATTRIBUTES = (
    "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr "
    "removexattrat chown fchown lchown fchownat utime utimes futimesat utimensat "
    "chmod fchmod fchmodat fchmodat2"
)
_PROGRAMS = "execve execveat"
#: Machine ▶ its audit number, the number of seccomp(2), the numbers of the others;
#: those that a machine lacks are not named.
_MACHINES: dict[str, tuple[int, int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        317,
        {
            "socket": 41, "execve": 59, "chmod": 90, "fchmod": 91, "chown": 92,
            "fchown": 93, "lchown": 94, "ptrace": 101, "utime": 132,
            "setxattr": 188, "lsetxattr": 189,
            "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198,
            "fremovexattr": 199, "utimes": 235, "fchownat": 260, "futimesat": 261,
            "fchmodat": 268, "utimensat": 280, "process_vm_writev": 311,
            "execveat": 322, "io_uring_setup": 425, "fchmodat2": 452,
            "setxattrat": 463, "removexattrat": 466,
        },
    ),
    "aarch64": (
        0xC00000B7,
        277,
        {
            "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14,
            "lremovexattr": 15, "fremovexattr": 16, "fchmod": 52, "fchmodat": 53,
            "fchownat": 54, "fchown": 55,
            "utimensat": 88, "ptrace": 117, "socket": 198, "execve": 221,
            "process_vm_writev": 271, "execveat": 281, "io_uring_setup": 425,
            "fchmodat2": 452, "setxattrat": 463, "removexattrat": 466,
        },
    ),
}  # fmt: skip
#: On x86_64, calls of its 32-bit ABI have numbers from here on.
_OTHER_ABI = 0x40000000
_SET_MODE_FILTER, _SPEC_ALLOW = 1, 1 << 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # the second: EPERM
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4


def confine(folder: Path, *, worker: bool = False) -> Held:
    """Give up writing anywhere but beneath `folder`, and the network; what holds.

    A worker gives up more: other programs, and signals to other processes. Neither
    leaves a core file, which would hold evidence, nor makes files that others may read:
    it cannot change modes any more.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return Held()
    landlock = _landlock(library, folder, worker=worker)
    return Held(landlock, _seccomp(library, worker=worker))


def _call(library: ctypes.CDLL, number: int, *arguments: object) -> int:
    """A system call without a name in the C library; -1 where it fails."""
    plain = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(library.syscall(ctypes.c_long(number), *plain))


def _landlock(library: ctypes.CDLL, folder: Path, *, worker: bool) -> int:
    """The version of Landlock that holds from now on."""
    version = _call(library, _CREATE_RULESET, None, 0, 1)
    if version < _OLDEST:
        return 0
    files = _ON_FILES if version >= 3 else _ON_FILES & ~_TRUNCATE
    everywhere = files | _ON_FOLDERS | _MAKE_OTHERS | (_EXECUTE if worker else 0)
    words = [everywhere]
    if version >= 4:
        words.append(_BIND_OR_CONNECT_TCP)
    if version >= 6:
        words.append(_ABSTRACT_SOCKETS_AND_SIGNALS if worker else 0)
    asked = struct.pack(f"{len(words)}Q", *words)
    ruleset = _call(library, _CREATE_RULESET, asked, len(asked), 0)
    if ruleset < 0:
        return 0
    try:
        allowed = {folder: files | _ON_FOLDERS}
        if Path(os.devnull).exists():
            allowed[Path(os.devnull)] = files & (_WRITE_FILE | _TRUNCATE)
        held = all(_allow(library, ruleset, *one) for one in allowed.items())
        held = held and _call(library, _RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)
    return version if held else 0


def _allow(library: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> bool:
    """Leave the rights beneath a path; whether that went well."""
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, place)
        return _call(library, _ADD_RULE, ruleset, 1, rule, 0) == 0
    finally:
        os.close(place)


def _seccomp(library: ctypes.CDLL, *, worker: bool) -> bool:
    """Whether the filter holds from now on."""
    if platform.machine() not in _MACHINES or struct.calcsize("P") != 8:
        return False
    architecture, seccomp, numbers = _MACHINES[platform.machine()]
    names = f"{_OPEN} {_ATTRIBUTES} {_PROGRAMS if worker else ''}".split()
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _OTHER_ABI),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for name in names:
        if name in numbers:
            steps += [(_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _REFUSE)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("=HBBI", *step) for step in steps)
    )
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    return _call(library, seccomp, _SET_MODE_FILTER, _SPEC_ALLOW, program) == 0
