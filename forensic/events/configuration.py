"""Small files of the archive that say how to read the others.

nginx's and Apache's configuration names log formats; `etc/timezone` and its kin name
a host's zone. They are read first and never run.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forensic import nginx_conf
from forensic.apache_conf import read_apache
from forensic.archive import entries
from forensic.fields.date_order import day_in_name

__all__ = ["CONFIGURATION", "Configuration", "survey"]

_MOST = 1 << 20
#: No log has so many values; an expression of thousands takes seconds a line.
_MOST_VALUES = 200
#: Names of nginx's files, mailed ones and templates of its image too, and of what
#: `nginx -T` printed.
CONFIGURATION = (
    r"(?i)\.conf(?:\.txt|\.template)?$|(^|/)(sites-(enabled|available))/[^/]+$"
    r"|(^|/)nginx[ ._-]*(?-i:T)(?:[._](?:txt|out|log))?$"
)
_CLOCK = re.compile(
    r"(^|/)etc/(timezone|localtime|sysconfig/clock|adjtime)$|timedatectl|(^|/)date(?:\.txt)?$"
)
_LINK = "symbolic link, not followed: "


@dataclass(frozen=True, slots=True)
class Configuration:
    """What web servers say about their logs, files that speak of clocks, and names."""

    nginx: nginx_conf.Configuration = field(default_factory=nginx_conf.Configuration)
    apache: nginx_conf.Configuration = field(default_factory=nginx_conf.Configuration)
    files: dict[str, bytes] = field(default_factory=dict)

    def templates(self, source: str) -> list[str]:
        """Keys of formats to try on a source: those its configuration names first.

        A day in its name tells which number of a date is the day.
        """
        # A shape that Apache describes may fit nginx's lines, and mean something else.
        foreign = re.search(r"(?i)nginx", source)
        day = day_in_name(source)
        return [
            *_keys("nginx_access", self.nginx, source),
            *([] if foreign else _keys("apache_access", self.apache, source)),
            *([f"written_dates:{day}"] if day else []),
        ]


def _keys(name: str, found: nginx_conf.Configuration, source: str) -> list[str]:
    every = [form.template for form in found.formats]
    likely = dict.fromkeys([*found.templates(source), *every])
    few = [template for template in likely if template.count("$") <= _MOST_VALUES]
    return [f"{name}:{template}" for template in few]


def survey(archives: Sequence[Path]) -> Configuration:
    """Read the configuration files of the archives, up to 1 MiB each."""
    configs: dict[str, bytes] = {}
    clocks: dict[str, bytes] = {}
    for entry in entries(archives):
        wanted = _CLOCK.search(entry.source)
        link = entry.problem[1].removeprefix(_LINK) if entry.problem else ""
        if wanted and entry.problem and link != entry.problem[1]:
            clocks[entry.source] = link.encode()
        if entry.stream is None or entry.size > _MOST:
            continue
        if wanted:
            clocks[entry.source] = entry.stream.read(64 << 10)
        elif re.search(CONFIGURATION, entry.source):
            configs[entry.source] = entry.stream.read(_MOST)
    return Configuration(
        nginx=nginx_conf.read_configuration(configs),
        apache=read_apache(configs),
        files=clocks,
    )
