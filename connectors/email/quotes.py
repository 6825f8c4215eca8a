"""What is new in a mail: a linear-time cutter of quoted history and signatures (P7). It deletes nothing for good.

It works on lines and answers which of them to show; the whole text is kept beside it (decision 20).
"""

import re

_HEAD_WINDOW = 4
_HEAD_LIMIT = 300
_MARKS = ">＞-_=*—─"
_LABEL_WINDOW = 12

_ATTRIBUTION = re.compile(
    r"""
      On\b.*\bwrote            | At\b.*\bwrote           | .*@.*\bwrote
    | Am\b.*\bschrieb\b.*      | .*@.*\bschrieb\b.*      | Le\b.*\ba[ ]écrit
    | El\b.*\bescribió\b.*     | El\b.*\bescribio\b.*    | Em\b.*\bescreveu\b.*   | A\b.*\bescreveu\b.*
    | Il\b.*\bha[ ]scritto\b.* | Op\b.*\b(?:schreef|heeft)\b.*
    | W[ ]dniu\b.*\bpisze\b.*  | .*\bnapisał(?:\(a\)|a)?\b.*
    | Den\b.*\bskrev\b.*       | D\.\b.*\bskrev\b.*      | .*\bkirjoitti\b.*
    | .*(?:пишет|написал(?:\(а\)|а)?|писал(?:\(а\)|а)?)
    | .*\bnapsal(?:\(a\)|a)?   | .*(?:yazdı|şunu[ ]yazdı)
    | [在于於].*[写寫]道        | .*[于於在].*[写寫]道      | .*[写寫]道
    | .*のメール                | .*(?:さんは|が)書きました | .*(?:様|さん)からのメッセージ
    | .*(?:님이[ ]작성|님이[ ]쓴[ ]글|작성)
    """,
    re.X | re.I | re.S,
)
_HINT = re.compile(r"[:：]|^[ \t]*[>＞\-_=*—─]", re.M)
_DATE_OR_ADDRESS = re.compile(r"[0-9@]")
_NAMELESS = re.compile(
    r"[0-9].*<[^<>\s]{1,100}@[^<>\s]{1,100}>", re.S
)  # "2.3.2026, Shop <help@shop.example>:", no verb
_DIVIDER = re.compile(
    r"[-_=*\s]{2,}\s*(?:original message|original|original appointment|ursprüngliche nachricht|originalnachricht"
    r"|message d'origine|mensaje original|messaggio originale|mensagem original|oorspronkelijk bericht"
    r"|oprindelig meddelelse|ursprungligt meddelande|wiadomość oryginalna|исходное сообщение|orijinal mesaj"
    r"|原始邮件|原始郵件|原邮件|邮件原件|回复的原邮件|回复的邮件|原始信息|原文|元のメッセージ|원본 메시지)"
    r"\s*[-_=*\s]*[:：]?",
    re.I,
)
_LABELS = {
    "from": ("from", "von", "de", "da", "van", "fra", "från", "od", "от", "发件人", "發件人", "寄件者", "寄件人",
             "差出人", "送信者", "보낸 사람", "보낸사람", "kimden"),
    "date": ("sent", "date", "gesendet", "datum", "envoyé", "enviado", "enviado el", "fecha", "inviato", "data",
             "verzonden", "sendt", "skickat", "wysłano", "отправлено", "дата", "发送时间", "發送時間", "发送日期",
             "日期", "寄件日期", "时间", "時間", "送信日時", "日時", "보낸 날짜", "날짜", "gönderildi", "tarih"),
    "subject": ("subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "emne", "ämne", "temat",
                "тема", "主题", "主題", "主旨", "标题", "件名", "제목", "konu"),
    "to": ("to", "an", "à", "para", "a", "aan", "til", "till", "do", "кому", "收件人", "收件者", "宛先", "받는 사람",
           "받는사람", "kime"),
}  # fmt: skip
_KIND = {label: kind for kind, labels in _LABELS.items() for label in labels}
_LABEL = re.compile(r"[\s>*_]{0,8}([^\s:：*][^:：*]{0,15}?)\s{0,3}\*{0,2}\s{0,3}[:：]")
_RULE = re.compile(r"[-_—─]{5,}")
_SIGNATURE = re.compile(
    r"\s*(?:(?:sent|get|gesendet|envoyé|enviado|inviato|verstuurd|wysłane|отправлено)\s"
    r"(?:from|with|using|via|von|mit|depuis|de|desde|da|do|vanaf|z|с|outlook)\b.{0,60}|von meinem \w{1,12} gesendet\.?"
    r"|(?:发自|發自|来自|來自)(?:我的|我們的)?.{0,30}|获取\s?outlook.{0,30}|從我的.{1,20}傳送|iphoneから送信"
    r"|나의 .{1,20}에서 보냄|sent from .{1,40}|发送自.{1,30})\s*",
    re.I,
)
_SIGNATURE_LIMIT = 90
_SIGNATURE_LINES = 10


def is_all_new(text: str) -> bool:
    """True when a plain text certainly holds nothing to hide; most short mails are told by this one look."""
    return _HINT.search(text) is None and not any(
        len(line) <= _SIGNATURE_LIMIT and _SIGNATURE.fullmatch(line) for line in text.rstrip().rsplit("\n", 6)[-6:]
    )


