"""Exports of settings and bills ▶ which hops they name, and where those log.

`describe-*` and `get-*` JSON, Terraform and cost CSV are no logs, and no format reads
them. But they say that a web ACL or a load balancer is there at all, how it is called
and whether it logs: what to ask for can then be said by name.
"""

import re
from collections.abc import Iterable, Mapping

from forensic.wish import hop_of

__all__ = ["MOST", "addressed", "named", "placed"]

#: Bytes of one file that are looked through.
MOST = 1 << 20
_ARN = r"arn:aws[\w-]*:"
#: What is told of a hop ▶ the texts that say it; a group is its name.
_SIGNS: dict[str, list[tuple[str, str]]] = {
    "waf": [
        ("web ACL {}", rf"{_ARN}wafv2:[\w-]*:\d*:(?:regional|global)/webacl/([\w-]+)/"),
        ("web ACL {} (Terraform)", r'resource\s+"aws_wafv2_web_acl"\s+"([\w-]+)"'),
        ("log destination {}", rf'"{_ARN}[^"]*[:/](aws-waf-logs-[\w.-]+)'),
        ("it is billed", r"(?m)^.*\bWAF ?\(\$\)|^\"?(?:AWS )?WAF\"?,"),
    ],
    "load_balancer": [
        (
            "load balancer {}",
            rf"{_ARN}elasticloadbalancing:[^\"]*?:loadbalancer/([\w/-]+)",
        ),
        (
            "load balancer {} (Terraform)",
            r'resource\s+"aws_(?:alb|lb|elb)"\s+"([\w-]+)"',
        ),
        (
            "log bucket {}",
            (
                r'"Key":\s*"access_logs\.s3\.bucket",\s*"Value":\s*"([^"]+)"'
                r'|"Value":\s*"([^"]+)",\s*"Key":\s*"access_logs\.s3\.bucket"'
            ),
        ),
        (
            "its access log is switched off",
            (
                r'"Key":\s*"access_logs\.s3\.enabled",\s*"Value":\s*"false"'
                r'|"Value":\s*"false",\s*"Key":\s*"access_logs\.s3\.enabled"'
            ),
        ),
        ("it is billed", r"(?m)^.*\bLoad Balanc(?:ing|er) ?\(\$\)"),
    ],
    "cdn": [
        ("distribution {}", rf"{_ARN}cloudfront::\d*:distribution/(\w+)"),
        (
            "distribution {} (Terraform)",
            r'resource\s+"aws_cloudfront_distribution"\s+"([\w-]+)"',
        ),
        ("it is billed", r"(?m)^.*\bCloudFront ?\(\$\)"),
    ],
}
_FOUND = {
    hop: [(words, re.compile(pattern)) for words, pattern in signs]
    for hop, signs in _SIGNS.items()
}
#: Names that are told of one hop.
_SAID = 4


def named(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Hop ▶ what the texts, by their file, say of it."""
    found: dict[str, dict[str, None]] = {}
    for source, text in sorted(texts.items()):
        for hop, signs in _FOUND.items():
            for words, pattern in signs:
                for sign in pattern.finditer(text):
                    name = next((group for group in sign.groups() if group), "")
                    found.setdefault(hop, {})[f"{words.format(name)} in {source}"] = (
                        None
                    )
    return {hop: list(said)[:_SAID] for hop, said in found.items()}


def placed(wishes: Iterable[str], said: Mapping[str, list[str]]) -> list[str]:
    """The wishes, each with what is known of the hop whose log it asks for."""
    told = []
    for wish in wishes:
        known = said.get(hop_of(wish) or "")
        told.append(f"{wish}. The archive names: {'; '.join(known)}" if known else wish)
    return told


#: How AWS's services name what they deliver: the account, then the region.
_DELIVERED = re.compile(
    r"(?:^|[/_])([0-9]{12})[/_](?:WAFLogs|waflogs|elasticloadbalancing|vpcflowlogs"
    r"|CloudTrail)[/_]([a-z]{2}(?:-[a-z]+)+-[0-9]+)[/_]"
)


def addressed(wishes: Iterable[str], sources: Iterable[str]) -> list[str]:
    """The wishes for AWS's logs with account and region.

    Where the names of what was delivered tell just one of each. A web ACL may be of a
    distribution, and is in no region then.
    """
    found = [place for name in sources if (place := _DELIVERED.search(name))]
    accounts, regions = ({place[number] for place in found} for number in (1, 2))
    told = list(wishes)
    if len(accounts) == 1:
        told = [wish.replace("/ACCOUNT/", f"/{min(accounts)}/") for wish in told]
    if len(regions) == 1:
        here = f"elasticloadbalancing/{min(regions)}/"
        told = [wish.replace("elasticloadbalancing/REGION/", here) for wish in told]
    return told
