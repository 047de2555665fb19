"""Write archives of any size, the same bytes for the same seed.

    python benchmarks/generate.py nginx /tmp/archive --size 200 --seed 1

Kinds: nginx (combined), syslog (gunicorn with Python logging inside), waf and alb
(gzip objects under their S3 keys), mixed (all four, telling of the same requests).
One line in a thousand is cut short. All text is valid UTF-8, because several of the
engines that this project is compared with end at the first byte that is not.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from isal import igzip

__all__ = ["KINDS", "generate"]

_START = datetime(2025, 2, 6, 3, 0, tzinfo=UTC)
_RATE = 50  # requests a second
_BATCH = 50_000
_OBJECTS = 32
_MALFORMED = 0.001
_ACCOUNT = "123456789012"
_REGION = "ap-northeast-1"
_HOST = "shop.example.com"
_ALB = "app/shop/50dc6c495c0c9188"
_GROUP = (
    f"arn:aws:elasticloadbalancing:{_REGION}:{_ACCOUNT}"
    ":targetgroup/shop/73e2d6bc24d8a067"
)
_ACL = f"arn:aws:wafv2:{_REGION}:{_ACCOUNT}:regional/webacl/shop/0f1e2d3c-4b5a-6978"

# -- what repeats in every log --------------------------------------------------
_SYSTEMS = [
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "Linux; Android 10; K",
]
_AGENTS = [
    *(
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{version}.0.0.0 Safari/537.36{edge}"
        for version in range(132, 104, -1)
        for system in _SYSTEMS
        for edge in ("", f" Edg/{version}.0.0.0")
    ),
    *(
        f"Mozilla/5.0 (iPhone; CPU iPhone OS {major}_{minor} like Mac OS X) "
        f"AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{major}.{minor} "
        "Mobile/15E148 Safari/604.1"
        for major in (18, 17, 16)
        for minor in range(6)
    ),
    *(
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{version}.0) Gecko/20100101 "
        f"Firefox/{version}.0"
        for version in range(135, 115, -1)
    ),
    "curl/8.5.0",
    "ELB-HealthChecker/2.0",
    "python-requests/2.32.3",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
]
_PAGES = [
    f"/{area}/{page}"
    for area in "app api static account catalog assets search admin".split()
    for page in (
        "ping list detail images/logo.png js/main.8f3a.js css/site.css cart orders "
        "profile settings items reviews recommendations history notifications help"
    ).split()
]
_QUERIES = [
    f"{key}={value}&page="
    for key in "q sort filter utm_source session lang".split()
    for value in "coffee tea %E8%8C%B6 price newest a%20b 2025-02-06 google".split()
]
_METHODS = ["GET"] * 16 + ["POST"] * 3 + ["HEAD", "PUT", "DELETE", "OPTIONS"]
_STATUSES = (
    [200] * 920 + [304] * 30 + [301] * 10 + [404] * 20 + [400] * 4 + [403] * 4
    + [500] * 5 + [502] * 4 + [504] * 3
)  # fmt: skip
_COUNTRIES = ["JP"] * 12 + "US KR TW SG DE GB FR BR IN".split()
_CLF = "%d/%b/%Y:%H:%M:%S +0900"


def _addresses() -> list[str]:
    """Clients: the network set aside for benchmarks, every seventh by IPv6."""
    rng = np.random.default_rng(7)
    return [
        f"2001:db8:{a:x}:{b:x}::{c:x}"
        if number % 7 == 0
        else f"198.{18 + a % 2}.{b & 255}.{c & 255}"
        for number, (a, b, c) in enumerate(rng.integers(1, 65535, (20_000, 3)).tolist())
    ]


_CLIENTS = _addresses()
Random = np.random.Generator


def _some(rng: Random, pool: list[str] | list[int], rows: int) -> pl.Series:
    """Values of the pool, each as often as the pool holds it."""
    return pl.Series(pool).gather(rng.integers(0, len(pool), rows))


def _skewed(rng: Random, pool: list[str], rows: int) -> pl.Series:
    """Values of the pool, the first ones far more often than the last."""
    return pl.Series(pool).gather((rng.random(rows) ** 3 * len(pool)).astype(np.int64))


def _hex(rng: Random, digits: int, rows: int) -> pl.Series:
    """Random hexadecimal texts."""
    text = pa.py_buffer(rng.bytes(digits * rows // 2).hex().encode())
    bounds = pa.py_buffer(np.arange(0, digits * (rows + 1), digits, dtype=np.int64))
    return pl.Series(
        pl.from_arrow(pa.LargeStringArray.from_buffers(rows, bounds, text))
    )


def _traffic(rng: Random, rows: int, start: datetime) -> pl.DataFrame:
    """Requests in the order of time: what all hops log in their own ways."""
    gaps = (rng.exponential(1_000_000 / _RATE, rows)).astype(np.int64).cumsum()
    c = pl.col
    frame = pl.DataFrame(
        {
            "time": pl.Series(gaps).cast(pl.Duration("us")) + start,
            "client": _skewed(rng, _CLIENTS, rows),
            "port": pl.Series(rng.integers(1024, 65535, rows)).cast(pl.String),
            "country": _some(rng, _COUNTRIES, rows),
            "method": _some(rng, _METHODS, rows),
            "page": _skewed(rng, _PAGES, rows),
            "number": pl.Series(rng.integers(1, 90_000, rows)).cast(pl.String),
            "query": _some(rng, _QUERIES, rows),
            "agent": _skewed(rng, _AGENTS, rows),
            "status": _some(rng, _STATUSES, rows).cast(pl.String),
            "sent": pl.Series((rng.pareto(1.2, rows) * 900).astype(np.int64) % 2**31),
            "received": pl.Series(rng.integers(120, 4000, rows)),
            "millis": pl.Series((rng.pareto(1.5, rows) * 12).astype(np.int64) % 60_000),
            "dice": pl.Series(rng.random(rows)),
            "worker": pl.Series(rng.integers(2_156_940, 2_156_948, rows)),
            "session": _hex(rng, 24, rows),
            "random": _hex(rng, 24, rows),
        }
    )
    numbered = (c("dice") * 10).floor() % 2 == 0
    stamp = (c("time").dt.epoch("s") & 0xFFFFFFFF).cast(pl.Int64)
    return frame.with_columns(
        path=pl.when(numbered).then(_text("{}/{}", "page", "number")).otherwise("page"),
        query=pl.when(c("dice") < 0.3).then(c("query") + c("number")),
        blocked=c("dice") > 0.99,
        trace=_text("1-{}-{}", _hexadecimal(stamp), "random"),
    ).with_columns(
        target=pl.concat_str("path", pl.lit("?"), "query").fill_null(c("path")),
        status=pl.when("blocked").then(pl.lit("403")).otherwise("status"),
    )


def _text(layout: str, *values: pl.Expr | pl.Series | str) -> pl.Expr:
    """The layout with each `{}` filled; other than `pl.format` it leaves JSON alone."""
    first, *others = layout.split("{}")
    pieces = [pl.lit(first)]
    for value, literal in zip(values, others, strict=True):
        shown = pl.col(value) if isinstance(value, str) else value
        pieces += [pl.lit(shown) if isinstance(shown, pl.Series) else shown]
        pieces += [pl.lit(literal)] if literal else []
    return pl.concat_str(pieces)


def _hexadecimal(numbers: pl.Expr) -> pl.Expr:
    """Eight hexadecimal digits of each number."""
    digits = pl.lit(pl.Series([list("0123456789abcdef")])).first()
    parts = [digits.list.get((numbers // 16**place) % 16) for place in range(7, -1, -1)]
    return pl.concat_str(parts)


def _stamped(times: pl.Series, layout: str, hours: int = 0) -> pl.Series:
    """The times as text, made once for each second."""
    seconds = times.dt.epoch("s")
    low, high = int(seconds.min() or 0), int(seconds.max() or 0)  # type: ignore[arg-type]
    every = pl.Series(range(low, high + 1)) + hours * 3600
    texts = pl.from_epoch(every, "s").dt.strftime(layout)
    return texts.gather(seconds - low)


# -- what each hop writes -------------------------------------------------------
def nginx_lines(rows: pl.DataFrame, *, behind: bool = False) -> pl.DataFrame:
    """Combined lines; behind a load balancer the client is one of its nodes."""
    node = _text("10.1.{}.210", pl.col("worker") % 2 + 1)
    stamp = _stamped(rows["time"], _CLF, 9)
    secure = _text("https://{}{}", pl.lit(_HOST), "page")
    return rows.select(
        "time",
        "dice",
        line=_text(
            '{} - - [{}] "{} {} HTTP/{}" {} {} "{}" "{}"\n',
            node if behind else "client",
            stamp,
            "method",
            "target",
            pl.when(pl.col("dice") < 0.7).then(pl.lit("2.0")).otherwise(pl.lit("1.1")),
            "status",
            "sent",
            pl.when(pl.col("dice") < 0.6).then(secure).otherwise(pl.lit("-")),
            "agent",
        ),
    )


_HOUSEKEEPING = [
    "CRON[{pid}]: (root) CMD (test -x /usr/sbin/anacron || run-parts /etc/cron.hourly)",
    "systemd[1]: logrotate.service: Deactivated successfully.",
    "sshd[{pid}]: Connection closed by 192.0.2.77 port 40022 [preauth]",
    "kernel: [1042113.118204] eth0: renamed from veth5ba1c4e",
]


def syslog_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """Two lines a request, in UTC without a year, Japan time inside; and chores."""
    url = _text("https://{}:443{}", pl.lit(_HOST), "target")
    ended = pl.col("time") + pl.duration(milliseconds=pl.col("millis"))
    words = {
        "Request: {} {}": ("method", url, pl.col("time"), pl.col("dice") >= 0),
        "Response: {} {}": ("status", url, ended, pl.col("dice") >= 0),
    }
    told = [
        rows.filter(keep).select(
            time=time, dice="dice", worker="worker", text=_text(text, first, second)
        )
        for text, (first, second, time, keep) in words.items()
    ]
    events = pl.concat(told).sort("time", maintain_order=True)
    micros = events["time"].dt.microsecond()
    inner = _stamped(events["time"], "%Y-%m-%d %H:%M:%S", 9)
    events = events.with_columns(
        text=_text(
            "gunicorn[{}]: INFO {},{} [app] {}",
            "worker",
            inner,
            (micros // 1000).cast(pl.String).str.zfill(3),
            "text",
        )
    )
    chores = pl.Series(_HOUSEKEEPING).gather(np.arange(len(events)) % 4)
    chore = chores.str.replace("{pid}", "21580", literal=True)
    rare = (pl.col("dice") * 1000).floor() % 50 == 7
    return events.select(
        "time",
        "dice",
        line=_text(
            "{} web1 {}\n",
            _stamped(events["time"], "%b %e %H:%M:%S"),
            pl.when(rare).then(chore).otherwise("text"),
        ),
    )


def alb_lines(rows: pl.DataFrame, *, age: int = 0) -> pl.DataFrame:
    """ALB rows of 29, 30 or 33 fields, by age; blocked requests have no target."""
    c = pl.col
    began = _stamped(rows["time"], "%Y-%m-%dT%H:%M:%S")
    ended = rows["time"] + rows["millis"].cast(pl.Duration("ms"))
    late = _stamped(ended, "%Y-%m-%dT%H:%M:%S")

    def micros(times: pl.Series) -> pl.Series:
        return times.dt.microsecond().cast(pl.String).str.zfill(6)

    def unless(value: pl.Expr, otherwise: str) -> pl.Expr:
        return pl.when("blocked").then(pl.lit(otherwise)).otherwise(value)

    target = _text("10.0.{}.66:8000", c("worker") % 3)
    seconds = _text(
        "0.001 {}.{} 0.000",
        c("millis") // 1000,
        (c("millis") % 1000).cast(pl.String).str.zfill(3),
    )
    behind = [
        pl.lit(""),
        _text(" TID_{}{}", "session", c("random").str.slice(0, 8)),
        _text(' TID_{}{} "-" "-" "-"', "session", c("random").str.slice(0, 8)),
    ][age % 3]
    return rows.select(
        "time",
        "dice",
        line=_text(
            "https {}.{}Z {} {}:{} {} {} {} {} {} {} "
            '"{} https://{}:443{} HTTP/{}" "{}" '
            'ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 {} "Root={}" "{}" '
            '"arn:aws:acm:{}:{}:certificate/12345678-1234-1234-1234-123456789012" '
            '1 {}.{}Z "{}" "-" "-" "{}" "{}" "-" "-"{}\n',
            late,
            micros(ended),
            pl.lit(_ALB),
            "client",
            "port",
            unless(target, "-"),
            unless(seconds, "0.000 -1 -1"),
            "status",
            unless(c("status"), "-"),
            "received",
            "sent",
            "method",
            pl.lit(_HOST),
            "target",
            pl.when(c("dice") < 0.7).then(pl.lit("2.0")).otherwise(pl.lit("1.1")),
            "agent",
            pl.lit(_GROUP),
            "trace",
            pl.lit(_HOST),
            pl.lit(_REGION),
            pl.lit(_ACCOUNT),
            began,
            micros(rows["time"]),
            unless(pl.lit("waf,forward"), "waf"),
            unless(target, "-"),
            unless(c("status"), "-"),
            behind,
        ),
    )


_MANAGED = [
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesAdminProtectionRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesAmazonIpReputationList",
]


def _groups(
    ended: int | None = None, rule: str = "", counted: int | None = None
) -> str:
    end = f'{{"ruleId":"{rule}","action":"BLOCK","ruleMatchDetails":null}}'
    count = '{"ruleId":"SizeRestrictions_BODY","action":"COUNT","ruleMatchDetails":[]}'
    listed = [
        f'{{"ruleGroupId":"AWS#{name}","terminatingRule":'
        f"{end if number == ended else 'null'},"
        f'"nonTerminatingMatchingRules":[{count if number == counted else ""}],'
        '"excludedRules":null,"customerConfig":null}'
        for number, name in enumerate(_MANAGED)
    ]
    return ",".join(listed)


#: Share up to which, action, rule that ended it, its type, rule groups, labels.
_VERDICTS = [
    (0.96, "ALLOW", "Default_Action", "REGULAR", _groups(), ""),
    (
        0.99,
        "ALLOW",
        "Default_Action",
        "REGULAR",
        _groups(counted=0),
        '"labels":[{"name":"awswaf:managed:aws:core-rule-set:SizeRestrictions_Body"}],',
    ),
    (
        0.995,
        "BLOCK",
        "AWS-AWSManagedRulesAdminProtectionRuleSet",
        "MANAGED_RULE_GROUP",
        _groups(1, "AdminProtection_URIPATH"),
        '"labels":[{"name":"awswaf:managed:aws:admin-protection:AdminProtection"}],',
    ),
    (1.0, "BLOCK", "login-rate", "RATE_BASED", _groups(), ""),
]


def _acl(share: tuple[float, str, str, str, str, str]) -> str:
    """The part of a record before the request; `{}` is the limited address."""
    _, action, rule, kind, groups, _ = share
    limited = (
        '{"rateBasedRuleId":"rate-1","rateBasedRuleName":"login-rate","limitKey":"IP",'
        '"maxRateAllowed":100,"evaluationWindowSec":300,"limitValue":"CLIENT"}'
    )
    return (
        f',"formatVersion":1,"webaclId":"{_ACL}","terminatingRuleId":"{rule}",'
        f'"terminatingRuleType":"{kind}","action":"{action}",'
        '"terminatingRuleMatchDetails":[],"httpSourceName":"ALB",'
        f'"httpSourceId":"{_ACCOUNT}-{_ALB}","ruleGroupList":[{groups}],'
        f'"rateBasedRuleList":[{limited if kind == "RATE_BASED" else ""}],'
        '"nonTerminatingMatchingRules":[],"requestHeadersInserted":null,'
        '"responseCodeSent":null,"httpRequest":{"clientIp":"'
    )


def waf_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """WAF records; the rate rule names the client, so that its records differ."""
    c = pl.col
    which = pl.Series(np.searchsorted([v[0] for v in _VERDICTS], rows["dice"]))
    acl = pl.Series([_acl(verdict) for verdict in _VERDICTS]).gather(which)
    labels = pl.Series([verdict[5] for verdict in _VERDICTS]).gather(which)
    rows = rows.with_columns(acl.alias("acl"), labels.alias("labels"))
    limited = c("acl").str.contains("CLIENT", literal=True)
    named = c("acl").str.replace("CLIENT", c("client"), literal=True)
    browser = (
        '{"name":"accept","value":"text/html,application/xhtml+xml,*/*;q=0.8"},'
        '{"name":"accept-language","value":"ja,en-US;q=0.7,en;q=0.3"},'
        '{"name":"accept-encoding","value":"gzip, deflate, br, zstd"},'
        '{"name":"sec-fetch-mode","value":"navigate"}'
    )
    return rows.select(
        "time",
        "dice",
        line=_text(
            '{"timestamp":{}{}{}","country":"{}","headers":['
            '{"name":"host","value":"{}"},{"name":"user-agent","value":"{}"},{},'
            '{"name":"cookie","value":"session={}; lang=ja"}],"uri":"{}","args":"{}",'
            '"httpVersion":"HTTP/2.0","httpMethod":"{}","requestId":"{}",'
            '"fragment":"","scheme":"https","host":"{}"},{}"requestBodySize":{},'
            '"requestBodySizeInspectedByWAF":{},"ja3Fingerprint":"{}{}",'
            '"ja4Fingerprint":"t13d1516h2_{}_{}"}\n',
            c("time").dt.epoch("ms"),
            pl.when(limited).then(named).otherwise("acl"),
            "client",
            "country",
            pl.lit(_HOST),
            "agent",
            pl.lit(browser),
            "session",
            "path",
            c("query").fill_null(""),
            "method",
            "trace",
            pl.lit(_HOST),
            "labels",
            "received",
            "received",
            "session",
            c("random").str.slice(0, 8),
            c("session").str.slice(0, 12),
            c("random").str.slice(12),
        ),
    )


# -- archives -------------------------------------------------------------------
Writer = Callable[..., pl.DataFrame]


def _cut(lines: pl.DataFrame, rng: Random, at: int) -> bytes:
    """The lines as bytes, a few of them cut short behind their first characters."""
    short = pl.Series(rng.random(len(lines)) < _MALFORMED)
    cut = pl.concat_str(pl.col("line").str.slice(0, at), pl.lit("\n"))
    text = lines.select(pl.when(pl.lit(short)).then(cut).otherwise("line")).to_series()
    return bytes(text.rechunk().to_arrow().buffers()[2])


#: How each kind is written, and where a malformed line breaks off: an access line in
#: its request, the others before their first quoted field.
_WRITERS: dict[str, tuple[Writer, int]] = {
    "nginx": (nginx_lines, 60),
    "syslog": (syslog_lines, 11),
    "waf": (waf_lines, 400),
    "alb": (alb_lines, 70),
}
KINDS = [*_WRITERS, "mixed"]


def _batches(seed: int) -> Iterator[tuple[Random, pl.DataFrame]]:
    """Traffic without end."""
    start = _START
    for number in itertools.count():
        rng = np.random.default_rng([seed, number])
        rows = _traffic(rng, _BATCH, start)
        yield rng, rows
        start = rows["time"][-1]


def _key(kind: str, number: int) -> str:
    """The S3 key of an object: five minutes each."""
    end = _START + timedelta(minutes=5 * (number + 1))
    if kind == "alb":
        return (
            f"AWSLogs/{_ACCOUNT}/elasticloadbalancing/{_REGION}/{end:%Y/%m/%d}/"
            f"{_ACCOUNT}_elasticloadbalancing_{_REGION}_{_ALB.replace('/', '.')}_"
            f"{end:%Y%m%dT%H%MZ}_10.0.1.9_{number:08x}.log.gz"
        )
    return (
        f"AWSLogs/{_ACCOUNT}/WAFLogs/{_REGION}/shop/{end:%Y/%m/%d/%H/%M}/"
        f"{_ACCOUNT}_waflogs_{_REGION}_shop_{end:%Y%m%dT%H%MZ}_{number:08x}.log.gz"
    )


class _Objects:
    """Bytes ▶ gzip objects of about equal size."""

    def __init__(self, folder: Path, kind: str, each: int) -> None:
        self.folder, self.kind, self.each = folder, kind, each
        self.held: list[bytes] = []
        self.number = 0

    def write(self, data: bytes) -> None:
        """Add whole lines; put an object wherever there are enough."""
        self.held.append(data)
        while sum(map(len, self.held)) >= self.each:
            whole = b"".join(self.held)
            stop = whole.find(b"\n", self.each - 1) + 1
            self._put(whole[:stop])
            self.held = [whole[stop:]]

    def close(self) -> None:
        """Put what is left."""
        if last := b"".join(self.held):
            self._put(last)

    def _put(self, data: bytes) -> None:
        path = self.folder / _key(self.kind, self.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(igzip.compress(data, compresslevel=2, mtime=0))
        self.number += 1


class _File:
    """Bytes ▶ one file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.stream = path.open("wb")

    def write(self, data: bytes) -> None:
        """Add whole lines."""
        self.stream.write(data)

    def close(self) -> None:
        """Close the file."""
        self.stream.close()


