"""Web servers ▶ which stands in front of which, where one proxies to another."""

import numpy as np
import polars as pl

from forensic.answers import AUDITS
from forensic.hops.facts import Facts
from forensic.hops.moment import corrected
from forensic.hops.pair import Ints, pair
from forensic.hops.responses import TIERS, hashed
from forensic.rotation import log_of

__all__ = ["app_streams", "behind", "inner_streams", "rare", "sampled", "tiered"]

_WINDOW = (-2_500_000, 1_500_000)
#: So many of the inner log's unmistakable requests must stand in the outer one.
_SHARE = 0.6
_ENOUGH = 5
#: So seldom may a request stand in another log at that moment by chance.
_CHANCE = 0.05
#: Of a short log hardly a request is rare: so many of its requests stand in the outer
#: one, and so many fewer some time before and after.
_NEARLY_ALL, _MORE, _SHORT, _APART = 0.9, 0.4, 5_000, (-20_000_000, 20_000_000)
#: Rows that are compared; more logs than this are nodes of one tier.
_SAMPLE = 400_000
_MOST = 40
_FOLDER = r"^(.*)/[^/]*$"
#: A day in a name, as Tomcat and Jetty have it in front of the last part.
_DAY = r"\d{4}[-_.]\d{2}[-_.]\d{2}"


def _stream() -> pl.Expr:
    """A log, rotations included; of several programs in one file, each has its own."""
    family = log_of(pl.col("source"))
    own = pl.concat_str(family, pl.lit("\n"), "process")
    return pl.coalesce(own, family)


