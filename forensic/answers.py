"""Which lines are an answer's record, in the columns of events.

Not every line with a status is one: error logs name the status of a refusal, and some
applications write the request on one line and the answer on another.
"""

import polars as pl

__all__ = [
    "APPS",
    "AUDITS",
    "CLIENT",
    "SAVED",
    "STEPWISE",
    "enveloped",
    "hop_name",
    "orphan",
    "recorded",
]


#: Logs that write of a request what an access log has as well.
AUDITS = ["modsec_audit", "modsec_json", "modsec_index"]
#: What a browser saved of its own requests. The tables have no hop of that name, since
#: it answers none.
CLIENT, SAVED = "client", "har"
#: Lines of what serves requests with code of its own.
APPS = pl.col("hop").is_in(["app_server", "application"])
#: Lines of a log that writes one for every step of a request.
STEPWISE = pl.col("format").eq_missing(pl.lit("api_gateway_execution"))


def hop_name() -> pl.Expr:
    """The hop of each row in words, that of a browser's records too."""
    saved = (pl.col("format") == SAVED).fill_null(value=False)
    return pl.when(saved).then(pl.lit(CLIENT)).otherwise(pl.col("hop").cast(pl.String))


def orphan() -> pl.Expr:
    """Whether a line tells of a response whose request stands on another line."""
    apart = (APPS & pl.col("path").is_null()) | STEPWISE
    return pl.col("status").is_not_null() & apart


def enveloped() -> pl.Expr:
    """Whether the level of a web server's line is its envelope's.

    Syslog writes one before an access line too, which has no message.
    """
    return pl.col("level").is_not_null() & pl.col("message").is_null()


def recorded(*, enveloped_too: bool = True) -> pl.Expr:
    """Whether a line with a status is an answer's record.

    A web server's line that has a level is one of its error log, unless the level is
    the envelope's, or an audit log's word for how grave its rule is. Where no line is
    enveloped, messages need not be read.
    """
    written = pl.col("level").is_null() | (pl.col("hop") != "web_server")
    written |= pl.col("format").is_in(AUDITS).fill_null(value=False)
    return written | enveloped() if enveloped_too else written
