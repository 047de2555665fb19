"""What uWSGI's record of a request tells of an answer that the web server made."""

import polars as pl

from forensic.hops.quoted import told
from forensic.hops.table import Line, has, sure_of

__all__ = ["lines"]

_HOP = "app_server"


def lines() -> list[Line]:
    """The line about an application that raised before it had answered.

    uWSGI writes 500 and no byte of it, and closes the connection: nginx answers 502.
    """
    record = sure_of(pl.col(f"{_HOP}_format") == "uwsgi")
    raised = (pl.col(f"{_HOP}_status") == 500) & (pl.col(f"{_HOP}_bytes_sent") == 0)
    cut = pl.col("web_status") == 502
    why = "uWSGI's record of it has 500 and no byte: the application raised"
    return [
        Line(
            when=has(_HOP) & record & sure_of(raised & cut),
            by="web_server",
            cause="exception",
            sure="strong",
            because=told(why, "trace_words"),
        )
    ]