def sampled(
    events: pl.LazyFrame, known: Facts, hop: str, **columns: pl.Expr
) -> pl.DataFrame:
    """Requests of every log of a hop, all of the same keys: `key`, and the columns."""
    logs = known.profile.filter(pl.col("hop") == hop)
    part = max(1, int(logs["answers"].sum()) // _SAMPLE)
    key = pl.struct(
        pl.col("method"), hashed(pl.col("path")), hashed(pl.col("query")), "status"
    ).hash(5)
    return (
        events.filter(
            (pl.col("hop") == hop)
            & pl.col("status").is_not_null()
            # An audit log is no server: the access log beside it has the same requests.
            & ~pl.col("format").is_in(AUDITS).fill_null(value=False)
            & pl.col("time").is_not_null()
        )
        .select("client_ip", key=key, **columns)
        .filter(pl.col("key") % part == 0)
        .collect(engine="streaming")
    )


def _sample(events: pl.LazyFrame, clocks: pl.DataFrame, known: Facts) -> pl.DataFrame:
    """Requests of every web server log."""
    moment, _ = corrected(clocks)
    old = pl.col("http_version") == "1.0"
    # The client's own words go through: with them few requests are like another.
    fine = pl.struct(
        pl.col("method"), hashed(pl.col("path")), "status", hashed(pl.col("user_agent"))
    ).hash(7)
    return sampled(
        events,
        known,
        "web_server",
        time=moment,
        old=old,
        stream=_stream(),
        fine=pl.when(pl.col("user_agent").is_not_null()).then(fine),
    )


def _peers(rows: pl.DataFrame) -> tuple[int, float]:
    """How many clients a log has, and the share of HTTP/1.0, negative."""
    old = rows.filter("old").height / max(rows.height, 1)
    return rows["client_ip"].n_unique(), -old


def _places(outer: pl.DataFrame, inner: pl.DataFrame, late: int = 0) -> Ints:
    """Which of the inner log's requests the outer one has, so much later."""
    _, found = pair(
        (outer["key"].to_numpy(), outer["time"].to_numpy()),
        (inner["key"].to_numpy(), inner["time"].to_numpy() + late),
        _WINDOW,
    )
    return found


def _shared(outer: pl.DataFrame, inner: pl.DataFrame, late: int = 0) -> pl.Series:
    """The keys of the inner log's requests that the outer one has, so much later."""
    return inner["key"].gather(_places(outer, inner, late))


def _in_step(outer: pl.DataFrame, inner: pl.DataFrame) -> bool:
    """Whether a short log's requests stand in the outer one then, and else do not."""
    if not 4 * _ENOUGH <= inner.height <= min(_SHORT, outer.height):
        return False
    found = _shared(outer, inner)
    if found.n_unique() < _ENOUGH or found.len() < _NEARLY_ALL * inner.height:
        return False
    chance = max(_shared(outer, inner, late).len() for late in _APART)
    return found.len() - chance >= _MORE * inner.height


def behind(outer: pl.DataFrame, inner: pl.DataFrame) -> bool:
    """Whether what the inner log has came through the outer one."""
    if inner.height < _ENOUGH or outer.height < inner.height * _SHARE:
        return False
    found = _shared(outer, inner)
    # A monitor asks all hosts at once, but for few things.
    return found.n_unique() >= _ENOUGH and found.len() >= _SHARE * inner.height


def _spread(outers: list[pl.DataFrame], inner: pl.DataFrame) -> bool:
    """Whether what the inner log has came through one or the other of several.

    The more logs there are, the more stands in one of them by chance: some time before
    and after tells how much.
    """
    if len(outers) < 2 or inner.height < 2 * _ENOUGH:
        return False

    def found(late: int) -> Ints:
        return np.unique(np.concatenate([_places(o, inner, late) for o in outers]))

    places = found(0)
    if places.size < _SHARE * inner.height:
        return False
    chance = max(found(late).size for late in _APART)
    varied = inner["key"].gather(places).n_unique() >= _ENOUGH
    return varied and places.size - chance >= _MORE * inner.height


def rare(rows: pl.DataFrame) -> pl.DataFrame:
    """The requests so seldom that two logs hardly ever hold one at once by chance."""
    span = pl.col("time").max() - pl.col("time").min()
    covered = pl.len().over("key") * (_WINDOW[1] - _WINDOW[0])
    return rows.filter((pl.len().over("key") == 1) | (covered < _CHANCE * span))


def _by_agent(rows: pl.DataFrame) -> pl.DataFrame:
    """The requests, told apart by the client's own words too, where most have some."""
    known = rows.drop_nulls("fine").with_columns(key="fine")
    return known if 2 * known.height > rows.height else known.clear()


class _Log:
    """A log's requests by what was asked, and by who asked for it, too."""

    def __init__(self, plain: pl.DataFrame, fine: pl.DataFrame) -> None:
        """Those that are seldom are the unmistakable ones."""
        self.plain, self.fine = plain, fine
        self.seldom, self.rarest = rare(plain), rare(fine)


def _after(outer: _Log, inner: _Log) -> bool:
    """Whether what the inner log has came through the outer one, by any sign."""
    if behind(outer.seldom, inner.seldom) or behind(outer.rarest, inner.rarest):
        return True
    if outer.fine.height and inner.fine.height:
        return _in_step(outer.fine, inner.fine)
    return _in_step(outer.plain, inner.plain)


def _fronted(outers: list[_Log], inner: _Log) -> bool:
    """Whether the inner log's requests came through one of the others, or several."""
    return (
        any(_after(outer, inner) for outer in outers)
        or _spread([outer.seldom for outer in outers], inner.seldom)
        or _spread([outer.rarest for outer in outers], inner.rarest)
    )


def inner_streams(
    events: pl.LazyFrame, clocks: pl.DataFrame, known: Facts
) -> list[str]:
    """The web server logs that stand behind another one.

    Most of such a log's unmistakable requests (those that are seldom) stand in the
    other one, or in several, within seconds, and its peers are fewer: it sees proxies.
    Where they are as many, it is the one that is asked in HTTP/1.0, as nginx asks.
    """
    web = known.profile.filter(
        (pl.col("hop") == "web_server") & (pl.col("answers") > 0)
    )
    families = web["family"].n_unique()
    if families > _MOST or (families < 2 and not web["programs"].any()):
        return []
    rows = _sample(events, clocks, known).sort("stream", "time", "key")
    names = sorted(rows["stream"].unique().to_list())
    if not 1 < len(names) <= _MOST:
        return []
    parts = {name: rows.filter(pl.col("stream") == name) for name in names}
    logs = {name: _Log(part, _by_agent(part)) for name, part in parts.items()}
    seen = {name: (*_peers(part), name) for name, part in parts.items()}
    inner = [
        name
        for name in names
        if _fronted([logs[o] for o in names if seen[name] < seen[o]], logs[name])
    ]
    return [] if len(inner) == len(names) else inner


#: Tomcat's own name for it, and the folders of Java's application servers.
_NAMED = pl.col("family").str.contains(
    r"(?i)(?:^|/)localhost_access_log"
    r"|(?:^|/)(?:apache-)?(?:tomcat|wildfly|jboss|weblogic|jetty|glassfish|payara)[^/]*/"
    r"(?:[^/]+/)*[^/]*(?:access|request)|(?:^|/)servers/[^/]+/logs/access"
)


def app_streams(known: Facts, inner: list[str]) -> list[str]:
    """The logs that an application or its server writes, though they look like others.

    Of the inner ones, as morgan writes them, those beside which an application's own
    log lies and no other log of a web server; and wherever they stand, those in which
    the server's own lines stand too, as in Puma's, and those that an application server
    names or keeps as no other does.
    """
    folder = pl.col("family").str.extract(_FOLDER, 1).fill_null("")
    logs = known.profile.with_columns(folder=folder)
    own = pl.col("hop").is_in(["app_server", "application"])
    apps = logs.filter(own)
    web = logs.filter(pl.col("hop") == "web_server")
    undated = pl.col("family").str.replace_all(_DAY, "")
    behind_all = pl.col("family").is_in(inner).all().over("folder")
    alone = web.filter((undated.n_unique().over("folder") == 1) | behind_all)
    # A file with lines of both is what carries the logs of several programs.
    alone = alone.filter(~pl.col("family").is_in(apps["family"].implode()))
    folders = pl.col("folder").is_in(apps["folder"].implode())
    families = set(alone.filter(folders)["family"])
    # But for a server that is known to log requests among its own lines.
    bare = (pl.col("answers") > 0) & ~pl.col("programs")
    server = logs.filter(pl.col("mixes") & ~pl.col("programs"))
    mixed = sorted(set(web.filter(bare)["family"]) & set(server["family"]))
    named = sorted(set(web.filter(bare, _NAMED)["family"]))
    own_words = dict.fromkeys([*mixed, *named])
    return [*(s for s in inner if s in families and s not in own_words), *own_words]


def tiered(frame: pl.DataFrame, inner: list[str], apps: list[str]) -> pl.DataFrame:
    """The responses, with the logs that stand behind others on their own tier."""
    if not inner and not apps:
        return frame
    told = frame.select(behind=_stream().is_in(inner), app=_stream().is_in(apps))
    tier = frame["tier"].to_numpy()
    web = tier == TIERS["web_server"]
    moved = np.where(web & told["behind"].to_numpy(), TIERS["inner_web"], tier)
    moved[web & told["app"].to_numpy()] = TIERS["app_server"]
    return frame.with_columns(tier=pl.Series(moved, dtype=pl.Int8))
