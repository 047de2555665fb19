"""WAF records as AWS writes them ▶ columns, without decoding each record.

The ACL part of a record repeats from request to request: it is decoded once for each
distinct text. The request part has a fixed shape, and is cut where its quotes stand.
A record of any other shape is refused here and read by `tolerant`.
"""

from typing import Any

import numpy as np
import polars as pl

from forensic.fields.json_text import NotJsonError, compact, load
from forensic.fields.octets import Ints, Mask, Octets, digits, pair, shape, word
from forensic.formats.aws_waf.cut import PICKED, Requests, cut
from forensic.formats.aws_waf.tolerant import is_canonical
from forensic.formats.aws_waf.verdict import judge
from forensic.lines import Views, viewed, views
from forensic.schema import PARSED

__all__ = ["rows"]

_REFUSED = "not in AWS's own shape"
_START = b'{"timestamp":'
#: `1738811723793,`, of which the halves overlap.
_STAMP = shape(16, high=0, low=5)
_ACL = len(_START) + 14
_BODY = '"httpRequest":{"clientIp":"'
_LATEST = 4102444800000  # 2100-01-01 in milliseconds
_SIZE = r"(?:0|[1-9][0-9]{0,14})"
_SIZES = rf',"requestBodySize":{_SIZE},"requestBodySizeInspectedByWAF":{_SIZE}'
_JA3 = r',"ja3Fingerprint":"[0-9a-f]+"'
_JA4 = r',"ja4Fingerprint":"[0-9a-z_]+"'
#: Values that differ from client to client: kept as text, so that the rest repeats.
_OWN = rf"^(?:{_SIZES})?(?:{_JA3})?(?:{_JA4})?\}}$"
_OWN_KEYS = [b',"requestBodySize":', b',"ja3Fingerprint":', b',"ja4Fingerprint":']
_OWN_START = r',"(?:requestBodySize|ja[34]Fingerprint)":'
#: Keys that the other parts give to `extra`: here they would stand twice.
_REQUEST_KEYS = {"country", "fragment", "timestamp"}
_OWN_NAMES = {
    "requestBodySize",
    "requestBodySizeInspectedByWAF",
    "ja3Fingerprint",
    "ja4Fingerprint",
}
_TRACE = np.dtype([("text", "u1", len("1-67a425b0-83d23fb158ad921b85fbca6b"))])
_HEXADECIMAL = np.isin(np.arange(256), list(b"0123456789abcdefABCDEF"))
_VERDICT = "action rule rule_group rule_type status reason labels extra".split()
_VERDICTS = {name: PARSED[name] for name in _VERDICT}
_TEXTS = (
    "client_ip country path query http_version method request_id fragment scheme host"
).split()


def rows(lines: pl.Series) -> pl.DataFrame:
    """The columns of each record; `refused` where it has not AWS's own shape."""
    octets = Octets.of(lines)
    body = lines.str.find(_BODY, literal=True)
    place = octets.start + body.fill_null(0).to_numpy()
    stamps, stamped = _stamps(octets)
    begun = body.is_not_null().to_numpy() & stamped & (place >= octets.start + _ACL)
    begun &= octets.byte(place - 1) == ord(",")  # an escaped quote begins no key
    start = np.where(begun, place + len(_BODY), octets.end)
    if not (start < octets.end).any():
        return pl.select(refused=pl.repeat(_REFUSED, len(lines)))
    requests = cut(_slices(octets, start, octets.end))
    shaped = begun & requests.shaped
    texts = _texts(requests)
    usual = pl.col("country").str.contains("^[A-Z-]*$").fill_null(value=True)
    versions = pl.col("http_version").str.contains("^(?:HTTP/)?[^/]*$")
    usual &= versions.fill_null(value=True)
    shaped &= texts.select(usual).to_series().to_numpy()
    acl = _slices(octets, np.where(shaped, octets.start + _ACL, place), place)
    own, tail = _owned(requests)
    verdicts, which = _verdicts(acl, tail, own.is_not_null(), shaped)
    known = shaped & which.is_not_null().to_numpy()
    frame = texts.hstack([own.alias("own"), *verdicts.select(pl.all().gather(which))])
    columns = frame.select(
        *(pl.col(name) for name in _VERDICT if name != "extra"),
        *(pl.col(name) for name in PICKED if name != "host_header"),
        *("client_ip", "method", "scheme", "path", "query", "request_id"),
        local_time=pl.lit(pl.Series(stamps * 1000).cast(pl.Datetime("us"))),
        utc_offset=pl.lit(0, pl.Int32),
        host=_host(frame),
        http_version=pl.col("http_version").str.strip_prefix("HTTP/"),
        trace_id=_traces(requests, frame["request_id"]),
        extra=_extra(frame),
        refused=pl.lit(None, pl.String),
    )
    if known.all():
        return columns
    why = pl.lit(_REFUSED)
    good = pl.lit(pl.Series(known))
    kept = columns.select(pl.when(good).then(pl.exclude("refused")))
    return kept.with_columns(refused=pl.when(~good).then(why))


