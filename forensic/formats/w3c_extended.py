"""W3C extended logs of other writers than IIS: Tomcat, WebLogic, proxies.

The line `#Fields:` names the columns. The draft wants GMT, and not all writers keep to
it (WebLogic writes local time unless told otherwise): the zone is known of a few only.
"""

import polars as pl

from forensic.fields.w3c import HEADER, announced, w3c
from forensic.format import Format

__all__ = ["FORMAT", "from_template"]

_TITLE = "W3C extended log"
_PATHS = r"(?i)extended|w3c"
#: Writers that are known to keep to GMT, and what leads their templates.
_GMT, _KEEPS = "gmt ", ("Apache Tomcat", "SGOS", "Azure")


def templates(head: bytes) -> list[str]:
    """The `#Fields:` lines at the front of a file that another than IIS writes."""
    return [
        (_GMT if found.software.startswith(_KEEPS) else "") + found.template
        for found in announced(head)
        if not found.microsoft
    ]


def parse(lines: pl.Series) -> pl.DataFrame:
    """No row says by itself what its columns are."""
    refused = pl.Series("refused", ["no line names the fields"] * len(lines), pl.String)
    return refused.to_frame()


def from_template(template: str) -> Format:
    """The format of rows below a certain `#Fields:` line."""
    fields = template.removeprefix(_GMT)
    return w3c("w3c_extended", _TITLE, fields, utc=fields != template, paths=_PATHS)


FORMAT = Format(
    name="w3c_extended",
    title=_TITLE,
    hop="web_server",
    reference="https://www.w3.org/TR/WD-logfile",
    head=r"^[^\s\S]",
    parse=parse,
    templates=templates,
    stamps_end=True,
    header=HEADER,
    paths=_PATHS,
)
