"""The README shows what the tool says today."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from forensic import hops

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SHOWN = re.compile(r"```console\n\$ (forensic .*?)\n(.*?)```", re.DOTALL)


def said(command: str, folder: Path) -> str:
    """What a command of the README prints, at 80 columns without colour."""
    words = shlex.split(command.replace("\\\n", " "))
    done = subprocess.run(
        [sys.executable, "-m", "forensic", *words[1:]],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    return done.stdout.decode() + done.stderr.decode()


def test_every_shown_command_prints_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    shown = SHOWN.findall(README.replace("\\\n", " "))
    assert shown
    for command, output in shown:
        printed = said(command, tmp_path)
        # `...` stands for lines left out.
        for part in re.split(r"^\.\.\.\n", output, flags=re.MULTILINE):
            assert part in printed, command


def test_map_of_the_tree_names_what_there_is() -> None:
    tree = README.partition("```text\nforensic/\n")[2].partition("\nfixtures/")[0]
    named = set(re.findall(r"\b\w+(?:\.py|/(?=\s))", tree))
    own = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "forensic").iterdir()
        if not path.name.startswith(("_", ".")) and path.name != "py.typed"
    }
    assert own == named


def test_map_of_the_hops_names_what_there_is() -> None:
    """In the order in which they work, in the folder's own docstring."""
    named = re.findall(r"`(\w+)/?`", hops.__doc__ or "")
    parts = {path.stem for path in (ROOT / "forensic" / "hops").iterdir()}
    assert sorted(named) == sorted(p for p in parts if not p.startswith("_"))
