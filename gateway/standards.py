"""`config/standards/*.yaml` as rule values: read, checked with every pattern's own examples, refused with file:line."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.document import Document, Mistake, read
from gateway.standard_facts import fact_sheet
from gateway.standard_messages import messages
from gateway.standard_reading import (
    RULE_KEYS,
    Node,
    one_of,
    patterns,
    rule,
    version_of,
)
from gateway.standard_replies import replies
from router.canned_replies import Replies
from router.consistency.findings import Rule
from router.consistency.formats import FormatRules, Limits
from router.consistency.patterns import Pattern, named
from router.consistency.pii import PiiRules
from router.consistency.promises import PromiseKind, PromiseRules, Unless
from router.consistency.reply import Standards
from router.consistency.scripts import table_version
from router.consistency.statements import DecisionRules, LedgerRules, Slot
from router.consistency.text import normalise
from router.consistency.wording import RequiredElements, WordingRule, WordingRules
from router.model import ChannelType
from router.recognition import Recognition
from router.standard_messages import Messages
from router.topics import Category, TopicRules

FILES = (
    "checks", "contacts", "facts", "formats", "ledger", "messages", "orders", "promises", "replies", "topics",
    "wording",
)  # fmt: skip
"""The files of a standards folder, without `.yaml`."""

CHECKS = (
    "W-PII", "W-SHOUT", "W-GREET", "W-EMPATHY", "W-CLOSE", "W-MARKUP", "LANG", "LANG-SCRIPT",
    "FMT-HARD", "FMT-LENGTH", "FMT-LINES", "FMT-FILE", "FMT-LINK", "FMT-GREETING", "FMT-TABLE", "FMT-SUBJECT",
    "FMT-QUESTIONS", "L-AMOUNT", "L-NO", "L-YES", "L-SLIP", "L-EARLIER", "L-TRACKING", "L-OPTION", "L-ADDRESS",
    "COL-A", "COL-SAME", "COL-B", "COL-C", "COL-D", "COL-OWNER", "PROMISE-EARLY", "PROMISE-OPEN",
    "ANSWER-INCIDENT", "ANSWER-REUSE",
)  # fmt: skip
"""The rules that code finds; their levels and words are in `checks.yaml`."""


class StandardsError(Exception):
    """The standards cannot be used; `mistakes` name file, line, key and what to do."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def shipped() -> Path:
    """The standards that come with Onevoice, in a wheel or in a working copy."""
    inside = Path(__file__).parent / "example_config" / "standards"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "config" / "standards"


def load_standards(folder: Path) -> Standards:
    """The standards of a folder; a file it lacks is taken from those that come with Onevoice.

    Raises StandardsError with every mistake of every file.
    """
    documents: dict[str, Document] = {}
    digest = hashlib.sha256(table_version().encode())
    for name in FILES:
        path = folder / f"{name}.yaml"
        path = path if path.is_file() else shipped() / f"{name}.yaml"
        documents[name] = read(path, {})
        digest.update(path.read_bytes() if path.is_file() else b"")
    return to_standards(documents, digest.hexdigest())


RECOGNISED = ("orders", "topics")
"""The files that recognition needs."""


def to_recognition(documents: Mapping[str, Document]) -> Recognition:
    """From the documents `RECOGNISED` names; raises StandardsError with every mistake."""
    recognition = _Reading(documents).recognition()
    _raise_mistakes(documents)
    assert recognition is not None
    return recognition


def to_messages(document: Document) -> Messages:
    """From the file `messages` alone; raises StandardsError with every mistake."""
    documents = {"messages": document}
    node = _Reading(documents).section("messages", "messages")
    found = None if node is None else messages(node)
    _raise_mistakes(documents)
    assert found is not None
    return found


def to_replies(document: Document) -> Replies:
    """From the file `replies` alone; raises StandardsError with every mistake."""
    documents = {"replies": document}
    node = _Reading(documents).section("replies", "replies")
    found = None if node is None else replies(node)
    _raise_mistakes(documents)
    assert found is not None
    return found


def to_standards(documents: Mapping[str, Document], digest: str) -> Standards:
    """Standards from documents by the names of `FILES`; raises StandardsError with every mistake."""
    standards = _Reading(documents).standards(f"sha256:{digest[:16]}")
    _raise_mistakes(documents)
    assert standards is not None
    return standards


def _raise_mistakes(documents: Mapping[str, Document]) -> None:
    if mistakes := [mistake for document in documents.values() for mistake in document.mistakes]:
        raise StandardsError(sorted(mistakes, key=lambda each: each.place))


