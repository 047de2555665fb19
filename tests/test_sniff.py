"""What claims a file, by its first bytes."""

import time

import orjson
import polars as pl
import pytest

from forensic.fields.date_order import date_order, day_in_name
from forensic.formats import load
from forensic.matching import matches
from forensic.sniff import family, fits, is_binary, sniff

_MESSAGE = (
    b'{"timestamp":1738819927123,"action":"BLOCK","terminatingRuleId":"r",'
    b'"httpRequest":{"clientIp":"203.0.113.9","uri":"/app/admin"}}'
)
_EVENT = {
    "eventId": "1",
    "ingestionTime": 1738819929999,
    "timestamp": 1738819927123,
    "message": _MESSAGE.decode(),
}


@pytest.mark.parametrize("option", [orjson.OPT_INDENT_2, 0])
def test_a_document_longer_than_its_sample_is_known_by_what_is_whole(
    option: int,
) -> None:
    document = orjson.dumps({"events": [_EVENT] * 50}, option=option)
    found = sniff(document[: len(document) // 2], "export.json", [])
    assert found is not None
    assert found.formats[0] == "cloudwatch_json"
    assert found.payloads[0] == "aws_waf"


ACCESS = b'192.0.2.1 - - [06/Feb/2025:14:32:07 +0900] "GET / HTTP/1.1" 200 1 "-" "x"\n'
PYTHON = b"2025-02-06 14:32:45,136 INFO app hello\n"


def test_the_format_that_parses_most_comes_first() -> None:
    found = sniff(PYTHON * 3 + ACCESS * 9, "mixed.log", [])
    assert found is not None
    assert ("nginx_access", "python_logging") == found.formats


def test_rows_below_a_header_are_no_lines_in_quotes() -> None:
    """The stamp in front of a row is the store's, and the line its last cell."""
    header = b'"_time",host,source,sourcetype,"_raw"\n'
    row = b'"2025-02-06T14:32:07.756+0900",web1,/var/log/nginx/access.log,nginx,"%s"\n'
    rows = [row % ACCESS.strip().replace(b'"', b'""')] * 9
    found = sniff(header + b"".join(rows), "1754301000_12.csv", [])
    assert found is not None
    assert found.formats[0].startswith("cloudwatch_csv:")


def test_a_file_and_a_number_before_a_request_are_no_client_of_it() -> None:
    found = sniff(b"/var/log/nginx/access.log:8812:" + ACCESS, "pasted.txt", [])
    assert found is not None
    assert (found.formats[0], found.payloads[0]) == ("grep_output", "nginx_access")
    # OpenStack: the rotated file's own stamp leads, and its minute is no line's number.
    line = b"nova.log.1.2025-02-06_13:53:08 2025-02-06 14:32:00.008 812 INFO nova.x a\n"
    found = sniff(line * 9, "openstack.log", [])
    assert found is not None
    assert found.formats[0] == "python_logging"


def test_a_stamp_before_a_request_is_no_envelope_of_it() -> None:
    """A site's own `log_format`, parted by tabs, begins as lines of Loki do."""
    own = b"2025-02-06T14:32:07+09:00\t%s\tGET /x HTTP/1.1\t503\t206\t-\tx\t0.001\n"
    rows = b"".join(own % f"203.0.113.{n}".encode() for n in range(1, 9))
    found = sniff(rows, "logs/tab_access.log", [])
    assert found is not None
    assert found.formats == ("access_like",)
    carried = b"".join(b"2025-02-06T14:32:07+09:00\t" + ACCESS for _ in range(9))
    found = sniff(carried, "explore.txt", [])
    assert found is not None
    assert found.formats[0] == "loki_text"


def test_requests_among_texts_of_one_export_are_known_for_what_they_are() -> None:
    """An application's JSON would read them all."""
    run = "projects/demo/logs/run.googleapis.com%2F"
    asked = {"requestMethod": "GET", "requestUrl": "https://a/x", "status": 200}
    entry = {"timestamp": "2025-02-06T05:32:07Z", "severity": "INFO"}
    text = entry | {"logName": f"{run}stdout", "textPayload": "order 7 saved"}
    request = entry | {"logName": f"{run}requests", "httpRequest": asked}
    found = sniff(orjson.dumps([text, text, text, request]), "logs.json", [])
    assert found is not None
    assert found.formats == ("cloud_run", "app_json")


def test_what_is_no_log_is_claimed_by_nothing() -> None:
    code = b"import logging\n\n\ndef f(x):\n    return {'a': x}\n" * 20
    assert sniff(code, "app.py", []) is None
    assert (
        sniff(b"# Title\n\nSome words, and more of them.\n" * 9, "README.md", [])
        is None
    )
    assert is_binary(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0")
    assert not is_binary("日本語のログ\n".encode())


def test_files_of_a_series_share_what_was_found() -> None:
    one, two = (
        "S/2025/02/06/05/x_20250206T0530Z_67a4.log.gz",
        "S/2025/02/07/11/x_20250207T1135Z_0fb2.log.gz",
    )
    assert family(one) == family(two)
    assert family("nginx/access.log.1") != family("nginx/error.log.1")
    found = sniff(ACCESS * 3, one, [])
    assert found is not None
    assert fits(found, ACCESS * 5)
    assert not fits(found, PYTHON * 5)
    assert not fits(found, b"[\n" + ACCESS)


def test_lines_made_to_keep_an_expression_busy_do_not() -> None:
    line = '{"log":' * 4000
    began = time.process_time()
    found = matches(pl.Series([line] * 50), load("docker_json").head)
    assert not found.any()
    assert time.process_time() - began < 5


def test_records_below_a_few_words_are_found() -> None:
    record = b'{\n  "timestamp": "2025-02-06T05:32:07Z",\n  "level": "error",\n'
    head = b"Our log says:\n```json\n" + record + b'  "message": "no stock"\n}\n```\n'
    found = sniff(head, "ticket.md", [])
    assert found is not None
    assert (found.formats, found.framing) == (("app_json",), "json")


@pytest.mark.parametrize(
    ("line", "outer"),
    [
        (
            b"2025-05-20T09:45:31.400Z  WARN 1 --- [orders] [exec-7] o.h.Sql : Error",
            "python_logging",
        ),
        (b"2025-02-06T05:32:07.136Z  INFO orders: saved", "python_logging"),
        (b"2025-02-06T05:32:07.020000+00:00 web/i-0abc ready", "cloudwatch_export"),
        (
            b"2025-02-06T03:00:00.586Z START RequestId: 9ff6f430 Version: $LATEST",
            "cloudwatch_export",
        ),
        (b"2025-02-06T05:32:07.020000+00:00 web1 nginx: " + ACCESS, "syslog"),
        (b"2025-02-06T05:32:07.020000+00:00 web1 app[812]: ready", "syslog"),
    ],
    ids=["Spring Boot", "level", "stream", "Lambda", "nginx", "program"],
)
def test_what_stands_behind_a_stamp_tells_whose_it_is(line: bytes, outer: str) -> None:
    """An application's lines, syslog's, and CloudWatch's print begin alike."""
    found = sniff((line.strip() + b"\n") * 9, "logs/application.txt", [])
    assert found is not None
    assert found.formats[0] == outer


def test_caddy_s_own_words_are_its_own_wherever_they_lie() -> None:
    lines = (
        b'{"level":"info","ts":1738819960.1,"msg":"using provided configuration"}\n'
        b'{"level":"warn","ts":1738819960.2,"logger":"http","msg":"automatic HTTPS is'
        b' completely disabled for server","server_name":"srv0"}\n'
        b'{"level":"info","ts":1738819960.3,"logger":"tls","msg":"cleaning storage"}\n'
        b'{"level":"info","ts":1738819960.4,"msg":"serving initial configuration"}\n'
    )
    found = sniff(lines, "logs/out.log", [])
    assert found
    assert found.formats == ("caddy",)


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        ("02/06/2025 02/13/2025", "mdy"),
        ("13/02/2025 14/02/2025", "dmy"),
        ("13/02/2025 02/13/2025", ""),  # both cannot be
        ("06/02/2025 06/02/2025", ""),  # one day tells nothing
        ("05/02/2025 06/02/2025 07/02/2025", "dmy"),  # else it leaps over months
        ("02/05/2025 02/06/2025 02/07/2025", "mdy"),
        ("05.02.2025 06.02.2025", "dmy"),
        ("02/06/2025 06/02/2025", ""),  # leaps, whichever
        ("2025/02/06 2025/02/07", ""),
    ],
)
def test_dates_together_tell_whether_the_day_is_first(dates: str, order: str) -> None:
    log = "".join(f"{date} 14:32:07 INFO ok\n" for date in dates.split())
    assert date_order(log.encode()) == order


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("log20250206.txt", "2025-02-06"),
        ("2025-01-01/shop-2025_02_06.log", "2025-02-06"),
        ("shop.log.2025-13-06", ""),
        ("id-12025020699.log", ""),
        ("access.log", ""),
    ],
)
def test_a_name_tells_a_day(name: str, day: str) -> None:
    assert day_in_name(name) == day


@pytest.mark.parametrize(
    ("day", "date", "read"),
    [
        ("2025-10-06", "10/06/2025", "2025-10-06"),
        ("2025-10-06", "06/10/2025", "2025-10-06"),
        ("2025-10-06", "10/09/2025", "2025-10-09"),  # of the same series
        ("2025-10-06", "04/04/2025", "2025-04-04"),
        ("2025-10-06", "14/13/2025", None),
        ("2025-07-21", "06/08/2025", None),  # each is as near
    ],
)
def test_the_day_in_a_name_tells_the_order(
    day: str, date: str, read: str | None
) -> None:
    lines = pl.Series([f"{date} 14:32:07 INFO ok"])
    found = load(f"written_dates:{day}").parse(lines)["local_time"][0]
    assert (found and str(found.date())) == read
