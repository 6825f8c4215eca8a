"""What a thread is shown of a held reply: its findings, the buttons to decide it, and what became of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from router.approved import insertable
from router.consistency.findings import Finding, Level, Words, needs_lead
from router.consistency.language import Language, language
from router.consistency.ledger import LEDGER_RULES
from router.decision import Planned
from router.desk_view import DeskView, EndedHold, Held
from router.directs import lead_of
from router.forms import ASKS
from router.local_time import local_time
from router.model import CardButton, Conversation, Message, Outgoing
from router.planning import notice
from router.record import HoldState
from router.richtext import Break, Inline, Paragraph, RichText, Span, Style
from router.rulebook import Agent, Rulebook

REF = "held:"
"""What the word begins with that names a held reply in the line of a button: "held:<its post>@<its version>"."""
SHOWN = 300
"""Characters of an answer or of new words that a notice holds."""
ITSELF = "itself"
"""In the place of a post: the message that a decision is about, which has none and no id yet."""
_FIRST_ANSWERS = frozenset({"COL-A", "COL-SAME"})
_OWNED = "COL-OWNER"


def subject_of(message: Message) -> str:
    """What notices about a held reply are about."""
    return f"{REF}{message.remote_id or message.id.hex}"


def ref_of(message: Message, version: int | None = None) -> str:
    """The word that names a held reply and its words as they are now: what is decided is what was read."""
    return f"{subject_of(message)}@{message.version if version is None else version}"


def naming(outgoing: Outgoing, message: UUID) -> Outgoing:
    """A notice about a held reply that nobody posted, with the id it has now in the place of ITSELF."""
    if outgoing.about != f"{REF}{ITSELF}":
        return outgoing
    buttons = (replace(each, line=each.line.replace(ITSELF, message.hex, 1)) for each in outgoing.buttons)
    return replace(outgoing, about=f"{REF}{message.hex}", buttons=tuple(buttons))


def is_ref(word: str) -> bool:
    return word.startswith(REF)


def asking(
    conversation: Conversation, rules: Rulebook, desk: DeskView, agent: Agent, findings: Sequence[Finding], ref: str
) -> tuple[Planned, ...]:
    """The notice of a held reply with its buttons."""
    lead = lead_of(rules, conversation.team)
    hints = _hints(desk, findings, lead.name if lead is not None else "")
    said = RichText((_paragraph([*_lines(desk, agent, findings, rules), *hints]),))
    return notice(conversation, said, about=ref.rpartition("@")[0], buttons=_buttons(findings, ref))


def decided(rules: Rulebook, desk: DeskView, agent: Agent | None, held: Held, zh: str, en: str) -> tuple[str, RichText]:
    """What notices about a held reply say once it is decided: the findings, and what became of them."""
    author = agent or Agent(id=held.agent, name=held.agent)
    children = [*_paragraph(_lines(desk, author, held.findings, rules)).children, Break()]
    children.append(Span(_said(_chinese(desk), zh, en), Style.BOLD))
    return subject_of(held.target.message), RichText((Paragraph(tuple(children)),))


def meanwhile(ended: EndedHold, rules: Rulebook) -> str:
    """What somebody is told who decides about a reply that is decided already."""
    who = rules.agents.get(ended.actor.removeprefix("agent:"))
    name = who.name if who is not None else ended.actor
    what = "sent" if ended.state is HoldState.RELEASED else "dropped"
    why = f" ({ended.reason})" if ended.reason else ""
    return f"Nothing was done: {name} has {what} this reply already, at {local_time(ended.at, rules)}{why}."


def quoted(text: str) -> str:
    """Words in one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def _buttons(findings: Sequence[Finding], ref: str) -> tuple[CardButton, ...]:
    """At most five. A contradiction of what was said can only leave as a correction; what is blocked, a lead
    releases."""
    blocked = needs_lead(findings)
    if any(each.rule in LEDGER_RULES and each.level is Level.BLOCK for each in findings):
        send = CardButton(line=f"correct {ref}{ASKS}", label="Send as a correction")
    else:
        send = CardButton(line=f"send {ref}{ASKS}", label="Release (lead)" if blocked else "Send anyway")
    insert = (CardButton(line=f"insert {ref}", label="Insert approved sentence", primary=True),)
    return (
        *(insert if any(insertable(each) for each in findings) else ()),
        CardButton(line=f"reword {ref}{ASKS}", label="Edit"),
        send,
        CardButton(line=f"discard {ref}", label="Discard"),
        *((CardButton(line="take", label="Take over"),) if any(each.rule == _OWNED for each in findings) else ()),
    )


def _chinese(desk: DeskView) -> bool:
    """Whoever answers a customer reads their language."""
    return bool(desk.asked) and language(desk.asked[0]) in (Language.SIMPLIFIED, Language.TRADITIONAL)


def _lines(desk: DeskView, agent: Agent, findings: Sequence[Finding], rules: Rulebook) -> list[str]:
    """Every finding in words: what was said, what was said before, what is approved."""
    chinese = _chinese(desk)
    lines = [_said(chinese, f"已暂停发送:{agent.name} 的回复。", f"Held: the reply by {agent.name} has not been sent.")]
    for each in findings:
        level = {Level.BLOCK: "禁止", Level.WARN: "警告"}[each.level] if chinese else each.level.value
        lines.append(f"• {level} {each.rule}: {_word(each.message, chinese)}")
        if each.rule in _FIRST_ANSWERS and desk.newest is not None:
            lines.append(_first_answer(desk.newest.agent, desk.newest.at, each.earlier, rules, chinese))
        if each.suggestion:
            lines.append(_said(chinese, "  建议:", "  Instead: ") + _word(each.suggestion, chinese))
    return lines


def _first_answer(agent: str, at: datetime, text: str, rules: Rulebook, chinese: bool) -> str:
    known = rules.agents.get(agent)
    name, when = known.name if known is not None else agent, local_time(at, rules)
    return _said(chinese, f"  {name} 于 {when} 的回复:“{quoted(text)}”", f'  {name} at {when}: "{quoted(text)}"')


def _hints(desk: DeskView, findings: Sequence[Finding], lead: str) -> list[str]:
    """What can be done in words, for those who would rather type; `lead` may release what is blocked."""
    chinese = _chinese(desk)
    lines = [_said(chinese, "修改上面的消息会重新检查。", "Edit your message above to have it checked again.")]
    if any(each.rule in LEDGER_RULES for each in findings):
        lines.append(
            _said(
                chinese,
                "如果是更正之前的说法:`@onevoice correct <原因>`。",
                "If it corrects what was said before: `@onevoice correct <reason>`.",
            )
        )
    blocked = needs_lead(findings)
    name = f" ({lead})" if lead else ""
    who = (
        _said(chinese, f"仅主管{name}可以", f"A lead{name} may")
        if blocked
        else _said(chinese, "您或主管可以", "You or a lead may")
    )
    lines.append(
        _said(
            chinese,
            f"{who}仍然发送:`@onevoice send <原因>`。放弃:`@onevoice discard`。",
            f"{who} send it as it is: `@onevoice send <reason>`. To drop it: `@onevoice discard`.",
        )
    )
    return lines


def _said(chinese: bool, zh: str, en: str) -> str:
    return zh if chinese else en


def _word(words: Words, chinese: bool) -> str:
    return (words.zh or words.en) if chinese else (words.en or words.zh)


def _paragraph(lines: Sequence[str]) -> Paragraph:
    children: list[Inline] = []
    for line in lines:
        if children:
            children.append(Break())
        children.append(Span(line))
    return Paragraph(tuple(children))
