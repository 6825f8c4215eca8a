"""Amounts of money in a text: currency before or after, thousands separators, Chinese numerals."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from router.consistency.numerals import number
from router.consistency.patterns import Pattern
from router.consistency.text import Haystack

_FIGURE = r"\d{1,3}(?:[,.]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?"
_CHINESE_FIGURE = r"[一二两三四五六七八九十百千万零]+"
_MONEY = Pattern(
    rf"(?P<before>¥|rmb|cny|人民币|us\$|hk\$|nt\$|\$|usd|hkd|twd|美元|€|eur|欧元|£|gbp)\s?(?P<a>{_FIGURE})(?P<scale>万)?"
    rf"(?:\s?(?:元|块|圆))?"
    rf"|(?:\b(?P<b>{_FIGURE})(?P<scale2>万)?|(?P<c>{_CHINESE_FIGURE}))\s?"
    r"(?P<after>元|块钱?|圆|人民币|rmb\b|cny\b|yuan\b|美元|美金|usd\b|us\sdollars?\b|dollars?\b|欧元|eur\b|euros?\b|€|英镑"
    r"|gbp\b|pounds?\b|港币|港元|hkd\b|台币|新台币|twd\b)(?P<tenth>[1-9](?:毛|角|$|[^\d.,:年月日号天个件小时分]))?"
)
_CURRENCIES = {
    "¥": "CNY", "rmb": "CNY", "cny": "CNY", "人民币": "CNY", "元": "CNY", "块": "CNY", "块钱": "CNY", "圆": "CNY",
    "yuan": "CNY", "us$": "USD", "$": "USD", "usd": "USD", "美元": "USD", "美金": "USD", "us dollar": "USD",
    "us dollars": "USD", "dollar": "USD", "dollars": "USD", "€": "EUR", "eur": "EUR", "欧元": "EUR", "euro": "EUR",
    "euros": "EUR", "£": "GBP", "gbp": "GBP", "英镑": "GBP", "pound": "GBP", "pounds": "GBP", "hk$": "HKD",
    "hkd": "HKD", "港币": "HKD", "港元": "HKD", "nt$": "TWD", "twd": "TWD", "台币": "TWD", "新台币": "TWD",
}  # fmt: skip
_CENT = Decimal("0.01")
_TOGETHER = {"一块", "一圆"}  # 一块处理 means "together"
_LARGEST = Decimal(10**12)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount at a span of its haystack; `value` has two decimals."""

    start: int
    end: int
    value: Decimal
    currency: str


def amounts(hay: Haystack) -> Iterator[Money]:
    """All amounts that name their currency, from left to right."""
    for hit in _MONEY.hits(hay):
        groups = {name: hay.text[start:end] for name, (start, end) in hit.groups.items()}
        written = groups.get("a") or groups.get("b")
        value = _figure(written) if written else number(groups["c"])
        currency = _CURRENCIES[(groups.get("before") or groups["after"]).replace("\xa0", " ")]
        end = hit.end
        if "tenth" in groups:
            if value is not None and groups["after"] in ("块", "块钱") and value == value.to_integral_value():
                value += Decimal(groups["tenth"][0]) / 10
                end = hit.groups["tenth"][0] + 1
            else:
                end = hit.groups["tenth"][0]
        if value is None or hay.text[hit.start : end].strip() in _TOGETHER or value > _LARGEST:
            continue
        if groups.get("scale") or groups.get("scale2"):
            value *= 10000
        yield Money(hit.start, end, value.quantize(_CENT), currency)


def _figure(text: str) -> Decimal | None:
    """1,299.00 and 1.299,00 and 89,50: the last mark is the decimal one when one or two digits follow it."""
    whole, mark, rest = text, "", ""
    for index in range(len(text) - 1, -1, -1):
        if text[index] in ",.":
            if len(text) - index - 1 <= 2:
                whole, mark, rest = text[:index], ".", text[index + 1 :]
            break
    return Decimal(whole.replace(",", "").replace(".", "") + mark + rest)
