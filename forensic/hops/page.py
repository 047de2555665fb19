"""The size of an answer's body ▶ whether it is the page that nginx itself sends."""

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
_PAGES = {
    status: [
        markup + 2 * len(title) + name + padding
        for markup in _MARKUP
        for name in _NAMES
        for padding in _PADDING
    ]
    for status, title in _TITLES.items()
}
_SIZE = pl.col("web_bytes_sent")


def own_page() -> pl.Expr:
    """Whether the body has the size of the page that nginx itself sends."""
    found = pl.lit(value=False)
    for status, sizes in _PAGES.items():
        found |= (STATUS == status) & _SIZE.is_in(sizes)
    return sure_of(found)


def other_page() -> pl.Expr:
    """Whether it is nginx that answers, with a body of another size than its page's."""
    nginx = pl.col("web_format").str.starts_with("nginx")
    return sure_of(nginx & STATUS.is_in(list(_PAGES)) & (_SIZE > 0)) & ~own_page()
