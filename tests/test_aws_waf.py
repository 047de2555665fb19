"""WAF records: the true blocker, both paths the same, doubled keys never clean."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensic.formats.aws_waf import FORMAT
from forensic.formats.aws_waf.fast import rows
from forensic.formats.aws_waf.tolerant import row
from forensic.formats.aws_waf.verdict import judge

SQLI = "AWS#AWSManagedRulesSQLiRuleSet"
OWN = "arn:aws:wafv2:eu-west-1:123456789012:regional/rulegroup/mine/11111111"


def group(name: str, rule: str | None, action: str = "BLOCK") -> dict[str, Any]:
    ended = {"ruleId": rule, "action": action} if rule else None
    return {"ruleGroupId": name, "terminatingRule": ended}


def parse(*records: Any) -> list[dict[str, Any]]:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in records]
    return FORMAT.parse(pl.Series(texts, dtype=pl.String)).to_dicts()


@pytest.mark.parametrize(
    ("entry", "kind", "action", "groups", "rule", "rule_group"),
    [
        ("AWS-AWSManagedRulesSQLiRuleSet", "MANAGED_RULE_GROUP", "BLOCK",
         [group(SQLI, "SQLi_BODY")], "SQLi_BODY", SQLI),
        # the entry was renamed: the one group that ended with the record's action
        ("my-sqli", "MANAGED_RULE_GROUP", "BLOCK",
         [group("AWS#X", "R", "COUNT"), group(SQLI, "SQLi_BODY")], "SQLi_BODY", SQLI),
        # a group overridden to COUNT before an own rule ended it
        ("block-admin", "REGULAR", "BLOCK", [group(SQLI, "SQLi_BODY")],
         "block-admin", None),
        ("Default_Action", "REGULAR", "ALLOW", [group(SQLI, "SQLi_BODY")],
         "Default_Action", None),
        ("mine", "GROUP", "CAPTCHA", [group(OWN, "bots", "CAPTCHA")], "bots", OWN),
        # nobody says which rule it was
        ("AWS-AWSManagedRulesSQLiRuleSet", None, "BLOCK", [],
         "AWS-AWSManagedRulesSQLiRuleSet", "AWS-AWSManagedRulesSQLiRuleSet"),
    ],
)  # fmt: skip
def test_the_rule_that_ended_it(
    entry: str,
    kind: str | None,
    action: str,
    groups: list[dict[str, Any]],
    rule: str,
    rule_group: str | None,
) -> None:
    verdict = judge(
        {
            "action": action,
            "terminatingRuleId": entry,
            "terminatingRuleType": kind,
            "ruleGroupList": groups,
        }
    )
    assert (verdict.rule, verdict.rule_group) == (rule, rule_group)


@pytest.mark.parametrize(
    ("action", "sent", "status", "source"),
    [
        ("BLOCK", None, 403, "derived"),
        ("BLOCK", 429, 429, "logged"),
        ("BLOCK", "404", 404, "logged"),
        ("CAPTCHA", None, 405, "derived"),
        ("CHALLENGE", 202, 202, "logged"),
        ("ALLOW", None, None, None),
    ],
)
def test_what_the_client_got(
    action: str, sent: int | str | None, status: int | None, source: str | None
) -> None:
    verdict = judge({"action": action, "responseCodeSent": sent})
    assert (verdict.status, verdict.extra.get("status_source")) == (status, source)


def test_the_abbreviated_record() -> None:
    (found,) = parse(
        {
            "action": "Block",
            "terminatingRuleId": "AWS-AWSManagedRulesAdminProtectionRuleSet",
            "httpRequest": {"clientIp": "203.0.113.9", "httpUri": "/app/admin"},
            "responseCode": 403,
        }
    )
    assert found["local_time"] is None
    assert (found["action"], found["status"], found["path"]) == (
        "BLOCK",
        403,
        "/app/admin",
    )


def test_a_key_written_twice_is_never_clean() -> None:
    request = '"httpRequest":{"clientIp":"192.0.2.1","clientIp":"192.0.2.2","uri":"/"}'
    (found,) = parse(
        '{"timestamp":1738819927123,"action":"ALLOW","action":"BLOCK",'
        f'"webaclId":"x","terminatingRuleId":"a",{request}}}'
    )
    assert found["flags"] == ["duplicate_key"]
    assert (found["action"], found["status"], found["client_ip"]) == (None, None, None)
    assert json.loads(found["extra"])["duplicates"] == {
        "action": ["ALLOW", "BLOCK"],
        "clientIp": ["192.0.2.1", "192.0.2.2"],
    }


CANONICAL = (
    '{"timestamp":1738819927123,"formatVersion":1,"webaclId":"arn:x",'
    '"terminatingRuleId":"Default_Action","terminatingRuleType":"REGULAR",'
    '"action":"ALLOW","httpSourceName":"ALB","httpSourceId":"1-app/p/5",'
    '"ruleGroupList":[],"responseCodeSent":null,"httpRequest":{'
    '"clientIp":"192.0.2.1","country":"JP","headers":[HEADERS],"uri":"/a",'
    '"args":"q=1","httpVersion":"HTTP/1.1","httpMethod":"GET",'
    '"requestId":"1-67a44957-0123456789abcdef01234567"},TAIL"labels":[]}'
)

SIZES = '"requestBodySize":2,"requestBodySizeInspectedByWAF":2'


def canonical(headers: str = "", tail: str = "") -> str:
    return CANONICAL.replace("HEADERS", headers).replace("TAIL", tail)


def header(name: str, value: str) -> str:
    return f'{{"name":"{name}","value":"{value}"}}'


@pytest.mark.parametrize(
    "line",
    [
        canonical(),
        canonical(header("User-Agent", "a") + "," + header("host", "x:80")),
        canonical(header("sec-ch-ua", '\\"A\\";v=\\"1\\"')),
        canonical(tail='"ja3Fingerprint":"00ff",'),
        canonical(header("X-Forwarded-For", "192.0.2.9")),
        canonical(header("X-API-Key", "k") + "," + header("cookie", "a\\\\")),
        canonical(header("x", '],\\"uri\\":\\"/forged\\",')),
        canonical().replace(
            '"labels":[]}', '"labels":[{"name":"l"}],"ja3Fingerprint":"0f"}'
        ),
    ],
)  # fmt: skip
def test_both_paths_agree(line: str) -> None:
    (fast,) = rows(pl.Series([line])).to_dicts()
    assert fast.pop("refused") is None
    slow = dict.fromkeys(fast) | row(line)
    assert json.loads(fast.pop("extra")) == json.loads(str(slow["extra"]))
    assert fast == {name: slow[name] for name in fast}


@pytest.mark.parametrize(
    "line",
    [
        canonical(header("user-agent", 'a\\"b')),
        canonical(header("USER-AGENT", "a")),
        canonical(
            header("x-forwarded-for", "a") + "," + header("x-forwarded-for", "b")
        ),
        canonical(header("User-Agent", "a") + "," + header("user-agent", "b")),
        canonical(header("x", "\\u0041")),
        canonical(header("x", "\\q")),
        canonical(header("x", "\t")),
        canonical('{"name":"host","value":"a","value":"b"}'),
        canonical(tail='"action":"BLOCK",'),
        canonical(tail='"httpRequest":{"clientIp":"192.0.2.7"},'),
        canonical().replace("JP", "jp"),
        canonical().replace("HTTP/1.1", "H/T/1.1"),
        # written before and behind the request
        canonical()
        .replace('"action"', '"requestBodySize":1,"action"')
        .replace('"labels":[]', SIZES),
        canonical().replace('"uri"', '"uri":"/b","uri"'),
        canonical().replace("1738819927123", "9738819927123"),
        canonical() + "{}",
        canonical()[:-1],
        canonical().replace('"terminatingRuleId"', '"terminatingRule"'),
        canonical().replace('"action"', '"Action"'),
        # another key that ends like the one of the request
        canonical().replace('"httpRequest"', '"\\"httpRequest"'),
    ],
)  # fmt: skip
def test_the_fast_path_refuses_what_it_cannot_hold(line: str) -> None:
    assert rows(pl.Series([line]))["refused"].to_list() != [None]


PIECES = [
    '"',
    "\\",
    '\\"',
    "{",
    "}",
    "]",
    ",",
    ":",
    '","',
    '"}',
    "null",
    "-",
    "\0",
    "é",
]


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**20), st.integers(0, 3), st.sampled_from(["", *PIECES]))
def test_damage_is_seen_and_stays_where_it_is(at: int, gone: int, piece: str) -> None:
    whole = canonical(header("host", "x") + "," + header("sec-ch-ua", '\\"A\\"'))
    at %= len(whole)
    damaged = whole[:at] + piece + whole[at + gone :]
    before, found, cut, behind = rows(
        pl.Series([whole, damaged, whole[:at], whole])
    ).to_dicts()
    assert before == behind
    assert before["refused"] is None
    assert cut["refused"]
    if found.pop("refused") is None:
        slow = dict.fromkeys(found) | row(damaged)
        assert json.loads(found.pop("extra")) == json.loads(str(slow["extra"]))
        assert {k: v or None for k, v in found.items()} == {
            name: slow[name] or None for name in found
        }


@pytest.mark.parametrize(
    "line", ['{"a":' * 100_000, '{"httpRequest":1}', '{"a":"\\ud800"}', "{", "[]"]
)
def test_what_is_no_record_is_refused(line: str) -> None:
    (found,) = parse(line)
    assert found["refused"]
