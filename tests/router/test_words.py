"""The words by which texts are found."""

import pytest

from router.words import LONGEST, MOST, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where is ORDER a10017?", ["where", "is", "order", "a10017"]),
        ("R-1001", ["r", "1001"]),
        ("tom@Example.com", ["tom", "example", "com"]),
        ("\uff21\uff11\uff10", ["a10"]),
        ("Straße, straße", ["strasse"]),
        ("退货地址", ["退货", "货地", "地址"]),
        ("我要退A1货", ["我要", "要退", "a1", "货"]),
        ("snake_case", ["snake", "case"]),
        ("... \U0001f600", []),
    ],
)
def test_words_are_what_people_would_look_for(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_whatever_is_written_there_is_an_end() -> None:
    assert words_of("x" * 500) == ["x" * LONGEST]
    assert len(words_of(" ".join(map(str, range(10_000))))) == MOST
