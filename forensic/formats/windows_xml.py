"""Windows' events as XML: what `wevtutil qe System /f:xml` prints, one record an event.

The rendered text is there only where it was asked for; what an event is about is in
its data. The Event Viewer puts all of them into one line.
"""

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.windows_events import windows_events
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = r"^(?:<\?xml[^>]{0,100}\?>)?(?:<Events>)?<Event xmlns="
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&#xD;": ""}


def _plain(text: pl.Expr) -> pl.Expr:
    """Text of XML without its entities."""
    for entity, character in _ENTITIES.items():
        text = text.str.replace_all(entity, character, literal=True)
    return text.str.replace_all("&amp;", "&", literal=True)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of events."""
    frame = pl.DataFrame({"whole": lines}).with_columns(
        text=pl.col("whole").str.extract(r"(?s)^(.*?</Event>)"),
    )
    text = pl.col("text")
    data = text.str.extract(
        r"(?s)<(?:EventData|UserData)>(.*?)</(?:EventData|UserData)>"
    )
    values = data.str.extract_all(r"(?s)>[^<]+<").list.eval(
        pl.element().str.strip_chars("<>").str.strip_chars()
    )
    values = values.list.eval(pl.element().filter(pl.element() != "")).list.join("; ")
    stamp = text.str.extract(r"<TimeCreated SystemTime=['\"]([^'\"]+)['\"]")
    fields = frame.select(
        stamp=stamp,
        source=text.str.extract(r"<Provider Name=['\"]([^'\"]+)['\"]"),
        event=text.str.extract(r"<EventID(?: [^>]*)?>([0-9]+)</EventID>"),
        level=text.str.extract(r"<Level>([0-9]+)</Level>"),
        hostname=text.str.extract(r"<Computer>([^<]+)</Computer>"),
        log=text.str.extract(r"<Channel>([^<]+)</Channel>"),
        message=_plain(
            pl.coalesce(text.str.extract(r"(?s)<Message>(.*?)</Message>"), values)
        ),
        known=pl.col("whole").str.contains(_HEAD),
    )
    stamps = moments(fields["stamp"]).drop("zone")
    known = fields.select(
        refused=pl.when(~pl.col("known") | pl.col("event").is_null()).then(
            pl.lit("no event of Windows")
        ),
    )
    return pl.concat([windows_events(fields), stamps, known], how="horizontal")


FORMAT = Format(
    name="windows_xml",
    title="events of Windows as XML",
    hop="host",
    reference="https://learn.microsoft.com/windows/win32/wes/eventschema-elements",
    head=_HEAD,
    header=r"^\s*(?:<\?xml[^>]*\?>)?\s*(?:</?Events>)?\s*$",
    parse=parse,
    multiline=True,
    whole=True,
    parted="<Event xmlns=",
    paths=r"(?i)event|winevt|\.xml$",
)