def _stamps(octets: Octets) -> tuple[Ints, Mask]:
    """The stamps of `{"timestamp":1738811723793,`, and whether they stand there."""
    place = octets.start + len(_START)
    words = octets.at(place, _STAMP)
    high, numeric = digits(words["high"], "00000000")
    low, again = digits(words["low"], "00000000")
    pairs = [pair(high, 0), pair(high, 2), pair(high, 4), pair(high, 6)]
    pairs += [pair(low, 3), pair(low, 5)]
    stamps = np.zeros(len(place), np.int64)
    for value in pairs:
        stamps = stamps * 100 + value
    last = (low >> np.uint64(56) & np.uint64(15)).astype(np.int64)
    stamps = stamps * 10 + last
    stands = octets.stands(_START, octets.start) & (octets.byte(place + 13) == ord(","))
    stands &= place + 14 <= octets.end
    inside = (stamps >= 10**12) & (stamps < _LATEST)
    return stamps, stands & numeric & again & inside


def _slices(octets: Octets, start: Ints, end: Ints) -> pl.Series:
    """The texts between places, which lie where characters begin."""
    return viewed(octets.bytes_, views(octets.bytes_, start, end))


def _texts(requests: Requests) -> pl.DataFrame:
    """The values of requests; null where a value says that there is none."""
    bytes_, last = requests.octets.bytes_, requests.octets.end
    columns = {}
    for name in [*_TEXTS, *PICKED]:
        start, end = requests.spans[name]
        there = requests.shaped & requests.there.get(name, True)
        cut = views(bytes_, np.where(there, start, last), np.where(there, end, last))
        if name in _TEXTS:
            there &= (cut[:, 0] > 0) & ~_are(cut, b"-")
        if name in _TEXTS and name != "country":
            there &= ~_are(cut, b"null")
        columns[name] = viewed(bytes_, cut, there)
    return pl.DataFrame(columns)


def _are(cut: Views, text: bytes) -> Mask:
    """Whether views are those of a text of at most four bytes."""
    found: Mask = (cut[:, 0] == len(text)) & (cut[:, 1] == np.uint32(word(text)))
    return found


def _traces(requests: Requests, identities: pl.Series) -> pl.Series:
    """The trace identifiers among those of requests, as load balancers give them."""
    start, end = requests.spans["request_id"]
    texts = requests.octets.at(start, _TRACE)["text"]
    dashes = (texts[:, 1] == ord("-")) & (texts[:, 10] == ord("-"))
    traces = dashes & (texts[:, 0] == ord("1")) & (end - start == _TRACE.itemsize)
    hexadecimal = _HEXADECIMAL.take(texts).sum(axis=1) == _TRACE.itemsize - 2
    traces &= requests.shaped & hexadecimal
    if (traces | ~requests.shaped).all():
        return identities.zip_with(
            pl.Series(traces), pl.Series([None], dtype=pl.String)
        )
    return identities.str.extract(r"^(?:Root=)?(1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24})$")


def _host(frame: pl.DataFrame) -> pl.Expr:
    """The host that the record names, else that of the header, without its port."""
    host = pl.coalesce("host", "host_header")
    named = frame.select(
        pl.any_horizontal(
            pl.col(name).str.contains(":", literal=True).any()
            for name in ("host", "host_header")
        )
    ).item()
    return host.str.replace(r":\d*$", "") if named else host


