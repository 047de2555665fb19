"""Where a case may stand: never inside the evidence, never in someone else's folder.

Nothing heavy is loaded here: a run looks, makes the folder and gives up writing
anywhere else (`sandbox`) before anything else begins.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from forensic.errors import OutputError, UsageError

__all__ = ["PARTS", "SPILL", "case_folder", "is_own", "made", "vanishing"]

#: Where workers write, below the case folder; gone when a run is done.
PARTS = ".parts"
#: Where a run puts what there is no memory for, while it lasts.
SPILL = ".spill"
_OWN = {
    ".lock",
    PARTS,
    SPILL,
    "SHA256SUMS",
    "case.json",
    "clocks.parquet",
    "events",
    "findings.json",
    "gaps.parquet",
    "manifest.jsonl",
    "report.html",
    "report.md",
    "requests.parquet",
    "sources.parquet",
    "unparsed.parquet",
}


def case_folder(archives: Sequence[Path], asked: Path) -> Path:
    """The real path of the case folder that was asked for; nothing is written yet.

    Raises UsageError where an archive does not exist, and where the folder lies in the
    evidence or holds what is no case of this tool.
    """
    folder = Path(os.path.realpath(asked))
    for archive in archives:
        evidence = Path(os.path.realpath(archive))
        if not evidence.exists():
            message = f"{archive}: no such file or folder"
            raise UsageError(message)
        if folder == evidence or evidence in folder.parents:
            message = (
                f"the case folder {asked} would lie inside the evidence: "
                "name another with --case DIR"
            )
            raise UsageError(message)
    if folder.exists() and not folder.is_dir():
        message = f"{asked} is a file"
        raise UsageError(message)
    strangers = _strangers(folder)
    if strangers:
        message = f"{asked} holds other files ({strangers[0]}); choose another"
        raise UsageError(message)
    return folder


def _strangers(folder: Path) -> list[str]:
    """What no run of this tool leaves there; a link is never ours, whatever its name.

    What a run removes or replaces would else lie where the link leads.
    """
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_symlink() or not is_own(path.name)
    )


def is_own(name: str) -> bool:
    """Whether a run of this tool leaves a file of that name in a case folder."""
    return name in _OWN or name.endswith(".tmp")


def vanishing(folder: Path) -> Callable[[], None]:
    """Let a folder go again where this process leaves it empty; the function waits.

    A run gives up touching what stands beside its case before it can know whether the
    request makes sense. A process that does nothing else keeps the right to this.
    """
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.setpgid(0, 0)  # Ctrl-C is not for it
        for stream in range(3):
            os.dup2(here, stream)  # whoever reads what the run says waits for no other
        os.close(there)
        os.read(here, 1)
        with contextlib.suppress(OSError):
            folder.rmdir()
        os._exit(0)
    os.close(here)

    def end() -> None:
        os.close(there)
        os.waitpid(child, 0)

    return end


def made(folder: Path) -> None:
    """Make the folder for its owner alone; raises OutputError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o777 != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        message = f"cannot write the case folder {folder}: {error.strerror}"
        raise OutputError(message) from error