def shown(lines: list[str], *, forwarded: bool = False) -> list[bool]:
    """For each line whether it belongs to the new text. `forwarded`: the history is the message, keep it."""
    count = len(lines)
    show = [True] * count
    hints = _hints(lines)
    at = 0
    while at < count:
        if not hints[at]:
            at += 1
            continue
        if _is_quoted(lines[at]):
            at = _hide_headless(lines, show, at)
        elif not forwarded and (length := _head(lines, at)):
            at = _hide_history(lines, show, at, length)
        else:
            at += 1
    _hide_signature(lines, show)
    return show


def _hints(lines: list[str]) -> list[bool]:
    """Which lines are worth a closer look: most are not, and most mails have none."""
    hints = [False] * len(lines)
    for at, line in enumerate(lines):
        if not line or line.isspace():
            continue
        stripped = line.strip()
        if stripped[0] in _MARKS or ":" in line or "：" in line:
            hints[at] = True
            if stripped[-1] in ":：":  # the head it ends may have begun some lines before
                hints[max(at - _HEAD_WINDOW + 1, 0) : at] = [True] * min(_HEAD_WINDOW - 1, at)
    return (
        [hint and not lines[at].isspace() and lines[at] != "" for at, hint in enumerate(hints)] if any(hints) else hints
    )


def _is_quoted(line: str) -> bool:
    return line.lstrip()[:1] in (">", "＞") and not line.lstrip().startswith(("><", ">>>>>>>"))


def _hide_headless(lines: list[str], show: list[bool], at: int) -> int:
    """Hide a run of quoted lines nobody introduced, unless it is one line: that may be the customer's own "> 10"."""
    end = at
    last = at
    while end < len(lines) and (not lines[end].strip() or _is_quoted(lines[end])):
        if lines[end].strip():
            last = end
        end += 1
    if last > at:
        show[at : last + 1] = [False] * (last + 1 - at)
    return last + 1


def _hide_history(lines: list[str], show: list[bool], at: int, length: int) -> int:
    """Hide a head and what it introduces: the marked lines when they are marked, else everything to the end."""
    body = at + length
    while body < len(lines) and not lines[body].strip():
        body += 1
    if body < len(lines) and _is_quoted(lines[body]):
        end = body
        while end < len(lines) and (not lines[end].strip() or _is_quoted(lines[end])):
            end += 1
    else:
        end = len(lines)
    show[at:end] = [False] * (end - at)
    return end


def _head(lines: list[str], at: int) -> int:
    """How many lines the head of quoted history takes that starts here; 0 when none does."""
    line = lines[at].strip()
    if len(line) > _HEAD_LIMIT:
        return 0
    if line[0] in "-_=*" and _DIVIDER.fullmatch(line):
        return 1
    if line[0] in "-_—─" and _RULE.fullmatch(line):
        labels = _labels(lines, at + 1)
        return 1 + labels if labels else 0
    return _attribution(lines, at) or _labels(lines, at)


def _attribution(lines: list[str], at: int) -> int:
    """ "On Monday ... wrote:", over as many as four lines."""
    text = ""
    for length in range(1, _HEAD_WINDOW + 1):
        if at + length > len(lines):
            return 0
        line = lines[at + length - 1].strip()
        if not line or len(text) + len(line) > _HEAD_LIMIT:
            return 0
        text = f"{text} {line}" if text else line
        if line[-1] in ":：" and _DATE_OR_ADDRESS.search(text):
            named = _ATTRIBUTION.fullmatch(text[:-1].rstrip())
            return length if named or (_NAMELESS.search(text) and _quoted_after(lines, at + length)) else 0
    return 0


def _quoted_after(lines: list[str], at: int) -> bool:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at < len(lines) and _is_quoted(lines[at])


def _labels(lines: list[str], at: int) -> int:
    """A block of From, Sent, Subject lines; all three, since "From: Beijing, To: Berlin" is a customer's own text."""
    kinds: list[str] = []
    used = 0
    for offset in range(_LABEL_WINDOW):
        if at + offset >= len(lines):
            break
        line = lines[at + offset]
        match = _LABEL.match(line)
        kind = _KIND.get(match[1].strip().lower()) if match else None
        if kind is None:
            if not kinds:
                return 0
            if not line.strip() or len(kinds) > 5:
                if used >= 3:
                    break
                continue
            continue
        if not kinds and kind != "from":
            return 0
        kinds.append(kind)
        used = offset + 1
    return used if {"from", "date", "subject"} <= set(kinds) else 0


def _hide_signature(lines: list[str], show: list[bool]) -> None:
    """Hide a "-- " block, and the line a phone adds at the end of what is shown."""
    written = [at for at, line in enumerate(lines) if show[at] and line.strip()]
    for place, at in enumerate(written):
        if lines[at] == "-- " or (lines[at] == "--" and len(written) - place - 1 <= _SIGNATURE_LINES):
            while at < len(lines) and show[at]:
                show[at] = False
                at += 1
            break
    for at in reversed([at for at in written if show[at]][-2:]):
        if len(lines[at]) > _SIGNATURE_LIMIT or not _SIGNATURE.fullmatch(lines[at]):
            break
        show[at] = False
