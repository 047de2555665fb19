"""Answers of which no record says who gave them: what speaks for one hop."""

import polars as pl

from forensic.hops.between import STATUS, WEB
from forensic.hops.causes import app_cause
from forensic.hops.page import other_page
from forensic.hops.table import BALANCED, Line, has, sure_of

__all__ = ["guessed"]


def guessed() -> list[Line]:
    """Weak answers, and those that are left open."""
    return [
        Line(
            when=WEB & other_page(),
            by="application",
            cause=app_cause(),
            sure="weak",
            because="its body has not the size of the page that the web server makes"
            " itself; nothing else says who answered",
        ),
        Line(
            when=WEB & pl.col("web_complains") & (STATUS >= 400),
            by="application",
            cause=app_cause(),
            sure="weak",
            because="the web server's error log says nothing of it; nothing else says"
            " who answered",
        ),
        Line(
            # What runs Java or Python logs requests as a web server does.
            when=sure_of(pl.col("inner_web_status") == STATUS)
            & ~sure_of(pl.col("web_format").str.starts_with("nginx")),
            by="application",
            cause=app_cause(),
            sure="weak",
            because="the server behind the web server logged it, too, and nothing shows"
            " another one behind that",
        ),
        Line(
            when=WEB & (STATUS >= 400) & (STATUS < 500),
            by="unknown",
            cause="unknown",
            sure="weak",
            because="the web server or what stands behind it: its access log does not"
            " say whether anything was asked, and no other log does",
        ),
        Line(
            when=(WEB | BALANCED | has("cdn")) & (STATUS >= 400),
            by="application",
            cause=app_cause(),
            sure="weak",
            because="no outer hop claims the answer, and no log of a hop further in has"
            " it",
        ),
    ]
