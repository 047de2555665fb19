"""The size of an answer's body ▶ whether it is the page that a web server itself sends.

nginx's and lighttpd's pages differ by status and name alone.
"""

from collections.abc import Iterable

import polars as pl

from forensic.hops.between import STATUS
from forensic.hops.table import sure_of

__all__ = ["other_page", "own_page", "with_reason"]

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
    406: "406 Not Acceptable",
    408: "408 Request Time-out",
    409: "409 Conflict",
    410: "410 Gone",
    411: "411 Length Required",
    412: "412 Precondition Failed",
    413: "413 Request Entity Too Large",
    414: "414 Request-URI Too Large",
    415: "415 Unsupported Media Type",
    416: "416 Requested Range Not Satisfiable",
    421: "421 Misdirected Request",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    501: "501 Not Implemented",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
    505: "505 HTTP Version Not Supported",
    507: "507 Insufficient Storage",
}
#: What it says below the title of a 400 that it logs under another number, 494 to 497,
#: where its configuration asks for that: title and line are longer by so much.
_REASONS = [
    "Request Header Or Cookie Too Large",
    "The SSL certificate error",
    "No required SSL certificate was sent",
    "The plain HTTP request was sent to HTTPS port",
]
_SAID_BELOW = len("<center></center>\r\n")
#: 22 bytes and the old markup make 179, which is what Django sends for a 404.
_FORMS = {(markup, name) for markup in _MARKUP for name in _NAMES} - {(131, 22)}


def _sizes(titles: int) -> list[int]:
    """The bytes of pages whose titles have so many, whatever the server's name."""
    return [
        markup + titles + name + padding
        for markup, name in sorted(_FORMS)
        for padding in _PADDING
    ]


#: More than any status: a size and a status are one number, so that one look tells.
_PLACE = 1_000


_PAGES = {status: _sizes(2 * len(title)) for status, title in _TITLES.items()}
_BAD = _TITLES[400]
_REASONED = {
    reason: _sizes(len("400 " + reason) + len(_BAD) + len(reason) + _SAID_BELOW)
    for reason in _REASONS
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


_NGINX = pl.col("web_format").str.starts_with("nginx")


def with_reason(text: str) -> pl.Expr:
    """The text, and behind it what nginx's page of that size says, if just one does."""
    said = pl.lit("")
    for reason, sizes in _REASONED.items():
        others = [
            size for other in _REASONED if other != reason for size in _REASONED[other]
        ]
        own = sorted({*sizes} - {*others, *_PAGES[400]})
        more = f'; by its size the page says "{reason}"'
        said = pl.when(_SIZE.is_in(own)).then(pl.lit(more)).otherwise(said)
    said = pl.when(sure_of(_NGINX & (STATUS == 400))).then(said).otherwise(pl.lit(""))
    return pl.concat_str(pl.lit(text), said)


def _is_one_of(pages: Iterable[tuple[int, int]]) -> pl.Expr:
    """Whether status and size are one of these pairs."""
    numbers = sorted({size * _PLACE + status for status, size in pages})
    near = _SIZE <= numbers[-1] // _PLACE
    return near & (_SIZE * _PLACE + STATUS.cast(pl.Int64)).is_in(numbers)


def own_page() -> pl.Expr:
    """Whether the body has the size of the page that the web server itself sends."""
    reasoned = sorted({size for sizes in _REASONED.values() for size in sizes})
    found = _NGINX & (STATUS == 400) & _SIZE.is_in(reasoned)
    # The access log of lighttpd looks like Apache's, whose pages have any size.
    alike = (pl.col("web_format") == "apache_access").fill_null(value=False)
    pages = [(status, size) for status, sizes in _PAGES.items() for size in sizes]
    found |= ~alike & _is_one_of(pages)
    titles = _LIGHTTPD_TITLES.items()
    found |= alike & _is_one_of((s, _LIGHTTPD + 2 * len(title)) for s, title in titles)
    return sure_of(found)


def other_page() -> pl.Expr:
    """Whether it is nginx that answers, with a body of another size than its page's."""
    return sure_of(_NGINX & STATUS.is_in(list(_PAGES)) & (_SIZE > 0)) & ~own_page()
