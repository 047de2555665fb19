"""The size of an answer's body ▶ whether it is the page that a web server itself sends.

nginx's and lighttpd's pages differ by status and name alone.
"""

import polars as pl

from forensic.hops.between import STATUS
from forensic.hops.table import sure_of

__all__ = ["other_page", "own_page"]

#: The bytes of nginx's own error page: markup, twice the title, the server's name
#: (`nginx`, `nginx/1.22.1`, `nginx/1.18.0 (Ubuntu)`; before 1.15 with a colour).
_MARKUP = [115, 131]
#: What it adds for Chrome and Internet Explorer, lest they show a page of their own.
_PADDING = [0, 6 * 67]
_NAMES = [5, 11, 12, 13, 20, 21, 22]
_TITLES = {
    400: "400 Bad Request",
    401: "401 Authorization Required",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Not Allowed",
    413: "413 Request Entity Too Large",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
#: 22 bytes and the old markup make 179, which is what Django sends for a 404.
_FORMS = {(markup, name) for markup in _MARKUP for name in _NAMES} - {(131, 22)}
_PAGES = {
    status: [
        markup + 2 * len(title) + name + padding
        for markup, name in sorted(_FORMS)
        for padding in _PADDING
    ]
    for status, title in _TITLES.items()
}
#: lighttpd's page: markup, and twice the title.
_LIGHTTPD = 315
_LIGHTTPD_TITLES = {
    **{status: _TITLES[status] for status in (400, 403, 404, 429, 500, 502)},
    401: "401 Unauthorized",
    405: "405 Method Not Allowed",
    413: "413 Payload Too Large",
    503: "503 Service Unavailable",
    504: "504 Gateway Timeout",
}
_SIZE = pl.col("web_bytes_sent")


def own_page() -> pl.Expr:
    """Whether the body has the size of the page that the web server itself sends."""
    found = pl.lit(value=False)
    for status, sizes in _PAGES.items():
        found |= (STATUS == status) & _SIZE.is_in(sizes)
    # Its access log looks like Apache's.
    alike = pl.col("web_format") == "apache_access"
    for status, title in _LIGHTTPD_TITLES.items():
        size = _LIGHTTPD + 2 * len(title)
        found |= alike & (STATUS == status) & (_SIZE == size)
    return sure_of(found)


def other_page() -> pl.Expr:
    """Whether it is nginx that answers, with a body of another size than its page's."""
    nginx = pl.col("web_format").str.starts_with("nginx")
    return sure_of(nginx & STATUS.is_in(list(_PAGES)) & (_SIZE > 0)) & ~own_page()
