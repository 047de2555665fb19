"""What scripts within a web server write: the gateways that stand on OpenResty.

Kong and APISIX choose the server behind them in Lua, and answer by themselves where
there is none; nginx's own words for that never come up.
"""

from forensic.hops.kind import SCRIPT_REFUSED, WEB, Kind

__all__ = ["SCRIPTED"]

SCRIPTED = [
    Kind("lua", WEB, r"lua entry thread aborted|js exception: ", "exception", (500,)),
    Kind(
        "lua_resolver",
        WEB,
        # Kong's.
        r"\[lua\] [^\n]*failed the initial dns/balancer resolve for ",
        "bad_gateway",
        (503, 502, 500),
    ),
    Kind(
        "no_peer",
        WEB,
        # Kong's, APISIX's, and those of the ingress controller of Kubernetes.
        r"\[lua\] [^\n]*(?:failure to get a peer from the|balancer not found for "
        r"|no valid upstream node|failed to pick server: |no peer was returned"
        r"|failed to find valid upstream server)",
        "no_target",
        (503, 502, 500),
    ),
    # A script in words of its own.
    Kind(
        SCRIPT_REFUSED,
        WEB,
        r"\[(?:lua|kong)\] [^\n]*?(?i:\b(?:block(?:ed|ing)?|den(?:y|ied)|forbidden"
        r"|reject(?:ed)?|banned|not allowed|unauthori[sz]ed)\b)",
        "access_forbidden",
        (403, 401, 405, 406, 418, 429, 444, 451, 503),
    ),
]
