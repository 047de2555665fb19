"""The tools that people open an access log with: lnav and GoAccess, where installed.

They read every row and show or sum it up, and write no table. What they found of an
nginx log is the same as the engines are held to: rows by status, and bytes sent.
"""

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["TOOLS", "command", "facts", "installed"]

_SQL = (
    ";select sc_status, count(*), sum(sc_bytes) from access_log "
    "where sc_status is not null group by sc_status"
)


def _lnav(log: Path, target: Path) -> list[str]:
    return ["lnav", "-n", "-c", _SQL, "-c", f":write-csv-to {target}", str(log)]


def _goaccess(log: Path, target: Path) -> list[str]:
    named = target.with_suffix(".json")  # by which it knows what to write
    how = ["--log-format=COMBINED", "--no-progress", "--no-global-config"]
    return ["goaccess", str(log), *how, "-o", str(named)]


def _of_lnav(target: Path) -> Iterable[tuple[str, int, int]]:
    rows = csv.reader(target.read_text().splitlines()[1:])
    return [(status, int(count), int(sent)) for status, count, sent in rows]


def _of_goaccess(target: Path) -> Iterable[tuple[str, int, int]]:
    found = json.loads(target.with_suffix(".json").read_bytes())["status_codes"]
    codes = [code for group in found["data"] for code in group["items"]]
    return [
        (code["data"][:3], code["hits"]["count"], code["bytes"]["count"])
        for code in codes
    ]


_Rows = Callable[[Path], Iterable[tuple[str, int, int]]]
_KNOWN: dict[str, tuple[Callable[[Path, Path], list[str]], _Rows]] = {
    "lnav": (_lnav, _of_lnav),
    "goaccess": (_goaccess, _of_goaccess),
}
TOOLS = list(_KNOWN)


def installed(names: Sequence[str]) -> list[str]:
    """Those of the tools that are here; a sentence for each that is not."""
    for name in names:
        if not shutil.which(name):
            print(f"{name} is not installed: its row is left out")
    return [name for name in names if shutil.which(name)]


def command(name: str, log: Path, target: Path) -> list[str]:
    """How the tool is run on an access log, to leave what it found at the target."""
    return _KNOWN[name][0](log, target)


def facts(name: str, target: Path) -> dict[str, Any]:
    """What the tool found, as `compare` holds results against each other."""
    rows = sorted(_KNOWN[name][1](target))
    return {
        "rows": sum(count for _, count, _ in rows),
        "status": {status: count for status, count, _ in rows},
        "sum of sent": sum(sent for _, _, sent in rows),
    }
