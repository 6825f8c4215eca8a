"""The words time expressions are made of, found in one scan, and which of them belong together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from router.consistency.dates import DAY_NUMBER, MONTH_NAME
from router.consistency.numerals import NUMBER
from router.consistency.patterns import Pattern

_N = rf"{NUMBER}(?:\s?(?:-|~|—|至|到|或|to|or)\s?{NUMBER})?"
_WEEKDAY_NAMES = (
    "monday tuesday wednesday thursday friday saturday sunday mon tues tue wed thurs thur thu fri sat sun weekend"
)
_WEEKDAY = "(?:" + "|".join(_WEEKDAY_NAMES.split()) + ")"

# One scan finds all tokens; the first alternative that fits at a place wins, so dates stand before durations.
TIME_WORDS = Pattern(
    r"(?P<past>前天|昨天|昨日|昨晚|yesterday|"
    + NUMBER
    + r"\s?(?:个)?(?:小时|分钟|天|周|月)(?:之|以)?前|"
    + NUMBER
    + r"\s(?:minutes?|hours?|days?|weeks?|months?|years?)\s(?:ago|earlier)\b|\bago\b)"
    rf"|(?P<date>(?:[\d零〇一二三四五六七八九]{{4}}年)?{DAY_NUMBER}月{DAY_NUMBER}"
    rf"(?:(?:日|号)?(?:-|~|至|到)(?:{DAY_NUMBER}月)?{DAY_NUMBER})?(?:日|号)"
    r"|\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}月\d{1,2}\b"
    rf"|\b{MONTH_NAME}\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}}\b)?|\b(?:the\s)?\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{MONTH_NAME}\b"
    rf"|\bthe\s\d{{1,2}}(?:st|nd|rd|th)\b|{DAY_NUMBER}号|\b\d{{1,2}}日(?:上午|下午|中午|晚上|前|之前|给|为|发|寄|到))"
    rf"|(?P<workdays>{_N}\s?(?:个)?(?:完整)?\s?(?:工作日|business\sdays?|working\sdays?|workdays?))"
    rf"|(?P<half>{NUMBER}个半(?:小时|钟头|月)|半个?(?:小时|钟头)|半天|半个月|半年|一刻钟|\bhalf\s(?:an|a)\s(?:hour|day))"
    rf"|(?P<wall>{_N}\s?(?:个)?(?:多)?(?:秒钟?|分钟|小时|钟头|个钟|business\shours?|seconds?\b|secs?\b|minutes?\b|mins?\b"
    r"|hours?\b|hrs?\b|h\b)|\bthe\s(?:next\s)?hour\b)"
    rf"|(?P<days>{_N}[\s-]?(?:个)?(?:自然|calendar\s)?(?:天|日(?:之|以)?内|周|星期|礼拜|个月|days?\b|weeks?\b|months?\b))"
    r"|(?P<vague>马上|立即|立刻|即刻|立马|稍后|稍候|尽快|尽早|第一时间|一会儿|一会|待会儿?|right\s(?:away|now)|\basap\b"
    r"|as\ssoon\sas\spossible|\bshortly\b|\bimmediately\b|\bsoon\b|straight\saway|at\sonce|in\sa\s(?:moment|minute|bit|while))"
    r"|(?P<day>大后天|后天|今天|今日|今晚|今早|今夜|今儿|当天|当日|明天|明日|明早|明晚|明儿"
    r"|(?:下下|下个?|本|这个?)?(?:周|星期|礼拜)[一二三四五六日天末]|(?:下个?|本|这个?)(?:周|星期|礼拜)内?"
    r"|(?:本|这个?|下个?)月[底内]?|月底|\bthe\sday\safter\stomorrow|\btoday\b|\btonight\b|\btomorrow\b|\btmr\b"
    rf"|\b(?:(?:this|next|coming|the)\s)?{_WEEKDAY}\b|\bend\sof\s(?:the|this|next)\s(?:week|month)|\b(?:this|next)\s(?:week|month)\b)"
    rf"|(?P<clock>{DAY_NUMBER}点(?:半|一刻|三刻|{DAY_NUMBER}分?)?(?:钟|整)?|\b\d{{1,2}}:\d{{2}}(?:\s?[ap]\.?m\b\.?)?"
    r"|\b\d{1,2}\s?(?:a\.?m\b\.?|p\.?m\b\.?|o'clock))"
    r"|(?P<part>凌晨|清晨|早上|早晨|上午|中午|正午|下午|午后|傍晚|晚上|晚间|夜里|夜间|下班|上班|打烊"
    r"|\bmorning\b|\bmidday\b|\bnoon\b|\blunch\s?time\b|\bafternoon\b|\bevening\b|\bnight\b"
    r"|\bend\sof\s(?:the\s)?(?:business\s|working\s)?day\b|\bclose\sof\s(?:business|play)\b|\beod\b|\beob\b|\bcob\b)"
    r"|(?P<after>(?:之|以)?前)|(?P<before>\bbefore\b|\bprior\sto\b|\bahead\sof\b)"
)
_GLUE = {"", "的", ",", "at", "on", "in the", "by", "of", "by the", "before", "around", "about", "大约", "左右"}
_COMPOSITE = ("date", "day", "part", "clock", "after", "before")


@dataclass(frozen=True, slots=True)
class TimeWord:
    """`kind` is the name of its group in TIME_WORDS."""

    kind: str
    text: str
    start: int
    end: int


def groups(tokens: Sequence[TimeWord], text: str) -> Iterator[list[TimeWord]]:
    """Neighbouring day, part and clock tokens belong together; every other token stands alone."""
    group: list[TimeWord] = []
    for token in tokens:
        composite = token.kind in _COMPOSITE
        if group and composite and _continues(group, token, text):
            group.append(token)
            continue
        if group:
            yield group
        group = [token]
        if not composite:
            yield group
            group = []
    if group:
        yield group


def _continues(group: list[TimeWord], token: TimeWord, text: str) -> bool:
    between = text[group[-1].end : token.start].strip()
    if token.kind == "after":
        return between == "" and group[-1].kind != "before"
    kinds = {each.kind for each in group}
    if token.kind in kinds or (token.kind in ("date", "day") and kinds & {"date", "day"}) or "after" in kinds:
        return False
    return between in _GLUE
