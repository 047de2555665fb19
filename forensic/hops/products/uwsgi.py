"""What uWSGI's log tells of an answer that the web server made in its place."""

import polars as pl

from forensic.hops.causes import APP_SAYS, death, death_sure
from forensic.hops.quoted import told
from forensic.hops.table import Line, has, sure_of

__all__ = ["lines"]

_HOP = "app_server"
_STATUS = pl.col("web_status")
_RECORD = has(_HOP) & sure_of(pl.col(f"{_HOP}_format") == "uwsgi")
_RAISED = (pl.col(f"{_HOP}_status") == 500) & (pl.col(f"{_HOP}_bytes_sent") == 0)
_APACHE = sure_of(pl.col("web_format").str.starts_with("apache_"))


def lines() -> list[Line]:
    """The lines about a uWSGI that closed the connection before an answer.

    nginx answers 502 then, and says so; Apache's mod_proxy_uwsgi 500, and nothing.
    """
    return [
        Line(
            when=sure_of(pl.col("trace_kind") == "harakiri")
            & sure_of(_STATUS.is_in([500, 502, 503, 504])),
            by="web_server",
            cause="worker_timeout",
            sure="certain",
            because="uWSGI's log says that it ended the worker over this request, at"
            " its time limit (harakiri)",
        ),
        Line(
            # It writes 500 and no byte of it.
            when=_RECORD & sure_of(_RAISED & (_STATUS == 502)),
            by="web_server",
            cause="exception",
            sure="strong",
            because=told(
                "uWSGI's record of it has 500 and no byte: the application raised",
                "trace_words",
            ),
        ),
        Line(
            when=_RECORD
            & sure_of(pl.col(f"{_HOP}_reason") == "no_application")
            & sure_of(pl.col(f"{_HOP}_status") == 500),
            by="app_server",
            cause="boot_failed",
            sure="strong",
            because="uWSGI's record of it has no application (app: -1): it had loaded"
            " none",
        ),
        Line(
            when=_APACHE
            & sure_of(_STATUS == 500)
            & ~APP_SAYS
            & pl.col("note_cause").is_null()
            & sure_of(pl.col("incident_format") == "uwsgi"),
            by="web_server",
            cause=pl.col("incident"),
            sure=death_sure(),
            because=pl.format(
                "Apache answers 500 where uWSGI breaks off, and writes nothing: {}",
                death(),
            ),
        ),
    ]
