"""An outgoing message with everything the checks may look at, and the standards they judge it by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from router.canned_replies import NO_REPLIES, Replies
from router.consistency.collision import NO_VIEW, LockedView
from router.consistency.facts import FactSheet
from router.consistency.findings import Place, Rule
from router.consistency.formats import FormatRules
from router.consistency.patterns import Pattern
from router.consistency.pii import NOBODY, Own, PiiRules
from router.consistency.promises import PromiseRules
from router.consistency.statements import LedgerRules
from router.consistency.wording import RequiredElements, Stage, WordingRules
from router.model import Attachment, Statement
from router.standard_messages import Messages
from router.topics import TopicRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Standards:
    """Everything of `config/standards/` as rule values. `version` names this content and the script tables it was
    read with; it is stored with every finding's decision."""

    version: str
    checks: Mapping[str, Rule]
    wording: WordingRules
    required: RequiredElements
    facts: FactSheet
    promises: PromiseRules
    ledger: LedgerRules
    topics: TopicRules
    pii: PiiRules
    formats: FormatRules
    thanks: Pattern
    messages: Messages
    replies: Replies = NO_REPLIES

    @property
    def rules(self) -> dict[str, Rule]:
        """Every rule by its id, in whichever file it is written."""
        written = [*(each.rule for each in self.wording.rules), *(each.rule for each in self.facts.rules)]
        return {**self.checks, **{each.id: each for each in written}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One outgoing message and its context.

    `text` is the visible text (`richtext.plain`): spans of findings refer to it. `order` binds facts and statements:
    `orders` are those of the conversation, `ordered_at` the date of the bound one. `told` are the customer's ledger
    entries. `question` is the customer's last message. `corrects`: the agent's reason for correcting an earlier
    statement. `official_answer` is that of an open incident the question belongs to, `approved_answer` one of the
    knowledge base for it. `view` is what the row lock shows.
    """

    text: str
    place: Place = field(default_factory=Place)
    stage: Stage = Stage.NONE
    conversation: UUID | None = None
    topic: str | None = None
    orders: Sequence[str] = ()
    ordered_at: datetime | None = None
    scope: Mapping[str, str] = field(default_factory=dict)
    told: Sequence[Statement] = ()
    question: str = ""
    language: str | None = None
    own: Own = NOBODY
    attachments: Sequence[Attachment] = ()
    subject: str | None = None
    handed_off_at: datetime | None = None
    open_promises: int = 0
    corrects: str = ""
    official_answer: str = ""
    approved_answer: str = ""
    view: LockedView = NO_VIEW