def _sink(folder: Path, kind: str, size: int) -> _File | _Objects:
    if kind in ("waf", "alb"):
        return _Objects(folder, kind, max(size // _OBJECTS, 1))
    names = {"nginx": "nginx/access.log", "syslog": "var/log/syslog"}
    return _File(folder / names[kind])


def generate(kind: str, folder: Path, size: int, seed: int = 1) -> int:
    """Write an archive of about `size` bytes of log text; their exact number."""
    kinds = [kind] if kind != "mixed" else list(_WRITERS)
    sinks = {one: _sink(folder, one, size // len(kinds)) for one in kinds}
    written = 0
    for number, (rng, rows) in enumerate(_batches(seed)):
        for one, sink in sinks.items():
            data = _data(one, rows, rng, number, alone=kind != "mixed")
            # The last batch is cut where it would be too much.
            room = max(size - written, 1)
            part = data[: data.find(b"\n", room - 1) + 1] if len(data) > room else data
            sink.write(part)
            written += len(part)
        if written >= size:
            break
    for sink in sinks.values():
        sink.close()
    return written


def _data(
    kind: str, rows: pl.DataFrame, rng: Random, number: int, *, alone: bool
) -> bytes:
    """What one hop writes of the requests; alone, it is the outermost hop."""
    write, at = _WRITERS[kind]
    if kind == "alb":
        return _cut(write(rows, age=number), rng, at)
    if not alone and kind in ("nginx", "syslog"):
        rows = rows.filter(~pl.col("blocked"))
    if kind == "nginx":
        return _cut(write(rows, behind=not alone), rng, at)
    return _cut(write(rows), rng, at)


def main() -> None:
    """Read the arguments and write one archive."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=float, default=200, help="MB of log text")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    count = generate(given.kind, given.folder, int(given.size * 1e6), given.seed)
    print(f"{count / 1e6:.1f} MB of {given.kind} in {given.folder}")


if __name__ == "__main__":
    main()
