"""In which words applications say no, each in its own.

They go with an answer that is there, and make none where no log has one.
"""

from forensic.hops.kinds import UNNAMED, Kind

__all__ = ["REFUSALS", "REFUSED"]

REFUSALS = [
    Kind(
        "throttled",
        f"app_server application {UNNAMED}",
        r"(?i:too many (?:requests|attempts)|throttl(?:ed|ing)"
        r"|rate[ -]?limit\w* (?:[^\n]{0,80} )?(?:exceeded|reached|hit)\b)",
        "application_response",
        (429,),
    ),
    Kind(
        "denied",
        f"app_server application {UNNAMED}",
        r"(?i:(?:permission|access|authorization) (?:is |was )?denied"
        r"|(?:not|un)[ -]?authori[sz]ed|unauthenticated|\bforbidden\b"
        r"|authentication (?:failed|failure|required|error)"
        r"|(?:log ?in|login|sign-?in) (?:failed|failure)|failed (?:log ?in|sign-?in)"
        r"|(?:invalid|wrong|bad|missing|expired) (?:\w+ )?(?:credentials|password|token"
        r"|api[ -]?key|signature|session)"
        r"|(?:token|session) (?:\w+ )?(?:expired|invalid|revoked|mismatch)"
        r"|\bjwt[^\n]*(?:expired|invalid|rejected|malformed)"
        r"|signature (?:has |is )?(?:expired|invalid|mismatch)"
        r"|(?:csrf|xsrf)[^\n]*(?:fail|missing|invalid|incorrect|mismatch|not set|verif)"
        r"|(?:can't verify|invalid|missing|bad)[^\n]*(?:csrf|xsrf)"
        r"|account[^\n]*(?:locked|disabled|suspended|blocked)"
        r"|(?:insufficient|missing|lacks?) (?:permission|privilege|right|scope|role)"
        r"|blocked hosts?: |\borigin (?:is )?not allowed)",
        "application_response",
        (403, 401, 400, 419, 422, 423),
    ),
]
#: The kinds by which an application says no, in its framework's words or its own.
REFUSED = ["said_no", *(kind.name for kind in REFUSALS)]
