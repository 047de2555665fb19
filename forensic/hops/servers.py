"""What servers of applications say about themselves: full, ended, without a script."""

import polars as pl

from forensic.hops.kind import APP, WEB, Kind
from forensic.hops.quoted import told
from forensic.hops.table import Line, sure_of

__all__ = ["FULL", "NO_SCRIPT", "SERVERS", "lines"]

#: Passenger takes no more requests than that to wait for a process.
FULL = "queue_full"
#: PHP's own server was asked for a file that is not there, and wrote so to the web
#: server, which passed its 404 on.
NO_SCRIPT = "no_script"

SERVERS = [
    Kind(
        NO_SCRIPT,
        WEB,
        r"^(?:FastCGI sent in stderr: \"|(?:AH01071: )?Got error ')"
        r"(?:Primary script unknown|Unable to open primary script)",
        "file_not_found",
        (404, 403),
    ),
    Kind(
        FULL,
        "app_server",
        r"^(?:\[Client [^\]\n]*\] )?Returning HTTP \d+ due to: Request queue"
        r" (?:is )?full",
        "resources_exhausted",
        (503, 429, 500, 502, 504),
    ),
    # It ended itself: `os._exit`, an extension's `exit()`. 3 and 4 are of failed boots.
    Kind(
        "exited",
        APP,
        r"Worker \(pid:\d+\) exited with code (?:[125-9]|\d\d+)\b"
        r"|^DAMN ! worker \d+ \(pid: \d+\) died :\("
        r"|^reaped #<Process::Status: pid \d+ exit [1-9]"
        r"|^PM2 (?:log: |[^\n]{0,20}\| )?App \[[^\]\n]+\] exited with code \[[1-9]",
        "worker_crashed",
    ),
]


def lines() -> list[Line]:
    """The lines about what an application server answered without the application."""
    return [
        Line(
            when=sure_of(pl.col("note_kind") == NO_SCRIPT),
            by="app_server",
            cause="file_not_found",
            sure="certain",
            because=told(
                "the web server's error log has what it said of this request",
                "note_words",
            ),
        ),
        Line(
            when=sure_of(pl.col("trace_kind") == FULL),
            by="app_server",
            cause="resources_exhausted",
            sure="strong",
            because=told(
                "its log says so at that moment, for nobody by name", "trace_words"
            ),
        ),
    ]
