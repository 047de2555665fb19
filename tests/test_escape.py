"""Whatever evidence holds, what is shown of it neither acts nor betrays."""

import json
import time
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensic.reports import escape

HOSTILE = [
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[H",
    "\x1bP+q\x1b\\",
    "\x9b31m",
    "\x85next",
    "a\rb\x08c",
    "\u202egnp.exe\u202c",
    "\u2066\u2069\u200b\u200d\ufeff\u2060\xad",
    "\U000e0041\U000e007f",
    "\u2028\u2029",
    "\u115f\u3164\u2800\ufe0f",
    "tab\tnew\nline",
]
_KEY_LINE = "CANARY/5JJcds3xfn+ygWyF0FIxL3fcXH2SomeLineOfKey12abcdefghijklmno"
SECRETS = {
    "Authorization: Basic dXNlcjpDQU5BUlk9CANARY": "dXNlcjp",
    '"name":"Cookie","value":"sid=CANARY; b=\\"CANARY\\""': "CANARY",
    '"value":"CANARY","name":"authorization"': "CANARY",
    '"params":[{"name":"password","value":"CANARY"}]': "CANARY",
    '"queryString":[{"name": "code", "value": "4/CANARY0aX"}]': "CANARY",
    '"cookies": [{"name":"a","value":"]CANARY\\"CANARY"},{"value":"CANARY"}]': "CANARY",
    '{\\"name\\":\\"Cookie\\",\\"value\\":\\"sid=CANARY\\"}': "CANARY",
    "Cookie: a=CANARY; b=CANARY": "CANARY",
    "https://example.com/?session=CANARY&a=1": "CANARY",
    "set-cookie: session=CANARY; HttpOnly": "CANARY",
    "GET /a?token=CANARY&x=1 HTTP/1.1": "CANARY",
    "token=CANARY": "CANARY",
    "a=1&access_token=CANARY": "CANARY",
    "next=%2Fa%3Ftoken%3DCANARY": "CANARY",
    "x-api-key: CANARY": "CANARY",
    'if ($http_x_api_key != "CANARY") {': "CANARY",
    "if token == 'CANARY':": "CANARY",
    'name="password"\r\n\r\nCANARY\r\n--x--': "CANARY",
    r'''"text": "; name=\"user[password]\"\r\n\r\nCANARY\r\n--x--"''': "CANARY",
    '{"text": "CANARY12", "encoding": "base64"}': "CANARY",
    "X-Amz-Security-Token=CANARY&x": "CANARY",
    "AKIAIOSFODNN7EXAMPLE": "IOSFODNN7",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-CANARY": "CANARY",
    "https://bob:CANARY@example.com/": "CANARY",
    "Bearer abcdefghijklmnopCANARY": "CANARY",
    '"password": "CANARY"': "CANARY",
    f'"{"a.very_" * 60}password": "CANARY"': "CANARY",
    "{'password': 'CANARY'}": "CANARY",
    '"matchedData":["CANARY","] CANARY"]': "CANARY",
    "password=CANARY": "CANARY",
    "aws_secret_access_key=CANARY": "CANARY",
    "ghp_CANARYCANARYCANARYCANARY": "CANARY",
    "X-Vault-Token: CANARY": "CANARY",
    "Api-Key: CANARY": "CANARY",
    "Ocp-Apim-Subscription-Key: CANARY": "CANARY",
    "Stripe-Signature: t=CANARY": "CANARY",
    '"name":"X-Vault-Token","value":"CANARY"': "CANARY",
    '"name":"x-amzn-oidc-data","value":"CANARY"': "CANARY",
    "password: CANARY1": "CANARY",
    "password 'CANARY'": "CANARY",
    "aws_session_token = CANARY1": "CANARY",
    "SECRET_KEY = 'CANARY'": "CANARY",
    "apiKey: 'CANARY'": "CANARY",
    "mysql --password CANARY": "CANARY",
    "curl -u admin:CANARY https://example.com/": "CANARY",
    "AccountKey=CANARY;EndpointSuffix=x": "CANARY",
    "GET /cb?code=4/CANARY0aX&state=CANARY12345 HTTP/1.1": "CANARY",
    "SAMLResponse=CANARY1234567": "CANARY",
    "sk-ant-api03-CANARYCANARYCANARY": "CANARY",
    "npm_CANARYCANARYCANARYCANARY": "CANARY",
    "hvs.CANARYCANARYCANARYCANARY": "CANARY",
    "GET /a?user[password]=CANARY&x=1": "CANARY",
    "GET /a?user%5Bpass%5D=CANARY&x=1": "CANARY",
    "GET /a?body=%7B%22password%22%3A%22CANARY%22%7D": "CANARY",
    'Parameters: {"user"=>{"password"=>"CANARY"}}': "CANARY",
    "{'password': b'CANARY'}": "CANARY",
    '{"password":12345, "id":7}': "12345",
    "[password] => CANARY": "CANARY",
    '<wsse:Password Type="x">CANARY</wsse:Password>': "CANARY",
    "postgres://u:pw@CANARY@db.example.com/x": "CANARY",
    "https://0123456789abcdefCANARY@example.com/1": "CANARY",
    "https://CANARY0123456789:x-oauth-basic@example.com/": "CANARY",
    "next=https%3A%2F%2Fbob%3ACANARY%40example.com": "CANARY",
    "Proxy-Authorization: NTLM CANARY1": "CANARY",
    "Authorization: SSWS 00CANARY": "CANARY",
    'Authorization: Hawk id="1", mac="CANARY="': "CANARY",
    'Authorization: Digest username="x", response="CANARY"': "CANARY",
    '{"http_cookie":"a=CANARY; b=c"}': "CANARY",
    '{"cs(Cookie)":"a=CANARY"}': "CANARY",
    '{"Cookie":["a=CANARY","CANARY"]}': "CANARY",
    '{"headers":{"X-Api-Key":["CANARY"]}}': "CANARY",
    '{"secrets": ["CANARY", "CANARY"]}': "CANARY",
    "[('Authorization', 'CANARY')]": "CANARY",
    'Cookie: "a=CANARY"': "CANARY",
    'set-cookie: sid="CANARY"; HttpOnly': "CANARY",
    'http_cookie="a=CANARY"': "CANARY",
    "MYSQL_PWD=CANARY DB_PASS=CANARY": "CANARY",
    "laravel_session=CANARY0123456789": "CANARY",
    "api_key:CANARYCANARYCANARYCANARY": "CANARY",
    "GET /a?h=Bearer%20CANARYCANARYCANARY": "CANARY",
    "GET /reset-password/CANARY0123456789abcdef HTTP/1.1": "CANARY",
    "/bot123456789:CANARYCANARYCANARYCANARYCANARYCAN/sendMessage": "CANARY",
    "https://hooks.slack.com/services/T0/B0/CANARY": "CANARY",
    "curl --user admin:CANARY https://example.com/": "CANARY",
    "sshpass -p CANARY ssh example.com": "CANARY",
    "mysql -uroot -pCANARY app": "CANARY",
    "AUTH PLAIN CANARYCANARY==": "CANARY",
    "x-goog-iap-jwt-assertion: CANARY": "CANARY",
    "pypi-CANARYCANARYCANARYCANARY": "CANARY",
    "-----BEGIN PGP PRIVATE KEY BLOCK----- CANARY -----END": "CANARY",
    # A line of a key that stands over several, each an event of its own.
    _KEY_LINE: "CANARY",
    f"2025-02-06T05:32:07Z stdout F {_KEY_LINE}": "CANARY",
    f'{{"log":"{_KEY_LINE}\\n","stream":"stdout"}}': "CANARY",
}
ORDINARY = [
    "GET /app/admin HTTP/1.1",
    "no user/password was provided for basic authentication",
    "tokens were exchanged, 3 secrets rotated",
    "CSRF verification failed. Request aborted.",
    "/assets/key.js?v=12",
    '"ruleId":"SizeRestrictions_BODY"',
    "Access denied for user 'root'@'localhost' (using password: YES)",
    "SyntaxError: Unexpected token: end of input",
    "token: expired, secret: missing",
    "upstream code=502 state=open key=page:1 pin=1234",
    "GET /item?code=12345&key=7 HTTP/1.1",
    "worker exited with code 137",
    "Failed password for invalid user admin from 192.0.2.7 port 22 ssh2",
    "nginx -u www-data --auth-module",
    "docker run --user 1000:1000 example",
    '"cs(Cookie)":"-","tokens":12,"signature_version":"SigV4","auth":true',
    "http://example.com:8080/@scope/package",
    "proxy_pass http://192.0.2.1:8000; passes=12",
    "/verify/orders/2025-02",
    "digest: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "/static/aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3a HTTP/1.1",
    '"cookies":[],"queryString":[{"name":"page","value":"2"}]',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_moves_or_hides_is_left(text: str) -> None:
    shown = escape.shown(text)
    assert shown.isprintable()
    assert all(ord(c) not in range(0xFE00, 0xFE10) for c in shown)


@given(st.text())
def test_visible_text_has_no_control_or_format_character(text: str) -> None:
    categories = {unicodedata.category(c) for c in escape.visible(text)}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_plain_ascii_is_left_alone(text: str) -> None:
    assert escape.visible(text) == text


def test_japanese_is_left_alone() -> None:
    text = "不正な\u3000アクセス：管理画面"
    assert escape.shown(text) == text


def test_what_was_there_stays_readable() -> None:
    assert escape.visible("\x1b[31mred\u202e") == "\\x1b[31mred\\u202e"


@pytest.mark.parametrize(("text", "canary"), SECRETS.items())
def test_credentials_are_not_shown(text: str, canary: str) -> None:
    shown = escape.shown(text)
    assert canary not in shown
    assert "[redacted, " in shown


@pytest.mark.parametrize("text", SECRETS)
def test_columns_are_redacted_like_texts(text: str) -> None:
    frame = pl.DataFrame({"a": [text, None, "plain"], "n": [-1, 2, 3]})
    guarded = escape.guarded(frame, secrets=False, formulas=True)
    assert guarded["a"].to_list() == [escape.redacted(text), None, "plain"]
    assert guarded["n"].to_list() == [-1, 2, 3]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_lines_keep_every_word(text: str) -> None:
    assert escape.shown(text) == text


@given(st.text())
def test_redaction_is_stable(text: str) -> None:
    once = escape.redacted(text)
    assert escape.redacted(once) == once


@pytest.mark.parametrize("head", list("=+-@\t\r＝＋－＠"))
def test_no_cell_is_a_formula(head: str) -> None:
    frame = pl.DataFrame({"a": [f"{head}cmd|' /C calc'!A0", "safe"]})
    cells = escape.guarded(frame, secrets=True, formulas=False)["a"].to_list()
    head = {"\t": r"\t", "\r": r"\r"}.get(head, head)
    assert cells == [f"'{head}cmd|' /C calc'!A0", "safe"]


CUT = [text for text in SECRETS if '"CANARY"' not in text or "matched" in text]


@pytest.mark.parametrize("text", [t for t in CUT if t.endswith(("'}", '"', '"]'))])
def test_cut_texts_hide_what_they_still_hold(text: str) -> None:
    for end in range(text.index("CANARY") + 3, len(text)):
        assert "CAN" not in escape.shown(text[:end])


def test_long_text_is_cut_and_counted() -> None:
    assert escape.cut("a" * 50, 30) == "a" * 17 + "… (+20 chars)"
    assert len(escape.cut("\x1b" * 500, 40)) == 40


@given(st.text())
def test_a_code_span_ends_where_it_should(text: str) -> None:
    span = escape.code(text)
    fence = span[: len(span) - len(span.lstrip("`"))]
    assert fence not in span[len(fence) : -len(fence)].replace(fence + "`", "")


def test_markdown_has_no_live_markup() -> None:
    text = "[a](https://example.com) <img> **b** @all | www.example.com #1"
    escaped = escape.markdown(text)
    for live in ("[a](", " <img", " **b", " @all", " | ", "https://", "www.", " #1"):
        assert live not in escaped


@given(st.recursive(st.text() | st.integers(-(2**53), 2**53), st.lists))
def test_json_parses_to_the_same_value(value: object) -> None:
    text = escape.json_text({"v": value}, secrets=True)
    assert json.loads(text) == {"v": value}
    assert all(c.isprintable() for c in text.replace("\n", ""))


def test_json_holds_no_credential() -> None:
    told = {"v": ["token=CANARY", {"a": "Cookie: a=CANARY"}], "cookie": ["CANARY"]}
    assert "CANARY" not in escape.json_text(told)


def test_a_column_whose_name_tells_a_credential_is_hidden() -> None:
    frame = pl.DataFrame({"cookie": ["CANARY", "-"], "labels": [["token=CANARY"], []]})
    guarded = escape.guarded(frame, secrets=False, formulas=True)
    assert guarded["cookie"].to_list() == ["[redacted, 6 chars]", "-"]
    assert guarded["labels"].to_list() == [["token=[redacted, 6 chars]"], []]


def test_what_was_hidden_is_hidden_once() -> None:
    text = "GET /a?token=CANARY7 HTTP/1.1"
    assert escape.shown(text) == "GET /a?token=[redacted, 7 chars] HTTP/1.1"


BUSY = ["?code=", "x-", "api-", "password ", "' ", "--token ", '"name":"', 'pass: "']
BUSY += ["a", "\\", "%22", '("token","', "%3a%2f%2f", "://:", "/reset/", 'cookie=a="']


@pytest.mark.parametrize("piece", BUSY)
def test_a_text_made_to_keep_an_expression_busy_does_not(piece: str) -> None:
    """T55: credentials are looked for in as much text as one event can hold."""
    begun = time.process_time()
    escape.redacted(piece * (60_000 // len(piece)) + " token")
    assert time.process_time() - begun < 2
