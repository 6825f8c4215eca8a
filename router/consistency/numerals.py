"""Numbers as people write them: digits, Chinese numerals (十五, 两, 半), small English words."""

from decimal import Decimal, InvalidOperation

_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10000}
_WORDS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20,
    "twenty-four": 24, "thirty": 30, "forty-eight": 48, "forty": 40, "sixty": 60, "seventy-two": 72, "ninety": 90,
    "a couple of": 2, "couple of": 2, "a few": 3,
}  # fmt: skip

CHINESE = r"[零〇一二两三四五六七八九十百千万半]+"
WORDS = "|".join(sorted((word.replace(" ", r"\s") for word in _WORDS), key=len, reverse=True))
NUMBER = rf"(?:\d+(?:,\d{{3}})*(?:\.\d+)?|{CHINESE}|\b(?:{WORDS})\b)"
RANGE = rf"(?P<n>{NUMBER})(?:\s?(?:-|~|—|至|到|或|to|or)\s?(?P<m>{NUMBER}))?"


def number(text: str) -> Decimal | None:
    """The value of a number written in digits, Chinese numerals or English words; None when it is none.

    Two neighbouring Chinese digits mean "two or three" and give the larger (两三天); three and more are read one
    by one (二〇二六).
    """
    text = text.strip()
    if text in _WORDS:
        return Decimal(_WORDS[text])
    if text and text[0].isascii():
        try:
            return Decimal(text.replace(",", ""))
        except InvalidOperation:
            return None
    return _chinese(text)


def _chinese(text: str) -> Decimal | None:
    if not text or any(char not in _DIGITS and char not in _SCALES and char != "半" for char in text):
        return None
    half = Decimal("0.5") if text.endswith("半") else Decimal(0)
    text = text.removesuffix("半")
    if "半" in text:
        return None
    if not text:
        return half
    if all(char in _DIGITS for char in text):
        digits = [_DIGITS[char] for char in text]
        if len(digits) == 2 and 0 < digits[0] < digits[1]:
            return digits[1] + half
        return Decimal("".join(map(str, digits))) + half
    total = section = 0
    digit: int | None = None
    for char in text:
        if char in _DIGITS:
            # 二三十: the larger of two neighbours, as with 两三
            digit = _DIGITS[char]
        elif char == "万":
            total += (section + (digit or 0) or 1) * 10000
            section, digit = 0, None
        else:
            section += (1 if digit is None else digit) * _SCALES[char]
            digit = None
    return Decimal(total + section + (digit or 0)) + half
