"""The same question from many customers is found among those of the last hour, exactly as the rule says (4.3)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from router.clusters import FEWEST, MOST, Asking, LastHour
from router.duplicates import Report, features, incident
from tests.router.shipped_standards import standards

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
DOWN = "The website shows an error when I pay"


def asking(customer: int, minutes: float = 0, text: str = DOWN) -> Asking:
    return Asking(
        message=UUID(int=customer),
        conversation=UUID(int=100 + customer),
        contact=UUID(int=customer),
        at=NOW + timedelta(minutes=minutes),
        text=text,
        features=features(text, standards().topics.ignored),
    )


def asked(*askings: Asking) -> LastHour:
    hour = LastHour()
    for each in askings:
        hour.add(each)
    return hour


def customers(found: tuple[Asking, ...]) -> list[int]:
    return [each.contact.int for each in found]


def test_the_fifth_customer_within_an_hour_makes_a_cluster_and_the_fourth_does_not() -> None:
    hour = asked(*(asking(number, number) for number in range(3)))
    assert hour.cluster(asking(3, 3)) == ()
    hour.add(asking(3, 3))
    assert customers(hour.cluster(asking(9, 60))) == [0, 1, 2, 3, 9]
    assert hour.cluster(asking(9, 60.1)) == ()


def test_one_customer_who_repeats_a_question_is_one() -> None:
    hour = asked(*(asking(1, minute) for minute in range(20)))
    assert len(hour) == 1
    assert hour.cluster(asking(1, 21)) == ()


def test_greetings_and_single_words_are_no_question() -> None:
    hour = asked(*(asking(number, text=text) for number in range(9) for text in ("Hello!", "yes", "Yes please")))
    assert len(hour) == 0
    assert hour.cluster(asking(20, text="yes")) == ()


def test_other_questions_do_not_count() -> None:
    hour = asked(*(asking(number, text=f"Where is parcel {number}, it left Leeds on Monday?") for number in range(9)))
    assert hour.cluster(asking(20)) == ()


def test_everybody_with_an_order_of_their_own_is_no_incident_and_one_number_of_all_is() -> None:
    hour = asked(*(asking(number, text=f"Where is order {number}?") for number in range(9)))
    assert hour.cluster(asking(20, text="Where is order 20?")) == ()
    hour = asked(*(asking(number, text=f"Error 502 when I pay {number} yuan") for number in range(9)))
    assert len(hour.cluster(asking(20, text="Error 502 when I pay"))) == 10


def test_chinese_questions_are_compared_in_either_script() -> None:
    texts = ("网站打不开,付款报错", "您好,網站打不開,付款報錯", "网站打不开付款报错了", "网站打不开,付款报错!")
    hour = asked(*(asking(number, text=text) for number, text in enumerate(texts)))
    assert len(hour.cluster(asking(9, 1, "请问网站打不开,付款报错吗"))) == 5


def test_what_belongs_to_an_incident_counts_for_no_other() -> None:
    hour = asked(*(asking(number) for number in range(4)))
    hour.forget(hour.cluster(asking(4, 1)))
    assert len(hour) == 0
    assert hour.cluster(asking(5, 2)) == ()


def test_it_remembers_an_hour_and_no_more_than_its_bound() -> None:
    hour = asked(asking(1), asking(2, 30), asking(3, 61))
    assert len(hour) == 2
    bounded = LastHour(most=10)
    for number in range(25):
        bounded.add(asking(number, text=f"question {number}"))
    assert len(bounded) == 10
    assert MOST == 20_000


WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=0, max_size=8, unique=True).map(frozenset)


@given(st.lists(st.tuples(st.integers(1, 7), WORDS, st.integers(0, 40)), max_size=40), WORDS)
def test_it_finds_the_customers_the_rule_names(
    said: list[tuple[int, frozenset[str], int]], new: frozenset[str]
) -> None:
    hour = LastHour()
    reports: list[Report] = []
    minutes = 0
    for customer, words, later in said:
        minutes += later
        at = NOW + timedelta(minutes=minutes)
        one = Asking(
            message=UUID(int=1), conversation=UUID(int=1), contact=UUID(int=customer), at=at, text="", features=words
        )
        hour.add(one)
        if len(words) >= FEWEST:
            reports.append(Report(contact=one.contact, at=at, features=words))
    last = Report(contact=UUID(int=9), at=NOW + timedelta(minutes=minutes), features=new)
    found = hour.cluster(
        Asking(message=UUID(int=2), conversation=UUID(int=2), contact=last.contact, at=last.at, text="", features=new)
    )
    expected = incident(last, reports) if len(new) >= FEWEST else frozenset()
    assert frozenset(each.contact for each in found) == expected
