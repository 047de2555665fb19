"""What claims a file, by its first bytes."""

import orjson
import pytest

from forensic.sniff import sniff

_MESSAGE = (
    b'{"timestamp":1738819927123,"action":"BLOCK","terminatingRuleId":"r",'
    b'"httpRequest":{"clientIp":"203.0.113.9","uri":"/app/admin"}}'
)
_EVENT = {"timestamp": 1738819927123, "message": _MESSAGE.decode(), "eventId": "1"}


@pytest.mark.parametrize("option", [orjson.OPT_INDENT_2, 0])
def test_a_document_longer_than_its_sample_is_known_by_what_is_whole(
    option: int,
) -> None:
    document = orjson.dumps({"events": [_EVENT] * 50}, option=option)
    found = sniff(document[: len(document) // 2], "waf.json", [])
    assert found is not None
    assert found.formats[0] == "cloudwatch_json"
    assert found.payloads[0] == "aws_waf"