@dataclass(frozen=True, slots=True)
class _Reading:
    documents: Mapping[str, Document]

    def standards(self, version: str) -> Standards | None:
        """None when a file cannot be read at all."""
        nodes = {name: self.section(name, name) for name in FILES}
        required = self.section("wording", "required")
        if required is None or any(node is None for node in nodes.values()):
            return None
        known = {name: node for name, node in nodes.items() if node is not None}
        orders = _orders(known["orders"])
        promises = _promises(known["promises"])
        topics, thanks = _topics(known["topics"], orders)
        return Standards(
            version=version,
            checks=_checks(known["checks"]),
            wording=_wording(known["wording"]),
            required=_required(required),
            facts=fact_sheet(known["facts"]),
            promises=promises,
            ledger=_ledger(known["ledger"], orders, promises),
            topics=topics,
            pii=_contacts(known["contacts"]),
            formats=_formats(known["formats"]),
            thanks=thanks,
            messages=messages(known["messages"]),
            replies=replies(known["replies"]),
        )

    def recognition(self) -> Recognition | None:
        """None when one of the files cannot be read at all."""
        orders, topics = (self.section(name, name) for name in RECOGNISED)
        if orders is None or topics is None:
            return None
        rules, thanks = _topics(topics, _orders(orders))
        return Recognition(topics=rules, thanks=thanks)

    def section(self, name: str, key: str) -> Node | None:
        document = self.documents[name]
        if not isinstance(document.value, dict) or key not in document.value:
            document.wrong(document.places[()], (), f"the section {key}: is missing")
            return None
        return Node(document, (key,), document.value[key])


def _checks(node: Node) -> dict[str, Rule]:
    parts = node.mapping(required=CHECKS)
    return {name: rule(name, parts[name].mapping(("level", "message"), RULE_KEYS)) for name in CHECKS if name in parts}


def _wording(node: Node) -> WordingRules:
    parts = node.mapping(("version", "rules"))
    rules: list[WordingRule] = []
    for each in parts["rules"].items() if "rules" in parts else ():
        keys = each.mapping(("id", "level", "patterns"), (*RULE_KEYS, "exceptions", "instead"))
        if not {"id", "patterns"} <= keys.keys():
            continue
        name = keys["id"].text()
        if any(name == other.rule.id for other in rules):
            keys["id"].wrong("this rule is here twice; keep one")
        exceptions = one_of(keys["exceptions"]) if "exceptions" in keys else None
        found = tuple(patterns(keys["patterns"], exceptions=exceptions))
        if "instead" in keys:
            keys["suggestion"] = keys["instead"]
        rules.append(WordingRule(rule=rule(name, keys), patterns=found, exceptions=exceptions))
    return WordingRules.of(rules, version_of(parts))


def _required(node: Node) -> RequiredElements:
    parts = node.mapping(("version", "greeting", "empathy", "closing"))
    elements = {name: one_of(parts.get(name)) for name in ("greeting", "empathy", "closing")}
    return RequiredElements(version=version_of(parts), elements=elements)


def _promises(node: Node) -> PromiseRules:
    parts = node.mapping(("version", "vague", "kinds", "holding", "waiting", "reasons"))
    vague = {ChannelType(key): value.duration() for key, value in _channels(parts.get("vague"))}
    if ChannelType.WEBCHAT not in vague and "vague" in parts:
        parts["vague"].wrong("webchat is missing: it also stands for channels that are not listed")
    kinds: list[tuple[PromiseKind, Pattern]] = []
    for each in parts["kinds"].items() if "kinds" in parts else ():
        keys = each.mapping(("kind", "patterns"))
        if len(keys) == 2:
            kinds.append((keys["kind"].choice(PromiseKind), one_of(keys["patterns"])))
    reasons: list[Unless] = []
    for each in parts["reasons"].items() if "reasons" in parts else ():
        keys = each.mapping(("reason", "patterns"), ("unless",))
        if "patterns" in keys:
            unless = one_of(keys["unless"]) if "unless" in keys else None
            reasons.append(Unless(one_of(keys["patterns"]), unless))
    return PromiseRules(
        version=version_of(parts),
        kinds=tuple(kinds),
        holding=one_of(parts.get("holding")),
        reasons=tuple(reasons),
        waiting=one_of(parts.get("waiting")),
        vague=vague,
    )


def _channels(node: Node | None) -> list[tuple[str, Node]]:
    found: list[tuple[str, Node]] = []
    for key, value in node.entries().items() if node is not None else ():
        if key in {each.value for each in ChannelType}:
            found.append((key, value))
        else:
            value.wrong(f"must be one of {', '.join(ChannelType)}")
    return found