def _extra(frame: pl.DataFrame) -> pl.Expr:
    """The JSON object of what a record holds beyond the columns."""
    country = [pl.lit(',"country":"'), pl.col("country"), pl.lit('"')]
    fragment = [pl.lit(',"fragment":"'), pl.col("fragment"), pl.lit('"')]
    behind = [pl.concat_str(fragment), pl.col("own"), pl.col("extra")]
    if not frame["country"].null_count():
        pieces = [pl.lit('{"country":"'), *country[1:], *behind, pl.lit("}")]
        return pl.concat_str(pieces, ignore_nulls=True)
    body = pl.concat_str([pl.concat_str(country), *behind], ignore_nulls=True)
    inside = body.str.strip_prefix(",")
    return pl.format("{{{}}}", pl.when(inside != "").then(inside))


def _owned(requests: Requests) -> tuple[pl.Series, pl.Series]:
    """The last values of tails as JSON text of their own, and the tails without them.

    They are cut off where nothing else follows; elsewhere they stay in the tail.
    """
    octets = requests.octets
    start, end = requests.spans["tail"]
    start = np.where(requests.shaped, start, end)
    place, starts = start.copy(), np.zeros(len(start), np.bool_)
    for key in _OWN_KEYS:
        starts |= octets.stands(key, start)
    others = np.flatnonzero(~starts & (end - start > 1))
    if len(others):
        found = _slices(octets, start[others], end[others]).str.find(_OWN_START)
        place[others] += found.fill_null(0).to_numpy()
        starts[others] = found.is_not_null().to_numpy()
    own = _slices(octets, np.where(starts, place, end), end)
    alone = own.str.contains(_OWN).to_numpy()
    cut = views(octets.bytes_, place, np.where(alone, end - 1, place))
    own = viewed(octets.bytes_, cut, alone)
    rest = _slices(octets, start, np.where(alone, place, end))
    frame = pl.DataFrame({"rest": rest, "alone": alone})
    closed = pl.when("alone").then(pl.concat_str("rest", pl.lit("}")))
    return own, frame.select(closed.otherwise("rest")).to_series()


def _verdicts(
    acl: pl.Series, tail: pl.Series, owned: pl.Series, shaped: Mask
) -> tuple[pl.DataFrame, pl.Series]:
    """The verdicts of the distinct ACL parts, and each record's row in them."""
    frame = pl.DataFrame({"acl": acl, "tail": tail, "owned": owned, "good": shaped})
    # Neighbours are mostly alike: only where one differs, texts are looked up.
    changed = pl.any_horizontal(pl.all().ne_missing(pl.all().shift()))
    changed = changed | (pl.int_range(pl.len()) == 0)
    run = frame.select(changed).to_series()
    places: dict[tuple[str, str, bool], int | None] = {}
    judged: list[dict[str, Any]] = []
    numbers = []
    for *texts, good in frame.filter(run).iter_rows():
        key = (texts[0], texts[1], texts[2])
        if good and key not in places:
            verdict = _verdict(*key)
            places[key] = len(judged) if verdict else None
            judged += [verdict] if verdict else []
        numbers.append(places.get(key) if good else None)
    which = pl.Series(numbers, dtype=pl.UInt32).gather(run.cum_sum() - 1)
    return pl.DataFrame(judged, schema=_VERDICTS), which


def _verdict(acl: str, tail: str, owned: bool) -> dict[str, Any] | None:
    """The columns that the ACL part decides; None where it needs a closer look."""
    try:
        record, duplicates = load(f'{{{acl}"httpRequest":{{"":""}}{tail}')
    except NotJsonError:
        return None
    if duplicates or not isinstance(record, dict) or not is_canonical(record):
        return None
    if record.keys() & (_REQUEST_KEYS | (_OWN_NAMES if owned else set())):
        return None
    verdict = judge(record)._asdict()
    extra = compact(verdict["extra"])
    return verdict | {"extra": "," + extra[1:-1] if extra else None}
