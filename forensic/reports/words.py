"""The report's own words, in English and Japanese. Evidence is never translated."""

from collections.abc import Callable

from forensic.errors import UsageError

__all__ = ["LANGUAGES", "speaker"]

LANGUAGES = ("en", "ja")

#: key ▶ English, Japanese. Keys of hops, causes, levels, … are the schema's values.
_WORDS: dict[str, tuple[str, str]] = {
    # hops
    "client": ("client", "クライアント"),
    "cdn": ("CDN", "CDN"),
    "waf": ("WAF", "WAF"),
    "load_balancer": ("load balancer", "ロードバランサー"),
    "web_server": ("web server", "Web サーバー"),
    "app_server": ("application server", "アプリケーションサーバー"),
    "application": ("application", "アプリケーション"),
    "host": ("host", "ホスト"),
    "unknown": ("unknown", "不明"),
    # causes
    "waf_rule": ("a WAF rule", "WAF のルール"),
    "no_target": ("no target that can be used", "利用できるターゲットがない"),
    "target_timeout": (
        "the target did not answer in time",
        "ターゲットの応答が時間切れ",
    ),
    "target_connection_error": (
        "the connection to the target failed",
        "ターゲットとの接続に失敗",
    ),
    "client_closed": ("the client left first", "クライアントが先に切断"),
    "bad_request": ("the request was malformed", "リクエストが不正な形式"),
    "fixed_response": (
        "a fixed response of its configuration",
        "設定による固定応答",
    ),
    "redirect": (
        "a redirect of its configuration",
        "設定によるリダイレクト",
    ),
    "served_itself": (
        "a file or a stored answer of its own",
        "自身のファイルまたは保存した応答",
    ),
    "auth_failed": ("authentication failed", "認証に失敗"),
    "waf_unavailable": ("the WAF could not be reached", "WAF に到達できない"),
    "lambda_error": ("a Lambda target failed", "Lambda ターゲットの失敗"),
    "access_forbidden": ("access is forbidden by its rules", "設定によるアクセス禁止"),
    "file_not_found": ("the file does not exist", "ファイルが存在しない"),
    "body_too_large": ("the request body is too large", "リクエスト本文が大きすぎる"),
    "rate_limited": ("a rate limit", "レート制限"),
    "upstream_refused": ("the hop below refused the connection", "後段が接続を拒否"),
    "upstream_timeout": (
        "the hop below did not answer in time",
        "後段の応答が時間切れ",
    ),
    "upstream_closed": ("the hop below closed the connection", "後段が接続を切断"),
    "bad_gateway": ("the hop below gave no usable answer", "後段の応答が使えない"),
    "no_route": ("no route for that request", "該当するルートなし"),
    "cached_error": ("an error that it had kept", "キャッシュされたエラー"),
    "rewrite_cycle": (
        "its rewrites lead back to themselves",
        "リライトの無限ループ",
    ),
    "resources_exhausted": (
        "files, connections or processes ran out",
        "ファイル・接続・プロセスの枯渇",
    ),
    "configuration_error": ("its configuration is wrong", "設定の誤り"),
    "worker_timeout": (
        "a worker was killed after its timeout",
        "ワーカーが時間切れで強制終了",
    ),
    "out_of_memory": ("the machine ran out of memory", "メモリ不足"),
    "worker_crashed": (
        "a worker crashed while it served it",
        "ワーカーが処理中に異常終了",
    ),
    "boot_failed": ("the application failed to start", "アプリケーションの起動失敗"),
    "exception": ("an exception in the application", "アプリケーションの例外"),
    "application_response": (
        "the application chose this answer",
        "アプリケーション自身の応答",
    ),
    # confidence, levels, verdicts, bases
    "certain": ("certain", "確実"),
    "strong": ("strong", "強い"),
    "weak": ("weak", "弱い"),
    "none": ("none", "なし"),
    "critical": ("critical", "緊急"),
    "high": ("high", "高"),
    "medium": ("medium", "中"),
    "low": ("low", "低"),
    "informational": ("informational", "情報"),
    "complete": ("complete", "全て読めた"),
    "truncated": ("cut short", "途中で切れている"),
    "unreadable": ("unreadable", "読めない"),
    "unsupported": ("not a log we know", "未対応の形式"),
    "over_budget": ("over a limit", "上限超過"),
    "changed": ("changed while reading", "読み取り中に変化"),
    "written": ("written", "記載"),
    "inferred": ("inferred", "推定"),
    "assumed": ("assumed", "仮定"),
    # headings
    "report": ("Forensic report", "調査報告"),
    "answer": ("Answer", "結論"),
    "given": ("What was given", "受領した証拠"),
    "stack": ("The stack, as the logs show it", "ログから復元した構成"),
    "timeline": ("Timeline", "時系列"),
    "coverage": ("Coverage, and what to ask for", "ログの範囲と依頼すべきもの"),
    "findings": ("Findings", "検出事項"),
    "requests": ("Failed requests", "失敗したリクエスト"),
    "waf_rules": ("WAF rules", "WAF ルール"),
    "clocks": ("Clocks", "時計"),
    "not_parsed": ("not parsed", "解釈不能"),
    "unparsed": ("Lines that could not be read", "解釈できなかった行"),
    "reproduce": ("How to reproduce", "再現方法"),
    "next": ("Next", "次の操作"),
    "contents": ("Contents", "目次"),
    # the answer
    "who": ("Answered by", "応答元"),
    "why": ("Cause", "原因"),
    "rule": ("Rule", "ルール"),
    "sure": ("Confidence", "確度"),
    "question": ("Question", "問い"),
    "evidence": ("Evidence", "証拠"),
    "against": ("Against it", "反証"),
    "for": ("For it", "裏付け"),
    "settle": ("Would settle it", "確定に必要なもの"),
    "hypotheses": ("Other explanations", "考えられる説明"),
    "candidates": ("Could have answered", "応答した可能性があるもの"),
    "missing": ("Missing", "欠けている記録"),
    "ask_for": ("Ask for", "依頼すべきもの"),
    "set_right": ("by the reference clock", "基準時計では"),
    "path_taken": ("Path of the request", "リクエストの経路"),
    "no_verdict": (
        "No error response was found.",
        "エラー応答は見つかりませんでした。",
    ),
    "nothing_against": ("nothing in the archive", "アーカイブ内にはなし"),
    "ja_sentence": (
        "{who} answered {status}: {cause}{rule}. Confidence: {sure}.",
        "{who}が{status}を返しました。原因: {cause}{rule}。確度: {sure}。",
    ),
    "ja_unknown": (
        "The archive does not show who answered. Confidence: {sure}.",
        "このアーカイブだけでは応答元を特定できません。確度: {sure}。",
    ),
    "an_error": ("the error", "エラー"),
    # what a line of evidence shows
    "record of the request": ("record of the request", "このリクエストの記録"),
    "record of the response": ("record of the response", "この応答の記録"),
    "error line of the failed try": (
        "error line of the failed try",
        "失敗した試行のエラー行",
    ),
    "error line of the broken answer": (
        "error line of the broken answer",
        "途切れた応答のエラー行",
    ),
    "tells why, about that moment": (
        "tells why, about that moment",
        "その頃に記録された原因",
    ),
    "web server was logging and has no such request": (
        "web server was logging and has no such request",
        "Web サーバーは記録中で、このリクエストの記録はない",
    ),
    "application was logging and has no such request": (
        "application was logging and has no such request",
        "アプリケーションは記録中で、このリクエストの記録はない",
    ),
    "app server was logging and has no such request": (
        "application server was logging and has no such request",
        "アプリケーションサーバーは記録中で、このリクエストの記録はない",
    ),
    "web server was logging at another moment": (
        "web server was logging at another moment",
        "Web サーバーの記録は別の時刻のもの",
    ),
    "application was logging at another moment": (
        "application was logging at another moment",
        "アプリケーションの記録は別の時刻のもの",
    ),
    "app server was logging at another moment": (
        "application server was logging at another moment",
        "アプリケーションサーバーの記録は別の時刻のもの",
    ),
    "a rule that added to the score": (
        "a rule that added to the score",
        "スコアを加算したルール",
    ),
    "record of the error that was kept": (
        "record of the error that was kept",
        "保持されたエラーの記録",
    ),
    "its configuration": ("its configuration", "その設定"),
    "its checks found a server down": (
        "its checks found a server down",
        "ヘルスチェックがサーバー停止を検出",
    ),
    "about that moment": ("about that moment", "その頃の記録"),
    "noted while it ran": ("noted while it ran", "実行中に記録された行"),
    "shut out then": ("shut out then", "その時点で遮断中"),
    "record of a connection": ("record of a connection", "接続の記録"),
    "error line about such a request": (
        "error line about such a request",
        "同様のリクエストのエラー行",
    ),
    # columns
    "hop": ("hop", "層"),
    "source": ("source", "ファイル"),
    "line": ("line", "行"),
    "format": ("format", "形式"),
    "verdict": ("verdict", "状態"),
    "detail": ("detail", "詳細"),
    "events": ("events", "イベント"),
    "lines": ("lines", "行数"),
    "bytes": ("bytes", "バイト"),
    "files": ("files", "ファイル数"),
    "errors": ("errors", "エラー"),
    "span": ("span", "期間"),
    "first": ("first", "最初"),
    "last": ("last", "最後"),
    "names": ("names", "名称"),
    "state": ("state", "状態"),
    "level": ("level", "重要度"),
    "finding": ("finding", "検出事項"),
    "count": ("count", "件数"),
    "status": ("status", "ステータス"),
    "path": ("path", "パス"),
    "cause": ("cause", "原因"),
    "clients": ("clients", "クライアント数"),
    "also_allowed": ("also allowed", "許可もある"),
    "action": ("action", "動作"),
    "group": ("group", "グループ"),
    "zone": ("zone", "タイムゾーン"),
    "year": ("year", "年"),
    "skew": ("skew", "ずれ"),
    "basis": ("basis", "根拠"),
    "votes": ("votes", "票"),
    "reason": ("reason", "理由"),
    "text": ("text", "内容"),
    "from": ("from", "開始"),
    "to": ("to", "終了"),
    "kind": ("kind", "種類"),
    "gap": ("gap", "欠落"),
    "time": ("time", "時刻"),
    "duration": ("duration", "所要"),
    "sha256": ("SHA-256", "SHA-256"),
    # states and small sentences
    "logged": ("logged", "ログあり"),
    "no_log": ("inferred, no log", "推定・ログなし"),
    "answered_here": ("answered here", "ここで応答"),
    "ledger": (
        (
            "{lines} lines = {events} in events + {continuation} continuing them"
            " + {blank} blank + {header} headers + {unparsed} not parsed"
        ),
        (
            "全 {lines} 行 = イベント {events} + 継続 {continuation} + 空行 {blank}"
            " + ヘッダー {header} + 解釈不能 {unparsed}"
        ),
    ),
    "ledger_no_logs": (
        " + {lines} in files that are no logs",
        " + ログでないファイル内 {lines}",
    ),
    "files_read": (
        (
            "files: {files}, {size}; logs read whole: {whole}, not whole: {broken},"
            " no logs: {no_logs}"
        ),
        "{files} ファイル、{size}: 全読 {whole}、一部のみ {broken}、ログ以外 {no_logs}",
    ),
    "not_whole": ("Not read whole", "全ては読めなかったもの"),
    "no_logs": ("No logs of a known format", "既知形式のログではないもの"),
    "all_whole": ("Every log was read whole.", "全てのログを最後まで読みました。"),
    "not_run": ("Rules without the evidence they need", "証拠不足で実行できないルール"),
    "no_findings": ("No rule found anything.", "検出事項はありません。"),
    "no_gaps": ("No gap was found.", "欠落は見つかりませんでした。"),
    "no_unparsed": (
        "Every line of every known log was read.",
        "既知形式のログは全ての行を解釈できました。",
    ),
    "no_requests": ("No failed request.", "失敗したリクエストはありません。"),
    "no_timeline": ("No event carries a time.", "時刻を持つイベントがありません。"),
    "more_rows": (
        "{count} more; `forensic query` shows all",
        "他 {count} 件。`forensic query` で全件",
    ),
    "more_wishes": (
        "{count} more: forensic coverage",
        "他 {count} 件: forensic coverage",
    ),
    "more_evidence": ("more evidence ({count})", "他の証拠（{count}）"),
    "reading": ("how to read it", "読み方"),
    "zones_written": (
        "sources that write their zone and year themselves: {count}",
        "{count} 件はタイムゾーンと年を自ら記載",
    ),
    "outside": (
        "events outside of the span shown: {count}",
        "表示期間外のイベント {count} 件",
    ),
    "falsepositives": ("Would be a false alarm if", "誤検知となる場合"),
    "references": ("References", "参考資料"),
    "as_table": ("as a table", "表で見る"),
    "whole_archive": ("The whole archive", "全期間"),
    "around_incident": ("Around the incident", "発生前後"),
    "incident": ("incident", "発生"),
    "events_above": (
        "Bars above a lane's line: events. Below: error responses that this hop made.",
        "線より上: イベント数。線より下: この層が返したエラー応答。",
    ),
    "coverage_key": (
        "Solid: events. Hatched: evidence that should exist and does not.",
        "塗り: イベントあり。斜線: 存在すべき証拠の欠落。",
    ),
    "stack_key": (
        "Solid frame: has logs here. Dashed: inferred, no log in the archive.",
        "実線: ログあり。破線: 推定（アーカイブにログなし）。",
    ),
    "waf_note": (
        (
            "`also allowed`: clients of these requests that the WAF let in at other"
            " times; a high share speaks for a false positive. Setting a rule to COUNT"
            " would free its requests."
        ),
        (
            "「許可もある」: 別の時には WAF が通したクライアント。割合が高いほど"
            "誤検知の疑いが強い。ルールを COUNT にすると該当リクエストは通る。"
        ),
    ),
    "times_shown": ("Times are UTC{local}.", "時刻は UTC{local}。"),
    "and_local": (", then local time {zone}", "、続けて現地時刻 {zone}"),
    "tool": ("tool", "ツール"),
    "schema": ("schema", "スキーマ"),
    "libraries": ("libraries", "ライブラリ"),
    "command": ("command", "コマンド"),
    "input_hash": ("hash of the whole input", "入力のルートハッシュ"),
    "copy": ("copy", "コピー"),
    "copied": ("copied", "コピー済み"),
    "filter": ("Filter findings", "検出事項を絞り込む"),
    "all": ("all", "全て"),
    "skip": ("Skip to the answer", "結論へ"),
    "redaction_note": (
        "Credentials are not shown; hidden characters are spelled out as \\u202e.",
        "認証情報は表示しません。不可視文字は \\u202e のように表記します。",
    ),
    "original": ("In the tool's own words", "ツールの原文"),
}


def speaker(lang: str) -> Callable[..., str]:
    """The function key, values ▶ words in that language.

    A key without words (a new cause, say) is said as it is, with spaces.
    """
    if lang not in LANGUAGES:
        message = f"the report speaks {' and '.join(LANGUAGES)}, not {lang!r}"
        raise UsageError(message)
    column = LANGUAGES.index(lang)

    def say(key: str, **values: object) -> str:
        if key not in _WORDS:
            return key.replace("_", " ")
        text = _WORDS[key][column]
        return text.format(**values) if values else text

    return say
