"""Charts as SVG text: the stack, the timeline, the coverage. No script, no style=.

Colours are classes of the page's style sheet, so that they follow light and dark; what
a colour says is also said by a shape, a hatch or a word.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from math import log1p

from markupsafe import Markup, escape

from forensic.reports.digest import Row
from forensic.reports.escape import cut, shown
from forensic.reports.lanes import Cover, Lane, Window
from forensic.reports.paper import number
from forensic.reports.times import minute, stamp, zone_name

__all__ = ["coverage", "stack", "steps_of", "timeline"]

Say = Callable[..., str]

_WIDTH = 960
_LEFT = 170
_RIGHT = 12
_PLOT = _WIDTH - _LEFT - _RIGHT
_TICKS = 6


def _tag(name: str, *content: object, **attributes: object) -> Markup:
    """An element; `_` in attribute names is `-`, all text is escaped."""
    pairs = "".join(
        f' {key.strip("_").replace("_", "-")}="{escape(shown(value))}"'
        for key, value in attributes.items()
    )
    inner = Markup("").join(
        piece if isinstance(piece, Markup) else escape(shown(piece))
        for piece in content
    )
    return Markup(f"<{name}{pairs}>{inner}</{name}>")  # noqa: S704 (built from escaped parts)


def _chart(title: str, height: int, *content: Markup) -> Markup:
    """An image with a name for who cannot see it."""
    return _tag(
        "svg",
        *content,
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        aria_label=title,
        xmlns="http://www.w3.org/2000/svg",
    )


def _text(x: float, y: float, text: object, kind: str = "", **more: object) -> Markup:
    return _tag("text", text, x=round(x, 1), y=round(y, 1), class_=kind, **more)


# -- the stack ----------------------------------------------------------------
_BOX = 142
_BOX_GAP = 28


def stack(hops: Sequence[Row], answered: str, say: Say) -> Markup:
    """The hops from the client inwards: solid where logged, dashed where inferred."""
    first: Row = {"hop": "client", "state": "logged", "names": [], "events": None}
    saved = [node for node in hops if node["hop"] == "client"]  # by a browser
    nodes: list[Row] = [*(saved or [first]), *hops[len(saved) :]]
    scale = min(1.0, _WIDTH / (len(nodes) * (_BOX + _BOX_GAP)))
    content = []
    for index, node in enumerate(nodes):
        x = index * (_BOX + _BOX_GAP) + 2
        if index:
            dashed = " dashed" if node["state"] != "logged" else ""
            y = 54
            content.append(
                _tag(
                    "path",
                    d=f"M{x - _BOX_GAP} {y}h{_BOX_GAP - 8}",
                    class_=f"wire{dashed}",
                )
            )
            content.append(
                _tag("path", d=f"M{x - 9} {y - 5}l8 5l-8 5z", class_="arrow")
            )
        content.append(_node(x, node, answered, say))
    group = _tag("g", *content, transform=f"scale({scale:.3f})")
    return _chart(say("stack"), round(130 * scale) + 4, group)


def _node(x: int, node: Row, answered: str, say: Say) -> Markup:
    hop, here = node["hop"], node["hop"] == answered
    kinds = ["node"]
    kinds += ["dashed"] if node["state"] != "logged" else []
    kinds += ["here"] if here else []
    name = say(hop)
    parts = [
        _tag("title", f"{name}: {', '.join(node['names']) or say(node['state'])}"),
        _tag("rect", x=x, y=16, width=_BOX, height=76, rx=8, class_=" ".join(kinds)),
        _text(x + _BOX / 2, 42, cut(name, 20), "strong", text_anchor="middle"),
    ]
    if node["names"]:
        first = cut(node["names"][0], 19)
        parts.append(_text(x + _BOX / 2, 60, first, "small", text_anchor="middle"))
    if node["events"] is not None:
        told = f"{number(node['events'])} {say('events')}"
        told = told if node["state"] == "logged" else say("no_log")
        parts.append(_text(x + _BOX / 2, 80, told, "small", text_anchor="middle"))
    if here:
        below = f"▲ {say('answered_here')}"
        parts.append(_text(x + _BOX / 2, 112, below, "alarm", text_anchor="middle"))
    return _tag("g", *parts)


# -- time ---------------------------------------------------------------------
def _axis(window: Window, y: int, offset: int | None) -> list[Markup]:
    """Ticks with local times, and the zone once."""
    parts = []
    every = max(1, window.count // _TICKS)
    days = window.step * window.count > 2 * 86400
    for step in range(0, window.count, every):
        when = window.begin(step)
        x = _LEFT + _PLOT * step / window.count
        label = minute(when, offset)
        clock = stamp(when, offset).split(" ")[1].rstrip("Z")
        text = label[5:10] if days else clock[: 8 if window.step < 60 else 5]
        parts.append(_tag("path", d=f"M{x:.1f} {y}v5", class_="tick"))
        anchor = "middle" if step else "start"
        anchor = "end" if x > _WIDTH - 40 else anchor
        parts.append(_text(x, y + 18, text, "small", text_anchor=anchor))
    day = minute(window.start, offset)[:10]
    parts.append(_text(0, y + 18, f"{day} {zone_name(offset)}", "small"))
    return parts


def _cursor(
    window: Window, when: datetime | None, height: int, say: Say
) -> list[Markup]:
    if when is None or not window.start <= when < window.end:
        return []
    x = _LEFT + _PLOT * window.place(when)
    anchor = "end" if window.place(when) > 0.8 else "start"
    shift = -4 if anchor == "end" else 4
    return [
        _tag("path", d=f"M{x:.1f} 4V{height}", class_="cursor"),
        _text(x + shift, 13, say("incident"), "alarm", text_anchor=anchor),
    ]


_LANE = 46


def timeline(
    lanes: Sequence[Lane],
    window: Window,
    incident: datetime | None,
    offset: int | None,
    say: Say,
) -> Markup:
    """A lane a hop: events above its line, error responses that it made below."""
    content: list[Markup] = []
    top = 20
    for index, lane in enumerate(lanes):
        line = top + index * _LANE + 28
        events, errors = number(sum(lane.events)), number(sum(lane.errors))
        content.append(_text(0, line - 8, cut(say(lane.hop), 24), "strong"))
        told = f"{events} / {errors} {say('errors')}"
        content.append(_text(0, line + 8, told, "small"))
        content.append(_tag("path", d=f"M{_LEFT} {line}h{_PLOT}", class_="base"))
        content.append(_bars(lane.events, line, 26, "bar", up=True))
        content.append(_bars(lane.errors, line, 14, "fault", up=False))
    height = top + len(lanes) * _LANE + 4
    content += _cursor(window, incident, height, say)
    content += _axis(window, height, offset)
    return _chart(say("timeline"), height + 24, *content)


def _bars(
    counts: Sequence[int], line: int, height: int, kind: str, *, up: bool
) -> Markup:
    """Bars of one lane as one path: logarithmic heights, each lane its own scale."""
    most = max(counts, default=0)
    width = _PLOT / max(len(counts), 1)
    parts = []
    for step, count in enumerate(counts):
        if count:
            tall = max(2.0, height * log1p(count) / log1p(most))
            y = line - tall if up else line + 1
            wide, x = max(width - 1, 1.5), _LEFT + step * width
            parts.append(f"M{x:.1f} {y:.1f}h{wide:.1f}v{tall:.1f}h-{wide:.1f}z")
    return _tag("path", d="".join(parts), class_=kind) if parts else Markup("")


# -- coverage -----------------------------------------------------------------
_ROW = 38


def coverage(
    covers: Sequence[Cover],
    window: Window,
    incident: datetime | None,
    offset: int | None,
    say: Say,
) -> Markup:
    """A row a log: solid where it has events, hatched where it should and has none."""
    lines = _tag("path", d="M0 8L8 0M-2 2L2 -2M6 10L10 6", class_="hatching")
    back = _tag("rect", width=8, height=8, class_="back")
    pattern = _tag(
        "pattern",
        back,
        lines,
        id="hatch",
        width=8,
        height=8,
        patternUnits="userSpaceOnUse",
    )
    content = [_tag("defs", pattern)]
    top = 20
    for index, row in enumerate(covers):
        y = top + index * _ROW
        content.append(_text(0, y + 9, cut(say(row.hop), 24), "strong"))
        content.append(_text(0, y + 23, cut(row.format, 26), "small"))
        content.append(
            _tag("rect", x=_LEFT, y=y, width=_PLOT, height=20, class_="empty")
        )
        content += [_run(run, window, y) for run in _runs(row.events)]
        content += [_hole(gap, window, y, say) for gap in row.gaps[:60]]
    height = top + len(covers) * _ROW + 2
    content += _cursor(window, incident, height, say)
    content += _axis(window, height, offset)
    return _chart(say("coverage"), height + 24, *content)


def _runs(counts: Sequence[int]) -> list[tuple[int, int]]:
    """(first, length) of the runs of steps that have events."""
    runs: list[tuple[int, int]] = []
    for step, count in enumerate(counts):
        if not count:
            continue
        if runs and sum(runs[-1]) == step:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((step, 1))
    return runs


def _run(run: tuple[int, int], window: Window, y: int) -> Markup:
    width = _PLOT / window.count
    x = _LEFT + run[0] * width
    return _tag(
        "rect",
        x=round(x, 1),
        y=y + 3,
        width=round(run[1] * width, 1),
        height=14,
        class_="bar",
    )


def _hole(gap: Row, window: Window, y: int, say: Say) -> Markup:
    start = gap["start"] or window.start
    end = gap["end"] or window.end
    x = _LEFT + _PLOT * window.place(start)
    wide = max(_PLOT * (window.place(end) - window.place(start)), 3.0)
    x = min(x, _LEFT + _PLOT - wide)
    title = f"{say('gap')}: {stamp(start)} - {stamp(end)}"
    return _tag(
        "rect",
        _tag("title", title),
        x=round(x, 1),
        y=y,
        width=round(wide, 1),
        height=20,
        fill="url(#hatch)",
        class_="hole",
    )


def steps_of(lanes: Sequence[Lane], window: Window) -> list[tuple[datetime, list[str]]]:
    """The table twin of a timeline: moments with events, and each lane's counts."""
    found = []
    for step in range(window.count):
        cells = [
            f"{number(lane.events[step])} / {number(lane.errors[step])}"
            for lane in lanes
        ]
        if any(lane.events[step] or lane.errors[step] for lane in lanes):
            found.append((window.begin(step), cells))
    return found
