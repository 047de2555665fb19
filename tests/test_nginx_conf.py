"""nginx_conf: directives, formats and the logs that use them."""

from pathlib import Path

from forensic.events.configuration import Configuration, survey
from forensic.nginx_conf import directives, read_configuration

MAIN = rb"""
# log_format off '$nothing';
http {
    log_format main '$remote_addr - $remote_user [$time_local] "$request" '  # first
                    "$status \"quoted\" ${body_bytes_sent}\t"
                    rt=$request_time;
    log_format js escape=json '{"t":"$time_iso8601"}';
    access_log /var/log/nginx/access.log main buffer=32k;
    error_log /var/log/nginx/error.log warn;
    include conf.d/*.conf;
}
"""
SITE = rb"""
server { access_log /var/log/nginx/${host}_json.log js if=$loggable;
  location / { access_log off; } location /x { access_log logs/plain.log; } }
"""
FILES = {"web1/etc/nginx/nginx.conf": MAIN, "web1/etc/nginx/conf.d/site.conf": SITE}


def test_a_format_is_its_strings_without_anything_between() -> None:
    form = read_configuration(FILES).formats[0]
    assert form.name == "main"
    assert form.text == (
        '$remote_addr - $remote_user [$time_local] "$request" '
        '$status "quoted" ${body_bytes_sent}\trt=$request_time'
    )


def test_a_log_finds_its_format_by_path() -> None:
    configuration = read_configuration(FILES)
    main, json = configuration.formats
    rotated = "web1/var/log/nginx/access.log-20250206.gz"
    assert configuration.templates(rotated) == [main.template]
    by_host = configuration.templates("web1/var/log/nginx/example.com_json.log.1")
    assert by_host == ['escape=json {"t":"$time_iso8601"}']
    assert json.escape == "json"
    assert configuration.templates("web1/var/log/nginx/plain.log") == []
    assert configuration.templates("web1/var/log/syslog") == []


def test_the_nearest_definition_of_a_name_wins() -> None:
    line = b"log_format main '%s$status'; access_log /var/log/nginx/access.log main;"
    files = {f"{host}/nginx.conf": line % host.encode() for host in ("web1", "web2")}
    configuration = read_configuration(files)
    assert configuration.templates("web1/nginx/access.log")[0] == "web1$status"
    assert configuration.templates("web2/nginx/access.log")[0] == "web2$status"


def test_broken_text_ends_quietly() -> None:
    text = "a 'b;\n } } ; \\ \x00 \"log_format x y;"
    assert all(words for words in directives(text))
    assert read_configuration({"x.conf": b"\xff\xfe log_format"}).formats == ()


def test_what_nginx_says_before_its_configuration_is_no_directive(
    tmp_path: Path,
) -> None:
    said = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n"
    text = f"{said}# configuration file a.conf:\nhttp {{ log_format x $status; }}"
    assert next(directives(text)) == ["http"]
    for name in ("nginx-T.txt", "nginx_-T", "app.conf.txt", "default.conf.template"):
        (tmp_path / name).write_text(text)
    (tmp_path / "nginx-test.txt").write_text(text)
    assert len(survey([tmp_path]).nginx.formats) == 4


def test_a_format_of_thousands_of_values_is_not_tried() -> None:
    whole = "".join(f"log_format x{n} '{'$a ' * n}';" for n in (200, 201, 50_000))
    nginx = read_configuration({"nginx.conf": whole.encode()})
    keys = Configuration(nginx=nginx).templates("access.log")
    assert keys == [f"nginx_access:{'$a ' * 200}"]
