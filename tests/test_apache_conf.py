"""apache_conf, apache_format: `LogFormat`, the logs that use it, and their lines."""

from datetime import UTC, datetime

import polars as pl

from forensic import formats
from forensic.apache_conf import read_apache
from forensic.fields.apache_format import readable
from forensic.format import parsed

MAIN = rb"""
LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined
LogFormat "%{X-Forwarded-For}i %h %l %u %t \"%r\" %>s %b %D" proxied
# LogFormat "%h" nothing
<VirtualHost *:443>
    CustomLog ${APACHE_LOG_DIR}/shop_access.log proxied
    CustomLog "|/usr/bin/rotatelogs -l /var/log/httpd/slow.%Y-%m-%d 86400" \
        "%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t%{%z}t %a %m %U%q %>s %B %{ms}T %L"
    CustomLog ${APACHE_LOG_DIR}/access.log combined
</VirtualHost>
"""


def _rows(template: str, *lines: str) -> pl.DataFrame:
    fmt = formats.load(f"apache_access:{template}")
    return parsed(fmt, pl.Series(lines))


def test_a_log_finds_its_format_by_path() -> None:
    found = read_apache({"etc/apache2/apache2.conf": MAIN})
    assert found.templates("var/log/apache2/access.log") == []  # read without one
    (template,) = found.templates("var/log/apache2/shop_access.log.2.gz")
    assert template.startswith("${http_x_forwarded_for} ${remote_addr} ${ident} ")
    assert len(found.templates("var/log/httpd/slow.2025-02-06")) == 1


def test_what_stands_before_the_client_and_behind_the_bytes_is_read() -> None:
    found = read_apache({"etc/apache2/apache2.conf": MAIN})
    (template,) = found.templates("shop_access.log")
    line = (
        "198.51.100.7, 10.1.1.9 10.1.1.210 - - [06/Feb/2025:14:32:07 +0900]"
        ' "GET /app/admin?a=b HTTP/1.1" 503 299 5003120'
    )
    rows = _rows(template, line, "198.51.100.7 is no such line")
    assert rows["refused"].to_list() == [None, "does not fit the LogFormat"]
    row = rows.row(0, named=True)
    assert row["client_ip"] == "10.1.1.210"
    assert row["forwarded_for"] == "198.51.100.7, 10.1.1.9"
    assert (row["path"], row["query"], row["status"]) == ("/app/admin", "a=b", 503)
    assert row["duration"] == 5.00312


def test_a_stamp_of_one_s_own_is_put_together() -> None:
    found = read_apache({"etc/apache2/apache2.conf": MAIN})
    (template,) = found.templates("slow.2025-02-06")
    rows = _rows(
        template,
        "2025-02-06T14:32:07.131+0900 203.0.113.9 GET /app/x?a=b 502 0 1204 Z6RJV-ab_1",
        "2025-02-06T14:32:08.001+0900 203.0.113.9 GET /app/x 200 17 3 Z6RJV-ab_2",
    )
    assert rows["refused"].null_count() == 2
    row = rows.row(0, named=True)
    local = datetime(2025, 2, 6, 14, 32, 7, 131000, tzinfo=UTC)
    assert row["local_time"].replace(tzinfo=UTC) == local
    assert row["utc_offset"] == 32400
    assert (row["path"], row["query"]) == ("/app/x", "a=b")
    assert (row["duration"], row["request_id"]) == (1.204, "Z6RJV-ab_1")
    assert rows["query"].to_list() == ["a=b", None]


def test_other_stamps() -> None:
    for form, written in (
        ("%{sec}t", "1738819927"),
        ("%{msec}t", "1738819927000"),
        ("%{%d/%b/%Y %T}t %{%z}t", "06/Feb/2025 14:32:07 +0900"),
        ("[%{%F %T %z}t]", "[2025-02-06 14:32:07 +0900]"),
    ):
        template = readable(form + " %h %>s %s %%")
        assert template is not None
        row = _rows(template, f"{written} 203.0.113.9 404 200 %").row(0, named=True)
        moment = row["local_time"].replace(tzinfo=UTC).timestamp() - row["utc_offset"]
        assert moment == 1738819927, form
        assert row["status"] == 404


def test_json_that_apache_writes() -> None:
    template = readable('{ "time":"%{%FT%T%z}t", "ip":"%a", "path":"%U", "took":%D }')
    assert template is not None
    line = '{ "time":"2025-02-06T14:32:07+0900", "ip":"203.0.113.9", "path":"/a \\"b", '
    row = _rows(template, line + '"took":1500 }').row(0, named=True)
    assert (row["client_ip"], row["duration"]) == ("203.0.113.9", 0.0015)


def test_broken_text_ends_quietly() -> None:
    for text in (
        b"LogFormat",
        b'CustomLog "',
        b"\xff\xfe LogFormat x y",
        b"CustomLog |",
    ):
        read_apache({"x.conf": text})
    assert readable("%{c}a costs $5") is None
    assert readable("none") is None