def _ledger(node: Node, orders: tuple[Pattern, ...], promises: PromiseRules) -> LedgerRules:
    names = (
        "version", "amounts", "denied", "hedged", "decisions", "tracking", "dates", "address", "address_marks",
        "options", "slip_reason", "second_parcel",
    )  # fmt: skip
    parts = node.mapping(names)
    decided = ("nouns", "before", "after", "open", "policy", "compound")
    decisions = parts["decisions"].mapping(decided) if "decisions" in parts else {}
    options = parts["options"].mapping(("ours", "theirs", "remedies")) if "options" in parts else {}
    remedies: list[tuple[str, Pattern]] = []
    for each in options["remedies"].items() if "remedies" in options else ():
        keys = each.mapping(("value", "patterns"))
        if len(keys) == 2:
            remedies.append((keys["value"].text(), one_of(keys["patterns"])))
    return LedgerRules(
        version=version_of(parts),
        orders=orders,
        triggers=named({slot.value: each for slot, each in _slots(parts.get("amounts"))}),
        denied=one_of(parts.get("denied")),
        hedged=one_of(parts.get("hedged")),
        decisions=DecisionRules(
            nouns=tuple(_slots(decisions.get("nouns"))),
            before=_polarities(decisions.get("before")),
            after=_polarities(decisions.get("after")),
            open=one_of(decisions.get("open")),
            policy=one_of(decisions.get("policy")),
            compound=one_of(decisions.get("compound")),
        ),
        tracking=tuple(patterns(parts.get("tracking"), groups=("no",))),
        dates=tuple(_slots(parts.get("dates"))),
        addresses=tuple(patterns(parts.get("address"), groups=("address",))),
        address_mark=one_of(parts.get("address_marks")),
        options=tuple(patterns(options.get("ours"), groups=("option",))),
        choices=tuple(patterns(options.get("theirs"), groups=("option",))),
        remedies=tuple(remedies),
        empathy=one_of(parts.get("slip_reason")),
        split=one_of(parts.get("second_parcel")),
        promises=promises,
    )


def _slots(node: Node | None) -> list[tuple[Slot, Pattern]]:
    found: list[tuple[Slot, Pattern]] = []
    for each in node.items() if node is not None else ():
        keys = each.mapping(("slot", "patterns"))
        if len(keys) == 2:
            found.append((keys["slot"].choice(Slot), one_of(keys["patterns"])))
    return found


def _polarities(node: Node | None) -> Pattern:
    parts = node.mapping(("undecided", "no", "yes"), ("weak",)) if node is not None else {}
    return named({name: one_of(each) for name, each in parts.items()})


def _orders(node: Node) -> tuple[Pattern, ...]:
    return tuple(patterns(node.mapping(("version", "patterns")).get("patterns")))


def _topics(node: Node, orders: tuple[Pattern, ...]) -> tuple[TopicRules, Pattern]:
    parts = node.mapping(("version", "categories", "complaint", "urgent", "ignored", "thanks"))
    categories: list[Category] = []
    for each in parts["categories"].items() if "categories" in parts else ():
        keys = each.mapping(("id", "patterns"), ("weight",))
        if {"id", "patterns"} <= keys.keys():
            weight = keys["weight"].integer() if "weight" in keys else 1
            categories.append(Category(id=keys["id"].text(), keywords=one_of(keys["patterns"]), weight=weight))
    ignored = parts["ignored"].texts() if "ignored" in parts else ()
    rules = TopicRules(
        version=version_of(parts),
        orders=orders,
        categories=tuple(categories),
        complaint=one_of(parts.get("complaint")),
        urgent=one_of(parts.get("urgent")),
        ignored=frozenset(normalise(word).text for word in ignored),
    )
    words = one_of(parts.get("thanks"))
    return rules, Pattern(rf"(?:(?:{words.compiled})[\s,.。!~;、\-…]*)+", ready=True)


def _contacts(node: Node) -> PiiRules:
    lists = ("internal", "secret", "postal", "own_postal")
    parts = node.mapping(("version", "region", *lists, "labelled"), ("phones", "emails", "addresses"))

    def listed(name: str) -> tuple[str, ...]:
        return parts[name].texts() if name in parts else ()

    return PiiRules(
        version=version_of(parts),
        region=parts["region"].text() if "region" in parts else "CN",
        phones=frozenset("".join(filter(str.isdigit, each)) for each in listed("phones")),
        emails=frozenset(each.casefold() for each in listed("emails")),
        addresses=listed("addresses"),
        internal=one_of(parts.get("internal")),
        secret=one_of(parts.get("secret")),
        postal=one_of(parts.get("postal")),
        own_postal=one_of(parts.get("own_postal")),
        labelled=tuple(patterns(parts.get("labelled"), groups=("no",))),
    )


def _formats(node: Node) -> FormatRules:
    parts = node.mapping(("version", "limits", "domains", "case_token"))
    limits: dict[ChannelType, Limits] = {}
    for key, each in _channels(parts.get("limits")):
        keys = each.mapping(("hard",), ("warn", "lines", "unit", "files", "file_size"))
        limits[ChannelType(key)] = Limits(
            warn=keys["warn"].integer() if "warn" in keys else None,
            lines=keys["lines"].integer() if "lines" in keys else None,
            hard=keys["hard"].integer() if "hard" in keys else 4000,
            unit=keys["unit"].text() if "unit" in keys else "chars",
            files=keys["files"].texts() if "files" in keys else (),
            file_size=keys["file_size"].integer() if "file_size" in keys else 20 * 1024 * 1024,
        )
    if ChannelType.WEBCHAT not in limits and "limits" in parts:
        parts["limits"].wrong("webchat is missing: it also stands for channels that are not listed")
    domains = parts["domains"].texts() if "domains" in parts else ()
    return FormatRules(
        version=version_of(parts),
        limits=limits,
        domains=frozenset(each.casefold().removeprefix("www.") for each in domains),
        case_token=one_of(parts.get("case_token")),
    )
