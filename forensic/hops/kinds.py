"""What programs say about requests, and what follows from it.

Error lines of web servers, gunicorn's lines about its workers, tracebacks, the
kernel's kills. Each kind is a phrase that the program's own source prints, or a class
that its format gives to such a phrase.
"""

from forensic.hops.kind import APP, BY_REASON, UNNAMED, WEB, Kind
from forensic.hops.proxied import PROXIED
from forensic.hops.scripted import SCRIPTED
from forensic.hops.servers import SERVERS

__all__ = ["KINDS"]

#: First match wins: the narrower phrase stands first.
KINDS = [
    *SERVERS,
    Kind("dry_run", WEB, r"(?:excess|limiting)[^\n]*, dry run", "none"),
    Kind("delayed", WEB, r"delaying request", "none"),
    Kind("buffered", WEB, r"is buffered to a temporary file", "none"),
    Kind(
        "auth_request",
        WEB,
        r"auth request unexpected status",
        "auth_failed",
        (500,),
        ("auth_backend_failed",),
    ),
    Kind(
        "firewall",
        WEB,
        r"ModSecurity: Access denied with code",
        "waf_rule",
        (403, 406, 400, 401, 404, 405, 413, 429, 500, 501, 503),
        ("modsecurity_denied", "naxsi_denied"),
    ),
    Kind("weighed", WEB, BY_REASON, "none", (), ("modsecurity_warning",)),
    Kind("cut", WEB, r"while reading upstream|while sending to client", "none"),
    Kind(
        "limited",
        WEB,
        r"limiting (?:requests|connections)",
        "rate_limited",
        (503, 429, 444, 403, 420, 500, 509, 529),
        ("limiting_requests", "limiting_connections"),
    ),
    Kind(
        "rule",
        WEB,
        r"access forbidden by rule",
        "access_forbidden",
        # Many a site hides what it forbids: `error_page 403 =404`.
        (403, 404),
        ("access_forbidden_by_rule", "symlink_forbidden"),
    ),
    Kind(
        "index",
        WEB,
        r"directory index of .* is forbidden",
        "access_forbidden",
        (403,),
        ("directory_index_forbidden",),
    ),
    Kind(
        "connect_timeout",
        WEB,
        r"upstream timed out[^\n]*while connecting|connect\(\) failed \(110"
        r"|^dial tcp [^\n]*i/o timeout",
        "upstream_timeout",
        (504, 502, 503),
        ("connect_timed_out",),
    ),
    Kind(
        "read_timeout",
        WEB,
        r"upstream timed out|timeout awaiting response headers"
        r"|^context deadline exceeded",
        "upstream_timeout",
        (504, 502, 500, 503),
        ("upstream_timed_out",),
    ),
    Kind(
        "refused",
        WEB,
        r"connect\(\) (?:to unix:.*)?failed \(|connect\(\) to .* failed \("
        r"|^dial [^\n]*connect: (?:connection refused|no route)",
        "upstream_refused",
        (502, 503, 504),
        (
            *("connect_refused", "connect_no_socket", "connect_denied"),
            *("connect_reset", "connect_unreachable", "connect_backlog_full"),
            *("connect_failed", "backend_unreachable"),
        ),
    ),
    Kind(
        "no_live",
        WEB,
        r"no live upstreams|^no upstreams available",
        "upstream_refused",
        (502, 503),
        ("no_live_upstreams", "upstream_busy"),
    ),
    Kind(
        "disabled",
        WEB,
        r"upstream server temporarily disabled",
        "none",
        reasons=("upstream_disabled",),
    ),
    Kind(
        "closed",
        WEB,
        r"upstream prematurely closed (?:FastCGI )?(?:connection|stream|request)"
        r"|(?:recv|readv|read|send|writev|write)\(\) failed \((?:104|32|103)"
        r"|^EOF$"
        r"|^(?:read|write) tcp [^\n]*(?:connection reset by peer|broken pipe)",
        "upstream_closed",
        (502, 503, 500),
        ("upstream_prematurely_closed", "upstream_failed"),
    ),
    Kind(
        "invalid_response",
        WEB,
        r"upstream sent (?:too big header|invalid|no valid|unexpected|more data|wrong"
        r"|duplicate|unsupported|frame|goaway|too large)"
        r"|upstream rejected request with error [0-9]",
        "bad_gateway",
        (502, 500),
        ("invalid_header", "invalid_response"),
    ),
    Kind(
        "resolver",
        WEB,
        r"could not be resolved|host not found in upstream|no resolver defined"
        r"|^dial [^\n]*no such host",
        "bad_gateway",
        # Apache answers 500 where the name server itself is out of reach.
        (502, 500),
        ("resolve_failed",),
    ),
    Kind(
        "upstream_tls",
        WEB,
        r"SSL handshaking to upstream|upstream SSL certificate",
        "bad_gateway",
        (502, 500),
        ("upstream_ssl_handshake", "upstream_certificate"),
    ),
    Kind(
        "too_large",
        WEB,
        r"client intended to send too large",
        "body_too_large",
        (413,),
        ("body_too_large",),
    ),
    Kind(
        "password",
        WEB,
        r"user .* was not found in|password mismatch|no user/password was provided",
        "auth_failed",
        (401, 403),
        (
            *("auth_user_not_found", "auth_password_mismatch", "auth_missing"),
            "auth_not_allowed",
        ),
    ),
    # mod_auth_openidc, of a login that came back wrong, or whose server is away.
    Kind("login", WEB, r"^oidc_\w+: ", "auth_failed", (400, 401, 403, 500, 502, 503)),
    # A body that it may not put aside: its own files are named by ten digits.
    Kind(
        "own_file",
        WEB,
        r"(?:open|mkdir)\(\) \"[^\"]*/(?:\d{10}|[a-z]+_(?:body|temp)(?:/\d+)*)\""
        r" failed \((?:13|2|20|30): ",
        "configuration_error",
        (500,),
    ),
    Kind(
        "permission",
        WEB,
        r"\(13: Permission denied\)|is forbidden \(13",
        "access_forbidden",
        (403,),
        ("permission_denied",),
    ),
    Kind(
        "no_file",
        WEB,
        r"\((?:2: No such file|20: Not a directory|36: File name too long)"
        r"|is not found \(2|script .* not found",
        "file_not_found",
        (404, 403),
        ("file_not_found",),
    ),
    Kind(
        "client_gone",
        WEB,
        r"client (?:prematurely )?closed|client canceled stream|^context canceled$",
        "client_closed",
        (499, 400),
        ("client_closed",),
    ),
    Kind(
        "client_slow",
        WEB,
        r"client timed out",
        "bad_request",
        (408, 400),
        ("client_timed_out",),
    ),
    Kind(
        "certificate", WEB, r"AH02(?:039|010|040|26[23]):", "access_forbidden", (403,)
    ),
    Kind(
        "client_wrong",
        WEB,
        r"client sent|client SSL certificate verify error",
        "bad_request",
        (400, 414, 494, 495, 496, 497, 405, 505, 431, 501, 421, 411),
        ("client_bad_request", "method_not_allowed", "plain_http_to_https"),
    ),
    Kind(
        "cycle",
        WEB,
        r"internal redirection cycle",
        "rewrite_cycle",
        (500,),
        ("redirection_cycle",),
    ),
    Kind(
        "exhausted",
        WEB,
        r"\((?:24: Too many open files|28: No space left on device)\)"
        r"|worker_connections are not enough",
        "resources_exhausted",
        (500, 503, 508),
        ("too_many_open_files", "no_space_left", "out_of_memory", "resource_limit"),
    ),
    Kind(
        "settings",
        WEB,
        BY_REASON,
        "configuration_error",
        (500, 403),
        ("configuration_wrong",),
    ),
    *SCRIPTED,
    Kind(
        "script",
        WEB,
        r"PHP (?:Fatal|Parse) error",
        "exception",
        (500,),
        ("script_error",),
    ),
    Kind(
        "timeout",
        APP,
        r"WORKER TIMEOUT \(pid: ?\d+\)|HARAKIRI ON WORKER"
        r"|execution timed out \([\d.]+ sec\), terminating"
        r"|! Terminating timed out worker|worker=\d+ PID:\d+ timeout \(\d+s > \d+s\)",
        "worker_timeout",
    ),
    # uWSGI names what the worker served that it ends.
    Kind("harakiri", APP, r"^HARAKIRI \[core \d+\] \S* - \S", "worker_timeout"),
    Kind(
        "killed",
        APP,
        r"was sent SIGKILL|died, killed by signal 9\b|child \d+ exited on signal 9\b"
        r"|^reaped #<Process::Status: pid \d+ SIGKILL ",
        "out_of_memory",
    ),
    Kind(
        "oom",
        f"host app_server application {UNNAMED}",
        r"Out of memory: Kill|[Mm]emory cgroup out of memory"
        r"|JavaScript heap out of memory|^Memory limit of [0-9]+ ?[KMG]i?B exceeded"
        r"|^(?:\[[ \d.]+\] )?oom-kill:"
        r"|killed by the OOM killer|Failed with result 'oom-kill'"
        r"|\bOOMKilled\b|^container oom ",
        "out_of_memory",
    ),
    Kind(
        "crashed",
        f"{APP} {WEB}",
        r": segfault at |general protection fault|exit(?:ed on)? signal [^\n]*"
        r"(?:SIGSEGV|SIGBUS|SIGILL|SIGFPE|Segmentation fault|Bus error)"
        r"|was sent SIG(?:SEGV|BUS|ILL|FPE)|was terminated due to signal (?:4|7|8|11)\b"
        r"|died, killed by signal (?:4|7|8|11)\b|got Segmentation Fault"
        r"|^reaped #<Process::Status: pid \d+ SIG(?:SEGV|BUS|ILL|FPE) "
        r"|code=(?:dumped|killed), status=\d+/(?:SEGV|BUS|ILL|FPE)",
        "worker_crashed",
    ),
    # Node's last line, behind the stack of what nobody caught.
    Kind("quit", APP, r"^Node\.js v[0-9]+\.[0-9]+\.[0-9]+$", "none"),
    Kind(
        "boot_failed",
        APP,
        r"Worker failed to boot|App failed to load|exited with code [34]\b"
        r"|Exception in worker process|Failed to (?:parse|find) (?:app|attribute)",
        "boot_failed",
    ),
    # The controller that writes an ingress's configuration, once a change.
    Kind("unserved", UNNAMED, r"^Service \S+ does not have any active En", "no_target"),
    Kind(
        "booted",
        APP,
        r"Listening at:|Booting worker with pid|^Started server process \["
        r"|^Uvicorn running on |ready to handle connections|^\*\*\* Starting uWSGI"
        r"|^\* Listening on |^Server startup in |^Tomcat started on port"
        r"|^Started ServerConnector@|^master process ready$|^Goin' Fast @ "
        r"|^Listening on TCP address ",
        "none",
    ),
    Kind(
        "stopped",
        APP,
        r"Shutting down: Master|Handling signal: term|^Finished server process \["
        r"|exiting, bye-bye!|goodbye to uWSGI\.|^- Goodbye!"
        r"|^Destroying ProtocolHandler |^Stopped ServerConnector@|^master complete$"
        r"|^Server Stopped$|^Shutting down granian$|^Killed \d+ pending application ",
        "none",
    ),
    Kind(
        "invalid_request",
        "app_server application",
        r"Invalid request from ip=|Invalid HTTP request received"
        r"|^Error parsing HTTP request header|^HTTP parse error, malformed request",
        "bad_request",
        (400,),
    ),
    Kind("abort", APP, r"SystemExit: 1\b|worker_abort|handle_abort", "worker_timeout"),
    *PROXIED,
    # A database turned the application away, which is no refusal of a request.
    Kind(
        "exception",
        "app_server application",
        r"Access denied for user '[^']*'@|password authentication failed for user \""
        r"|permission denied for (?:table|schema|relation|database|function|sequence) ",
        "exception",
        (500, 502, 503, 504),
    ),
    # What a queue's worker does at that moment is nobody's request.
    Kind("task", APP, r"^Task \S+\[[\w-]+\] (?:raised unexpected|failed)", "none"),
    Kind(
        "exception",
        APP,
        r"Traceback \(most recent call last\)|Exception on /|Internal Server Error: /"
        r"|Error handling request|Exception in ASGI application"
        r"|^PHP (?:Fatal|Parse) error|\"exception\":\"\[object\] \("
        r"|[Uu]nhandled [Ee]xception|[Uu]ncaught [Ee]xception|^panic: "
        r"|^fatal error: (?:concurrent map|all goroutines|stack overf|unexpected sig)"
        # Java, JavaScript and .NET name the error and its frames; Ruby its message.
        r"|(?:Exception|Error)\b[^\n]*\n\s+at [\w.$</]"
        r"|(?:^|\] |\n)[A-Z][\w:]*Error \(|^app error: [^\n]* \([A-Z][\w:]*\)"
        # Rails has an empty line first, and its tags before each.
        r"|^\s*\n(?:\[[\w-]+\] )*[A-Z][\w:]+ \(",
        "exception",
        (500, 502, 503, 504),
    ),
    # The line that names an error, where each line of a traceback is one by itself.
    Kind(
        "exception",
        UNNAMED,
        r"^\s*(?:[\w$]+\.)*(?:[A-Z]\w*)?(?:Error|Exception)(?:: |$)"
        # Sinatra's, Gin's, and those of Go's own server.
        r"|^- [A-Z][\w:]* - [^\n]*:\n\t[^\n]*:\d+:in |^\[Recovery\] [^\n]* panic rec"
        r"|^http: panic serving ",
        "exception",
        (500, 502, 503, 504),
    ),
    # The same of a program that a format knows: `spread` ties it to the stack's head.
    Kind(
        "named",
        "app_server application host",
        r"^\s*(?:[A-Za-z_][\w$]*(?:\.|::))*[A-Z]\w*(?:Error|Exception|Timeout|Exit)"
        r"(?:: | \(|$)",
        "none",
    ),
    Kind(
        "said_no",
        f"app_server application {UNNAMED}",
        # Django's own "verbose" lines have module, process and thread before it.
        r"^(?:\w+ \d+ \d+ )?(?:(?:Forbidden(?: \([^)]*\))?|Not Found|Bad Request"
        r"|Unauthorized|Method Not Allowed \([A-Z]+\)): /|Invalid HTTP_HOST header)",
        "application_response",
        (403, 404, 400, 401, 405),
    ),
]
