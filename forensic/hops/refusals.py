"""In which words applications say no, each in its own.

They go with an answer that is there, and make none where no log has one. Frameworks
throw what they answer with 4xx, and some log it as they do a failure: there the class
tells the status, too.
"""

from forensic.hops.kind import BY_REASON, UNNAMED, Kind

__all__ = ["REFUSALS", "REFUSED", "THROWN_REFUSALS"]

_WHO = f"app_server application {UNNAMED}"
_UNFIT = (400, 422, 413, 415, 406, 409, 411, 412, 428)

REFUSALS = [
    Kind(
        "throttled",
        _WHO,
        r"(?i:too many (?:requests|attempts)|throttl(?:ed|ing)"
        r"|rate[ -]?limit\w* (?:[^\n]{0,80} )?(?:exceeded|reached|hit)\b)",
        "application_response",
        (429,),
    ),
    Kind(
        "denied",
        _WHO,
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
        # Lists of who may come in, or not, under the names that people give them.
        r"|\bnot (?:in|on) (?:\w+ ){0,3}(?:allow|white)[ -]?list"
        r"|\bnot (?:allow|white)[ -]?listed"
        r"|\b(?:is|found) (?:in|on) (?:\w+ ){0,3}(?:deny|block|black)[ -]?list"
        r"|\bdenying (?:access|request|get|post|put|patch|delete)\b"
        r"|blocked hosts?: |\borigin (?:is )?not allowed"
        # Jenkins calls it a crumb.
        r"|no valid crumb was included"
        # Keycloak's events, in words of their own.
        r"|\btype=\"?[a-z_]+_error\"?, realm)",
        "application_response",
        (403, 401, 400, 419, 422, 423),
    ),
    Kind("not_found", _WHO, BY_REASON, "application_response", (404, 405, 410)),
    Kind("invalid", _WHO, BY_REASON, "application_response", _UNFIT),
]
_HTTP = r"Symfony\\+Component\\+HttpKernel\\+Exception\\+"
_SECURITY = r"Symfony\\+Component\\+Security\\+[\w\\]*"
_LARAVEL = r"Illuminate\\+[\w\\]*"
_SPRING = r"org\.springframework\.(?:web|http|security|validation)\.(?:\w+\.)*"
#: Kind and status ▶ the classes by which Symfony, Laravel and Spring throw it.
_CLASSES = {
    ("throttled", 429): rf"{_HTTP}TooManyRequests|{_LARAVEL}ThrottleRequests",
    ("denied", 403): rf"{_HTTP}AccessDenied|{_SECURITY}AccessDenied"
    rf"|{_LARAVEL}(?:Authorization|InvalidSignature)"
    rf"|{_SPRING}(?:AccessDenied|AuthorizationDenied)",
    (
        "denied",
        401,
    ): rf"{_HTTP}Unauthorized|{_SECURITY}(?:Authentication|BadCredentials)"
    rf"|{_LARAVEL}Authentication"
    rf"|{_SPRING}(?:BadCredentials|InsufficientAuthentication)",
    ("denied", 419): rf"{_LARAVEL}TokenMismatch",
    ("not_found", 404): rf"{_HTTP}NotFound|{_LARAVEL}ModelNotFound"
    rf"|{_SPRING}(?:NoResourceFound|NoHandlerFound)",
    ("not_found", 405): rf"{_HTTP}MethodNotAllowed"
    rf"|{_SPRING}HttpRequestMethodNotSupported",
    ("not_found", 410): rf"{_HTTP}Gone",
    ("invalid", 422): rf"{_HTTP}UnprocessableEntity|{_LARAVEL}Validation",
    (
        "invalid",
        415,
    ): rf"{_HTTP}UnsupportedMediaType|{_SPRING}HttpMediaTypeNotSupported",
    ("invalid", 406): rf"{_HTTP}NotAcceptable|{_SPRING}HttpMediaTypeNotAcceptable",
    ("invalid", 409): rf"{_HTTP}Conflict",
    ("invalid", 400): rf"{_HTTP}BadRequest|{_SPRING}(?:Bind|HttpMessageNotReadable"
    r"|MethodArgument\w+|MissingServletRequestP\w+|MissingRequest\w+"
    r"|HandlerMethodValidation)",
}
#: What stands before the class of what was thrown first of all.
_THREW = r"(?:Uncaught PHP Exception |\"exception\":\"\[object\] \(|Resolved \[)"
#: The same as http-errors and what Express is used with write it, before the stack.
_NODE = {
    ("throttled", 429): "TooManyRequestsError: Too Many Requests",
    ("denied", 403): "ForbiddenError: (?:Forbidden|invalid csrf token)",
    ("denied", 401): "UnauthorizedError: (?:Unauthorized|No authorization token|jwt "
    "|invalid (?:token|signature))",
    ("not_found", 404): "NotFoundError: Not Found",
    ("invalid", 413): "PayloadTooLargeError: request entity too large",
    ("invalid", 400): "BadRequestError: request (?:aborted|size did not match)",
}
#: What Django throws at a request that it distrusts, and answers with 400.
_DISTRUST = (
    r"^(?:\w+ \d+ \d+ )?Invalid HTTP_HOST header"
    r"|(?:^|\n)django\.core\.exceptions\.(?:Suspicious\w+|Disallowed\w+"
    r"|TooMany\w+Sent|RequestDataTooBig|InvalidSessionKey): "
)
#: What Spring says of a browser's request from elsewhere, and answers with 403.
_CORS = (
    r"^Reject: (?:'[^'\n]*' origin is|HTTP '[^'\n]*' is|headers '[^'\n]*' are)"
    r" not allowed"
)
_RAILS = r"^(?:\[[^\]\n]*\] )*ActionController::RoutingError \("
#: The same where a framework logs them as exceptions: they come before all others.
THROWN_REFUSALS = [
    Kind("not_found", _WHO, _RAILS, "application_response", (404,)),
    Kind("invalid", _WHO, _DISTRUST, "application_response", (400,)),
    Kind("denied", _WHO, _CORS, "application_response", (403,)),
    *(
        Kind(
            name,
            _WHO,
            rf"{_THREW}(?:{classes})(?:Http)?Exception\b",
            "application_response",
            (status,),
        )
        for (name, status), classes in _CLASSES.items()
    ),
    *(
        Kind(name, _WHO, rf"^\s*{words}", "application_response", (status,))
        for (name, status), words in _NODE.items()
    ),
]
#: The kinds by which an application says no, in its framework's words or its own.
REFUSED = ["said_no", *(kind.name for kind in REFUSALS)]
