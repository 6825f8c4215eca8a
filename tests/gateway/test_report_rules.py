"""`onevoice report rules` on a real store: a rule that is mostly overridden, and one that is not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import load
from gateway.standards import shipped
from gateway.voices import voice_of
from router.decision import Decision, Snapshot
from router.model import Inbound
from router.richtext import Mention, Paragraph, RichText, Span
from router.routing import decide
from storage.database import Database
from storage.intake import Submission, receive
from storage.schema import migrate
from storage.statement import Statement
from tests.gateway.looking_back import SHOP, in_force, on, onevoice
from tests.storage.inbounds import answer, arrival, question

LINK = Statement("UPDATE legs SET thread_key = 'desk:C1:1.1' WHERE desk")
HEAD = "rule,version,level,hits,sent_anyway,rate,suggested"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP % (tmp_path / "onevoice.db"))
    migrate(f"sqlite:///{tmp_path / 'onevoice.db'}")
    return path


def held(shop: Path, text: str, *, sent: int, discarded: int) -> None:
    """Alice's replies that a rule holds, and what she says of each."""

    async def work(database: Database) -> None:
        rules = replace(await in_force(database, shop), voice=voice_of(load(shop, {})))

        def choose(snapshot: Snapshot, inbound: Inbound) -> Decision:
            return decide(snapshot, inbound, rules)

        async def come(*inbounds: Inbound) -> None:
            await database.transact(
                receive, [Submission(each.channel, [arrival(each)]) for each in inbounds], choose, rules
            )

        await come(question())
        await database.transact(lambda tx: tx.run(LINK, {}))
        for verb in [*["send I mean it"] * sent, *["discard"] * discarded]:
            mention = RichText((Paragraph((Mention("onevoice", "U0BOT"), Span(f" {verb}"))),))
            await come(answer(text, "C1:1.1"), replace(answer("", "C1:1.1"), text=mention))

    on(shop, work)


def report(shop: Path, *words: object) -> str:
    found = onevoice("report", "rules", "--config", shop, *words)
    assert found.exit_code == 0, found.output
    return found.stdout


def test_a_milder_level_is_suggested_for_a_rule_that_is_mostly_overridden(shop: Path) -> None:
    held(shop, "That is not my department.", sent=9, discarded=11)
    assert report(shop, "--format", "csv").splitlines() == [HEAD, "W-BRUSHOFF,1,warn,20,9,0.45,log"]
    told = json.loads(report(shop, "--format", "json", "--days", 7))
    assert told == {
        "days": 7,
        "rules": [
            {
                "rule": "W-BRUSHOFF", "version": 1, "level": "warn", "hits": 20, "sent_anyway": 9, "rate": 0.45,
                "suggested": "log",
            }
        ],
    }  # fmt: skip


def test_a_few_overrides_suggest_nothing(shop: Path) -> None:
    held(shop, "That is not my department.", sent=2, discarded=1)
    head, row = report(shop).splitlines()
    assert head.split() == HEAD.split(",")
    assert row.split() == ["W-BRUSHOFF", "1", "warn", "3", "2", "0.6667", "-"]


def test_a_version_that_is_not_in_force_has_neither_level_nor_suggestion(shop: Path) -> None:
    held(shop, "That is not my department.", sent=20, discarded=0)
    wording = (shipped() / "wording.yaml").read_text(encoding="utf-8")
    changed = wording.replace("id: W-BRUSHOFF\n      version: 1", "id: W-BRUSHOFF\n      version: 2")
    (shop.parent / "wording.yaml").write_text(changed, encoding="utf-8")
    shop.write_text(shop.read_text() + "standards: {include: wording.yaml}\n")
    assert report(shop).splitlines()[1].split() == ["W-BRUSHOFF", "1", "-", "20", "20", "1", "-"]


def test_without_a_held_reply_it_says_so(shop: Path) -> None:
    assert report(shop, "--days", 7) == "no reply was held in the last 7 days\n"
    assert report(shop, "--format", "csv") == f"{HEAD}\n"
