"""ALB rows ▶ their fields as texts.

Fields are only ever added at the end. Rows with quotes where they belong are split
at the quotes; the others (a raw quote in a URL or user agent) are read from both
ends, so that what the client wrote can not move into the fields behind it.
"""

import polars as pl

__all__ = ["ANCHORED", "anchored", "split"]

_LEFT = [
    "type",
    "time",
    "elb",
    "client",
    "target",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
]
#: Quoted fields in order; before `trace_id` stand three bare ones, before
#: `actions_executed` two, before `transformed_host` one.
_QUOTED = [
    "request",
    "user_agent",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target_port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "transformed_host",
    "transformed_uri",
    "request_transform_status",
]
_BARE = {
    4: ["ssl_cipher", "ssl_protocol", "target_group_arn"],
    10: ["matched_rule_priority", "request_creation_time"],
    24: ["conn_trace_id"],
}
#: Quotes in a sound row of each age.
_AGES = [4, 6, 10, 16, 20, 24, 30]
_MOST = max(_AGES)

_NUMBER = r"(-?[\d.]+|-)"
_ITEM = r'("[^"]*"|\S+)'
#: A row read from both ends. What a client wrote stands in the two `.*` only.
ANCHORED = (
    r"^(\S+) (\S+) (\S+) (\S+) (\S+)"
    + f" {_NUMBER}" * 3
    + r" (\S+) (\S+)"
    + f" {_NUMBER}" * 2
    + r' "(.*?(?: HTTP/[\d.]+| -|- ?))" "(.*)" (\S+) (\S+) (-|arn:\S+)'
    + r'(?: "([^"]*)"(?: "([^"]*)" "([^"]*)" (-|-?\d+) (-|[\dT:.-]+Z)'
    + r'(?: "([^"]*)" "([^"]*)" "([^"]*)"'
    + f"(?: {_ITEM} {_ITEM}(?: {_ITEM} {_ITEM}(?: (TID_\\S+)"
    + f"(?: {_ITEM} {_ITEM} {_ITEM}(?: .*)?)?)?)?)?)?)?)?$"
)
_ANCHORED_FIELDS = [
    *_LEFT,
    *_QUOTED[:2],
    *_BARE[4],
    *_QUOTED[2:5],
    *_BARE[10],
    *_QUOTED[5:12],
    *_BARE[24],
    *_QUOTED[12:],
]


def split(lines: pl.Series) -> pl.DataFrame:
    """The fields of rows whose quotes are where they belong, and `sound`."""
    frame = lines.to_frame("line").select(
        pl.col("line").str.count_matches('"', literal=True).alias("quotes"),
        pl.col("line").str.split_exact('"', _MOST).alias("part"),
    )
    frame = frame.unnest("part")
    part = [pl.col(f"field_{number}") for number in range(_MOST + 1)]
    bare = {
        at: part[at].str.strip_chars_end(" ").str.split_exact(" ", len(names) + 1)
        for at, names in _BARE.items()
    }
    frame = frame.with_columns(
        part[0].str.split_exact(" ", len(_LEFT) + 1).alias("left"),
        *(fields.alias(f"bare_{at}") for at, fields in bare.items()),
    )
    left = pl.col("left").struct
    sound = [
        pl.col("quotes").is_in(_AGES),
        left.field(f"field_{len(_LEFT)}") == "",
        left.field(f"field_{len(_LEFT) + 1}").is_null(),
    ]
    fields = [left.field(f"field_{n}").alias(name) for n, name in enumerate(_LEFT)]
    fields += [part[2 * n + 1].alias(name) for n, name in enumerate(_QUOTED)]
    for at, names in _BARE.items():
        inner = pl.col(f"bare_{at}").struct
        fields += [
            inner.field(f"field_{n + 1}").alias(n_) for n, n_ in enumerate(names)
        ]
        whole = inner.field(f"field_{len(names)}").is_not_null()
        surplus = inner.field(f"field_{len(names) + 1}").is_not_null()
        starts = inner.field("field_0") == ""
        absent = pl.col("quotes") <= at
        sound.append(absent | (starts & whole & ~surplus))
    sound += [
        (pl.col("quotes") <= at) | (part[at] == " ")
        for at in range(2, _MOST, 2)
        if at not in _BARE
    ]
    return frame.select(*fields, sound=pl.all_horizontal(sound).fill_null(value=False))


def anchored(lines: pl.Series) -> pl.DataFrame:
    """The fields of rows that hold raw quotes, read from both ends."""
    groups = lines.str.extract_groups(ANCHORED).struct.unnest()
    fields = groups.rename(dict(zip(groups.columns, _ANCHORED_FIELDS, strict=True)))
    between = fields["request"] + '" "' + fields["user_agent"]
    return fields.with_columns(
        pl.col(_QUOTED).str.strip_chars('"'),
        sound=fields["type"].is_not_null(),
        doubtful=between.str.count_matches('" "', literal=True) > 1,
    )
