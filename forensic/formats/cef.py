"""CEF and LEEF, in which firewalls and other appliances export, most by syslog.

`CEF:0|vendor|product|version|id|name|severity|key=value …`, and QRadar's
`LEEF:1.0|vendor|product|version|id|key=value<tab>…`. Values may hold spaces; a number
of a custom field (`cn1`) means what its label says. Web firewalls (F5, Imperva,
NetScaler, FortiWeb, Barracuda and their like) tell of the request and what they did.
A `=` in a value is escaped; where an appliance forgets it, a client can write keys of
its own into its request: a key that stands twice has no value where they differ.
"""

import re
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.fields.columns import target
from forensic.fields.json_text import compact, unique
from forensic.format import Format
from forensic.schema import PARSED
from forensic.zones import ABBREVIATIONS, MONTHS

__all__ = ["FORMAT"]

_COLUMNS = (
    "local_time utc_offset hop client_ip forwarded_for method status host user_agent"
    " referrer user request_id action rule rule_group rule_type reason message extra"
    " flags refused"
).split()
_SCHEMA = {name: PARSED[name] for name in _COLUMNS} | {
    "url": pl.String(),
    "given": pl.String(),
}
#: syslog takes `CEF:` for the program's name; some send a priority, and no stamp.
_OPEN = r"(?:<[0-9]{1,3}> ?CEF: ?)?(?:CEF: ?)*[01]\|"
_PART = r"((?:[^|\\]|\\.)*)\|"
_HEADER = re.compile(_OPEN + _PART * 6)
#: The second version may say what parts its keys: a character or its number.
_LEEF_OPEN = r"(?:<[0-9]{1,3}> ?)?(?:LEEF: ?)?(?:1\.0|2\.0)\|"
_LEEF = re.compile(
    _LEEF_OPEN + r"([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|(?:([^|=\t]{1,6})\|)?"
)
#: What LEEF calls what CEF has under another name.
_RENAMED = {
    "usrName": "suser",
    "url": "request",
    "action": "act",
    "devTime": "rt",
    "srcPort": "spt",
    "dstPort": "dpt",
}
_SEVERITY = re.compile(r"-?\d{1,2}|(?i:unknown|low|medium|high|very-high)")
_KEY = re.compile(r"(?:^|[ ])([A-Za-z0-9_.\[\]-]{1,64})=")
_ESCAPED = re.compile(r"\\(.)")
_WAF = re.compile(
    r"(?i)\|(?:ASM|Advanced WAF|Application Security)|Incapsula|SecureSphere"
    r"|NetScaler\|.*APPFW|Citrix ADC|FortiWeb|AppWall|\bW(?:AF|AAS)\b|BarracudaWAF"
    r"|Web Application Firewall|Kona|Akamai|Airlock|Wallarm|DenyAll|Signal Sciences"
)
_BLOCKED = re.compile(
    r"(?i)(?:req_)?(?:block|den(?:y|ied)|drop|reset|reject|\w+_blacklisted|close)"
)
_COUNTED = re.compile(r"(?i)(?:not blocked|alert|detect|monitor|log|warn|report)")
_PASSED = re.compile(r"(?i)(?:pass|allow|accept|permit|req_(?:pass|cached))")
_WORDED = re.compile(
    r"(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d)"
    r"(?:\.(\d{1,6}))?(?: ([A-Z]{2,5}|[+-]\d\d:?\d\d))?\Z"
)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?"
    r" ?(Z|[A-Z]{2,5}|[+-]\d\d:?\d\d)?\Z"
)
#: The last two are FortiGate's, which has none of CEF's own.
_STAMPS = ("rt", "start", "end", "FTNTFGTeventtime", "FortinetFortiGateeventtime")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - columns are naive


def _fields(text: str) -> tuple[dict[str, str], dict[str, list[Any]]]:
    """The extension's keys and values, and all values of a key that stands twice."""
    found = list(_KEY.finditer(text))
    ends = [*(match.start() for match in found[1:]), *([len(text)] if found else [])]
    pairs = [
        (
            match[1],
            _ESCAPED.sub(
                lambda escape: {"n": "\n", "r": "\r"}.get(escape[1], escape[1]),
                text[match.end() : end].strip(" "),
            ),
        )
        for match, end in zip(found, ends, strict=True)
    ]
    duplicates: dict[str, list[Any]] = {}
    once = unique(pairs, duplicates)
    return {key: value for key, value in once.items() if value is not None}, duplicates


def _leef(line: str) -> tuple[list[str], dict[str, str], dict[str, list[Any]]] | None:
    """What CEF's header has, by LEEF's, and its keys under CEF's names."""
    head = _LEEF.match(line)
    if head is None:
        return None
    *parts, mark = head.groups()
    pairs = (pair.partition("=") for pair in line[head.end() :].split(_parted_by(mark)))
    duplicates: dict[str, list[Any]] = {}
    once = unique(
        [(_RENAMED.get(k.strip(), k.strip()), v) for k, eq, v in pairs if eq],
        duplicates,
    )
    keys = {key: value for key, value in once.items() if value is not None}
    return [*parts, parts[3], keys.get("sev", "")], keys, duplicates


def _parted_by(mark: str | None) -> str:
    """What parts the keys: a tab, or as the header says, in words or by its number."""
    number = re.fullmatch(r"(?:0?x)([0-9A-Fa-f]{1,4})", mark or "")
    return chr(int(number[1], 16)) if number else (mark or "\t")


