"""What scripts within a web server write: the gateways that stand on OpenResty.

Kong and APISIX choose the server behind them in Lua, and answer by themselves where
there is none; nginx's own words for that never come up.
"""

from forensic.hops.kind import SCRIPT_REFUSED, WEB, Kind

__all__ = ["SCRIPTED"]

#: What a plugin's settings may make of a refusal.
_ANY = (503, 429, 403, 404, 401, 400, 405, 406, 409, 413, 418, 422, 500, 502, 504)

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
    # APISIX's plugins that end a request (apisix/plugin.lua), at level warn.
    *(
        Kind(
            f"plugin_{name}",
            WEB,
            rf"\[lua\] plugin\.lua:\d+: [\w.]+\(\): {plugin} exits with http status"
            rf" code {status}\b",
            cause,
            statuses,
        )
        for name, plugin, status, cause, statuses in (
            (
                "limit",
                r"(?:ai-rate-limiting|limit-[\w-]+)",
                r"\d+",
                "rate_limited",
                _ANY,
            ),
            ("firewall", "chaitin-waf", r"\d+", "waf_rule", _ANY),
            ("login", r"[\w-]+", "401", "auth_failed", (401,)),
            ("refusal", r"[\w-]+", "403", "access_forbidden", (403,)),
            ("wrong", r"[\w-]+", "400", "bad_request", (400,)),
            ("large", r"[\w-]+", "413", "body_too_large", (413,)),
            ("other", r"[\w-]+", r"[45]\d\d", "unknown", _ANY),
        )
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
