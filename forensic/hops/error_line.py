"""What the web server's own error line says of an answer."""

import polars as pl

from forensic.hops.attach import about_upstream
from forensic.hops.between import APP_SILENT, INNER_SILENT, STATUS
from forensic.hops.causes import GUESSED, death, death_sure
from forensic.hops.kind import SCRIPT_REFUSED
from forensic.hops.quoted import told
from forensic.hops.table import Line, sure_of

__all__ = ["by_error_line"]

_NOTE = pl.col("note_cause")
_KIND = pl.col("note_kind").fill_null("")
_INCIDENT = pl.col("incident")
_AT_ONCE = 2_000_000
#: Whether the error line says of whom or of what it speaks.
_NAMED = pl.col("note_named").fill_null(value=True)
#: Whether it names a file whose name does not stand in the request's path.
_OTHER_FILE = (pl.col("path") != "/") & ~pl.format("{}/", "path").str.contains(
    pl.format("/{}/", "note_leaf"), literal=True
)
#: What nginx answers for an upstream that fails: 502, and 504 where it waited. Another
#: status its configuration makes of that (`error_page`), or the next server sent it.
_OTHER = sure_of(pl.col("note_format") == "nginx_error") & sure_of(
    about_upstream(_NOTE)
)
_OTHER &= ~STATUS.is_in([502, 504]) & pl.col("web_upstream_status").is_null()
_OTHER = sure_of(_OTHER & ~APP_SILENT & ~INNER_SILENT)


def by_error_line(app_says: pl.Expr) -> list[Line]:
    """The lines about what an error line says, unless the application says it answered.

    Why an upstream was gone, only the upstream's own log can say for certain.
    """
    dropped = _KIND.is_in(["closed", "refused", "no_live"])
    # Who was shut down is told beside the refusal, which stays as sure as it is.
    stopped = sure_of(pl.col("incident_kind") == "stopped")
    hop = pl.col("incident_hop").cast(pl.String).str.replace_all("_", " ")
    hop = hop.str.replace("app server", "application server")
    return [
        Line(
            when=sure_of(pl.col("web_status") == 499),
            by="web_server",
            cause="client_closed",
            sure="certain",
            because="the client closed the connection before the answer (499)",
        ),
        Line(
            when=sure_of(_KIND == "script"),
            by="application",
            cause="exception",
            # At the end of a long request the line may be of another one.
            sure=pl.when(pl.col("note_time") - pl.col("time") > _AT_ONCE)
            .then(pl.lit("strong"))
            .otherwise(pl.lit("certain")),
            because=told(
                "its fatal error stands in the web server's error log", "note_words"
            ),
        ),
        Line(
            when=_NOTE.is_not_null() & ~app_says,
            by="web_server",
            cause=pl.coalesce(pl.when(dropped).then(_INCIDENT), _NOTE),
            sure=pl.when(_OTHER)
            .then(pl.lit("weak"))
            .when(dropped & _INCIDENT.is_not_null() & ~stopped)
            .then(death_sure())
            .when(
                ~pl.col("note_direct")
                | ~_NAMED
                | sure_of(_OTHER_FILE)
                | (_KIND == SCRIPT_REFUSED)
                | (dropped & ~stopped & ~pl.col("deaths_show"))
            )
            .then(pl.lit("strong"))
            .otherwise(pl.lit("certain")),
            because=pl.when(~_NAMED)
            .then(
                told(
                    "its error log has the reason at that moment, for nobody by name",
                    "note_words",
                )
            )
            .when(_OTHER_FILE)
            .then(
                pl.lit(
                    "its error log names this client and the reason, and a file of"
                    " another name"
                )
            )
            .when(_OTHER)
            .then(
                pl.format(
                    "its error log names this request and an upstream that failed it,"
                    " for which nginx answers 502 or 504: its configuration makes {} of"
                    " that, or the next server that it asked sent it",
                    STATUS,
                )
            )
            .when(dropped & GUESSED)
            .then(pl.format("its error log names this request, and {}", death()))
            .when(dropped & stopped)
            .then(
                told(
                    "its error log names this request and the refusal, and its"
                    " application server had been shut down, and was not started again"
                    " yet",
                    "incident_words",
                )
            )
            .when(dropped & _INCIDENT.is_not_null())
            .then(
                pl.format(
                    "its error log names this request, and the {}'s line the reason{}",
                    hop,
                    pl.format(" ({})", pl.col("incident_words")).fill_null(""),
                )
            )
            .when(pl.col("note_path"))
            .then(told("its error log names this request and the reason", "note_words"))
            .otherwise(
                told("its error log names its client and the reason", "note_words")
            ),
        ),
        Line(
            when=sure_of(pl.col("trace_kind") == "gate"),
            by="web_server",
            cause="auth_failed",
            sure="strong",
            because="the login proxy that it asks first (auth_request) said no",
        ),
    ]