def _zone(text: str | None) -> int | None:
    if text is None or text[0] not in "+-":
        return ABBREVIATIONS.get(text or "")
    digits = text[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if text[0] == "-" else seconds


def _stamp(text: str) -> tuple[datetime, int | None] | None:
    """The stamp and its offset, of a count since 1970, or of words."""
    if text.isascii() and text.isdigit() and len(text) in {10, 13, 16, 19}:
        return _EPOCH + timedelta(milliseconds=int(text[:13].ljust(13, "0"))), 0
    if iso := _ISO.match(text):
        try:
            moment = datetime.fromisoformat(iso[1])
        except ValueError:
            return None
        fraction = timedelta(microseconds=int((iso[2] or "0").ljust(6, "0")[:6]))
        return moment + fraction, 0 if iso[3] == "Z" else _zone(iso[3])
    match = _WORDED.match(text)
    if match is None or match[1] not in MONTHS:
        return None
    date = f"{match[3]}-{MONTHS[match[1]]}-{match[2]:0>2}"
    try:
        moment = datetime.fromisoformat(f"{date}T{match[4]}")
    except ValueError:
        return None
    moment += timedelta(microseconds=int((match[5] or "0").ljust(6, "0")))
    return moment, _zone(match[6])


def _action(word: str) -> str | None:
    """What the appliance did, in the words of the other firewalls."""
    if "CAPTCHA" in word.upper():
        return "CAPTCHA"
    if "CHALLENGE" in word.upper():
        return "CHALLENGE"
    for name, shape in (("ALLOW", _PASSED), ("BLOCK", _BLOCKED), ("COUNT", _COUNTED)):
        if shape.match(word):
            return name
    return None


def _header(request: str, name: str) -> str | None:
    found = re.search(rf"(?im)^{name}: *([^\r\n]+)", request)
    return found[1].strip() if found else None


def _row(line: str) -> dict[str, Any]:
    """The columns of one line, or why it is none."""
    leef = _leef(line)
    head = _HEADER.match(line)
    if leef is not None and leef[1]:
        (vendor, product, version, number, name, severity), keys, duplicates = leef
    elif head is not None:
        vendor, product, version, number, name, severity = (
            _ESCAPED.sub(r"\1", part) for part in head.groups()
        )
        keys, duplicates = _fields(line[head.end() :])
        whole = keys and _SEVERITY.fullmatch(severity)
        if not line.startswith("CEF") and not whole:
            return {"refused": "no CEF line"}
    else:
        return {"refused": "no CEF line"}
    labels = {
        value.lower(): keys.get(key.removesuffix("Label"), "")
        for key, value in keys.items()
        if key.endswith("Label")
    }
    imperva = vendor == "Incapsula"
    stamps = (_stamp(keys.get(key, "")) for key in _STAMPS)
    moment, zone = next(filter(None, stamps), (None, None))
    request = labels.get("full_request", "")
    code = labels.get("response_code") or keys.get("http_code", "")
    code = keys.get("cn1", "") if imperva else code
    status = int(code) if re.fullmatch("[1-5][0-9]{2}", code) else None
    word = keys.get("act", keys.get("deviceAction", ""))
    action = _action(word)
    rule = labels.get("rule name") or keys.get("ruleName") or name
    waf = _WAF.search(f"|{vendor}|{product}|{number}") is not None
    known = {
        "client_ip": keys.get("src") or labels.get("source_address"),
        "forwarded_for": keys.get("xff") or labels.get("x_forwarded_for_header_value"),
        "method": keys.get("requestMethod")
        or keys.get("requestmethod")
        or keys.get("method"),
        "host": keys.get("sourceServiceName" if imperva else "host")
        or _header(request, "host")
        or (keys.get("dhost") if waf else None),
        "user_agent": keys.get("requestClientApplication")
        or _header(request, "user-agent"),
        "referrer": keys.get("ref") or _header(request, "referer"),
        "user": keys.get("suser"),
        "request_id": keys.get("externalId") or keys.get("deviceExternalId"),
        "rule_group": labels.get("policy_name")
        or keys.get("policy")
        or (keys.get("cs1") if vendor == "Citrix" else None),
        "rule_type": labels.get("attack_type") or keys.get("cat"),
        "message": keys.get("msg"),
    }
    row = {k: v for k, v in known.items() if v and v not in {"N/A", "n/a", "-"}}
    url = keys.get("request")
    return (
        {"message": name}
        | row
        | {
            "local_time": moment,
            "utc_offset": zone,
            "hop": "waf" if waf else None,
            "status": status,
            "url": f"http://{url}" if imperva and url else url,
            "given": keys.get("qstr"),
            "action": action,
            "rule": rule if action != "ALLOW" and waf else None,
            "reason": word or None,
            "extra": compact(
                {"product": f"{vendor} {product} {version}", "id": number, "name": name}
                | {"severity": severity}
                | {k: v for k, v in keys.items() if k not in {"src", "cs3", "cs3Label"}}
                | ({"duplicates": duplicates} if duplicates else {})
            ),
            "flags": ["duplicate_key"] if duplicates else None,
        }
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of CEF lines."""
    rows = pl.DataFrame([_row(line) for line in lines.to_list()], schema=_SCHEMA)
    url = target(pl.col("url"))
    return rows.select(
        pl.exclude("url", "given", "host"),
        host=pl.coalesce("host", url["host"]).str.replace(r":\d+$", ""),
        path=url["path"],
        query=pl.coalesce(url["query"], "given"),
    )


FORMAT = Format(
    name="cef",
    title="CEF or LEEF of a firewall or another appliance",
    hop=None,
    reference="https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors/",
    head=rf"^(?:{_OPEN}|{_LEEF_OPEN}[^|]*\|)[^|]*\|[^|]*\|[^|]*\|",
    # Imperva's files of events begin so.
    header=r"^(?:(?:accountId|configId|checksum|format|startTime|endTime):\S*|\|==\|)$",
    parse=parse,
    paths=r"(?i)cef|leef|asm|incapsula|imperva",
)
