"""The tables, as SQLAlchemy Core knows them; Alembic's migrations lead to exactly these (a test proves it).

Ids are 16 bytes, instants integer microseconds since 1970 in UTC (decisions 1 and 3), structured values JSON text.
`*_key` columns hold "channel:id", so that a look-up of many needs one column.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[bytes]:
    return Column("id", LargeBinary(16), primary_key=True)


def _instant(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _word(name: str, default: str | None = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


contacts = Table(
    "contacts",
    metadata,
    _id(),
    _word("name"),
    Column("language", Text),
    Column("tier", Text),
    _instant("created_at"),
    Column("merged_into", LargeBinary(16)),
    Index(
        "ix_contacts_merged_into",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
)

contact_merges = Table(
    "contact_merges",
    metadata,
    _id(),
    Column("absorbed", LargeBinary(16), ForeignKey("contacts.id"), nullable=False, index=True),
    Column("survivor", LargeBinary(16), ForeignKey("contacts.id"), nullable=False),
    _word("actor", None),
    _word("reason"),
    _instant("at"),
    _instant("undone_at", nullable=True),
    Column("undone_by", Text),
)

contact_pairs = Table(
    "contact_pairs",
    metadata,
    Column("one", LargeBinary(16), ForeignKey("contacts.id"), primary_key=True),
    Column("other", LargeBinary(16), ForeignKey("contacts.id"), primary_key=True, index=True),
    Column("apart", Boolean, nullable=False),
    _word("actor", None),
    _instant("at"),
)

identities = Table(
    "identities",
    metadata,
    Column("key", Text, primary_key=True),
    Column("contact", LargeBinary(16), ForeignKey("contacts.id"), nullable=False, index=True),
    _word("name"),
    Column("verification", Integer, nullable=False, server_default="0"),
    _word("evidence"),
    _instant("first_seen"),
)

QUEUED = "owner IS NULL AND status = 'open' AND waiting_since IS NOT NULL"

conversations = Table(
    "conversations",
    metadata,
    _id(),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("contact", LargeBinary(16), ForeignKey("contacts.id"), nullable=False),
    _word("status", "open"),
    Column("topic", Text),
    _word("orders", "[]"),
    _word("tags", "[]"),
    _word("priority", "normal"),
    _word("subject"),
    Column("owner", Text),
    Column("team", Text),
    _word("route"),
    Column("policy", Text),
    Column("policy_version", Integer, nullable=False, server_default="0"),
    _instant("waiting_since", nullable=True),
    _instant("opened_at"),
    _instant("last_in_at", nullable=True),
    _instant("resolved_at", nullable=True),
    Column("merged_into", LargeBinary(16)),
    Column("last_word_ours", Boolean, nullable=False, server_default=text("false")),
    Column("next_seq", BigInteger, nullable=False, server_default="1"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Index(
        "ix_conversations_open",
        "contact",
        sqlite_where=text("status <> 'resolved'"),
        postgresql_where=text("status <> 'resolved'"),
    ),
    Index(
        "ix_conversations_resolved",
        "contact",
        "resolved_at",
        sqlite_where=text("status = 'resolved'"),
        postgresql_where=text("status = 'resolved'"),
    ),
    Index(
        "ix_conversations_queue",
        "waiting_since",
        sqlite_where=text(QUEUED),
        postgresql_where=text(QUEUED),
    ),
    Index(
        "ix_conversations_owner",
        "owner",
        sqlite_where=text("owner IS NOT NULL AND status = 'open'"),
        postgresql_where=text("owner IS NOT NULL AND status = 'open'"),
    ),
    Index(
        "ix_conversations_owned",
        "contact",
        sqlite_where=text("owner IS NOT NULL"),
        postgresql_where=text("owner IS NOT NULL"),
    ),
)

legs = Table(
    "legs",
    metadata,
    _id(),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), nullable=False, index=True),
    _word("channel", None),
    _word("address", None),
    Column("desk", Boolean, nullable=False),
    Column("thread_key", Text, unique=True),
    Column("identity", Text),
    _instant("last_in_at", nullable=True),
    _instant("chosen_at", nullable=True),
    Column("last_remote_id", Text),
    Column("closed", Boolean, nullable=False, server_default=text("false")),
)

ASKED = "author_kind = 'customer'"

messages = Table(
    "messages",
    metadata,
    _id(),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    _word("author_kind", None),
    _word("author"),
    _word("author_name"),
    _word("visibility", None),
    _word("channel", None),
    _word("body", None),
    Column("full_body", Text),
    Column("remote_key", Text),
    _instant("received_at"),
    _instant("sent_at", nullable=True),
    _instant("composed_at", nullable=True),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("deleted", Boolean, nullable=False, server_default=text("false")),
    Column("automatic", Boolean, nullable=False, server_default=text("false")),
    Column("sealed", Boolean, nullable=False, server_default=text("false")),
    Column("version_order", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("conversation", "seq"),
    Index("ix_messages_remote_key", "remote_key"),
    Index(
        "ix_messages_asked",
        "received_at",
        "id",
        sqlite_where=text(ASKED),
        postgresql_where=text(ASKED),
    ),
)

message_versions = Table(
    "message_versions",
    metadata,
    Column("message", LargeBinary(16), ForeignKey("messages.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    _word("body", None),
    _instant("replaced_at"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("message", LargeBinary(16), ForeignKey("messages.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    _word("channel", None),
    _word("name"),
    _word("content_type"),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary(32)),
    Column("remote", Text),
    Column("inline", Boolean, nullable=False),
    Column("content_id", Text),
    Column("problem", Text),
)

events = Table(
    "events",
    metadata,
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    _word("type", None),
    Column("version", Integer, nullable=False, server_default="1"),
    _instant("at"),
    _word("actor"),
    _word("payload", "{}"),
)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    _word("channel", None),
    _word("dedupe_key", None),
    Column("digest", LargeBinary(16), nullable=False),
    _instant("received_at"),
    Column("raw", LargeBinary),
    _word("meta", "{}"),
    _word("state", None),
    Column("error", Text),
    UniqueConstraint("channel", "dedupe_key"),
    Index(
        "ix_inbox_open",
        "state",
        "received_at",
        sqlite_where=text("state <> 'done'"),
        postgresql_where=text("state <> 'done'"),
    ),
)

lanes = Table(
    "lanes",
    metadata,
    Column("key", Text, primary_key=True),
    _word("channel", None),
    _word("address", None),
    _instant("due_at", nullable=True),
    Column("reserved", Boolean, nullable=False, server_default=text("false")),
    _word("owner"),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Index(
        "ix_lanes_due",
        "channel",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
)

OPEN_STATES = "state IN ('ready', 'sending', 'unknown')"

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("lane", Text, ForeignKey("lanes.key"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("part", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    _word("channel", None),
    _word("address", None),
    _word("kind", None),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), nullable=False),
    Column("message", LargeBinary(16)),
    _word("body", None),
    _word("state", None),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("retries", Integer, nullable=False, server_default="0"),
    Column("lookups", Integer, nullable=False, server_default="0"),
    Column("unfetched", Boolean, nullable=False, server_default=text("false")),
    _instant("not_before"),
    _instant("created_at"),
    _instant("started_at", nullable=True),
    _instant("settled_at", nullable=True),
    Column("remote_key", Text),
    _word("remote_ids", "[]"),
    Column("checkpoint", Text),
    Column("error", Text),
    UniqueConstraint("lane", "seq", "part"),
    Index(
        "ix_outbox_open",
        "lane",
        "seq",
        "part",
        sqlite_where=text(OPEN_STATES),
        postgresql_where=text(OPEN_STATES),
    ),
    Index("ix_outbox_message", "message"),
    Index("ix_outbox_remote_key", "remote_key"),
    Index(
        "ix_outbox_ended",
        "state",
        "settled_at",
        sqlite_where=text("state IN ('failed', 'dead')"),
        postgresql_where=text("state IN ('failed', 'dead')"),
    ),
)

open_notices = Table(
    "open_notices",
    metadata,
    _word("about", None),
    Column("delivery", LargeBinary(16), ForeignKey("outbox.id"), nullable=False),
    PrimaryKeyConstraint("about", "delivery"),
)

feed = Table(
    "feed",
    metadata,
    Column("place", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    _word("kind", None),
    Column("message", LargeBinary(16), ForeignKey("messages.id"), nullable=False, index=True),
    _instant("at"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    _word("value", None),
    Column("fence", BigInteger, nullable=False, server_default="0"),
)

leases = Table(
    "leases",
    metadata,
    Column("resource", Text, primary_key=True),
    _word("owner"),
    Column("until", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
)

timers = Table(
    "timers",
    metadata,
    _id(),
    _word("kind", None),
    _word("ref", None),
    Column("conversation", LargeBinary(16)),
    _instant("due_at"),
    _instant("fired_at", nullable=True),
    UniqueConstraint("kind", "ref"),
    Index(
        "ix_timers_conversation",
        "conversation",
        sqlite_where=text("fired_at IS NULL"),
        postgresql_where=text("fired_at IS NULL"),
    ),
    Index(
        "ix_timers_pending",
        "due_at",
        sqlite_where=text("fired_at IS NULL"),
        postgresql_where=text("fired_at IS NULL"),
    ),
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", LargeBinary(32), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("uses", BigInteger, nullable=False, server_default="0"),
    _instant("created_at"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

policies = Table(
    "policies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    _word("content", None),
    _instant("created_at"),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    _instant("at"),
    _word("actor", None),
    _word("action", None),
    _word("reason"),
    _word("details", "{}"),
    Index("ix_audit_at", "at"),
)


def _round() -> list[Column[Any]]:
    """What is kept of a round, besides its key: the same for one in force and one that was judged again."""
    return [
        Column("cycle", Integer, nullable=False),
        _word("kind", None),
        Column("opener", LargeBinary(16)),
        _instant("start_at"),
        _instant("end_at", nullable=True),
        _word("outcome", None),
        _word("sla", None),
        Column("wall_ms", BigInteger, nullable=False),
        Column("business_ms", BigInteger, nullable=False),
        Column("out_of_hours", Boolean, nullable=False),
        Column("calendar_uncertain", Boolean, nullable=False),
        _word("channel", None),
        _word("channels", "[]"),
        Column("team", Text),
        Column("owner", Text),
        Column("author", Text),
        Column("author_team", Text),
        Column("manual", Boolean, nullable=False),
        Column("policy", Text),
        Column("policy_version", Integer, nullable=False),
        _word("calendar"),
        Column("calendar_version", Integer, nullable=False),
        _word("target", "null"),
        _instant("deadline", nullable=True),
        _instant("breached_at", nullable=True),
        Column("breach_agent", Text),
        Column("breach_team", Text),
        Column("breach_reason", Text),
        _word("parts", "null"),
        Column("definitions", Integer, nullable=False),
        Column("revision", Integer, nullable=False, server_default="1"),
    ]


rounds = Table(
    "rounds",
    metadata,
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    *_round(),
    Index(
        "ix_rounds_open",
        "channel",
        "kind",
        sqlite_where=text("outcome = 'open'"),
        postgresql_where=text("outcome = 'open'"),
    ),
    Index("ix_rounds_start_at", "start_at"),
)

superseded_rounds = Table(
    "superseded_rounds",
    metadata,
    Column("superseded_by", LargeBinary(16), ForeignKey("audit.id"), primary_key=True),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), primary_key=True, index=True),
    Column("number", Integer, primary_key=True),
    _instant("superseded_at"),
    *_round(),
)

HELD = "state = 'held'"

holds = Table(
    "holds",
    metadata,
    _id(),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), nullable=False),
    Column("message", LargeBinary(16), ForeignKey("messages.id"), nullable=False),
    _word("agent", None),
    _word("findings", "[]"),
    _word("standards"),
    _word("state", "held"),
    _word("reason"),
    Column("ended_by", Text),
    _instant("held_at"),
    _instant("ended_at", nullable=True),
    Index(
        "uq_holds_held",
        "message",
        unique=True,
        sqlite_where=text(HELD),
        postgresql_where=text(HELD),
    ),
    Index("ix_holds_conversation", "conversation"),
)

rule_hits = Table(
    "rule_hits",
    metadata,
    _id(),
    Column("message", LargeBinary(16), ForeignKey("messages.id"), nullable=False, index=True),
    Column("hold", LargeBinary(16), ForeignKey("holds.id"), index=True),
    _word("rule", None),
    Column("version", Integer, nullable=False),
    Column("span_start", Integer, nullable=False),
    Column("span_end", Integer, nullable=False),
    _word("level", None),
    _word("action", None),
    _word("actor"),
    _word("reason"),
    _instant("at"),
    Index("ix_rule_hits_at", "at"),
)

ACTIVE = "state = 'active'"

statements = Table(
    "statements",
    metadata,
    _id(),
    Column("contact", LargeBinary(16), ForeignKey("contacts.id"), nullable=False),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), nullable=False),
    Column("message", LargeBinary(16), ForeignKey("messages.id"), nullable=False, index=True),
    Column("order_no", Text),
    _word("slot", None),
    _word("value", None),
    _word("unit"),
    _instant("said_at"),
    _word("channel", None),
    _word("agent", None),
    _word("state", "active"),
    Column("supersedes", LargeBinary(16)),
    _instant("ended_at", nullable=True),
    Index("ix_statements_active", "contact", sqlite_where=text(ACTIVE), postgresql_where=text(ACTIVE)),
)

DUE = "state IN ('open', 'late')"

promises = Table(
    "promises",
    metadata,
    _id(),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), nullable=False),
    Column("message", LargeBinary(16), ForeignKey("messages.id"), nullable=False, index=True),
    _word("kind", None),
    _word("owner", None),
    _instant("made_at"),
    _instant("due_at"),
    Column("span_start", Integer, nullable=False),
    Column("span_end", Integer, nullable=False),
    _word("state", "open"),
    Column("slip", Boolean, nullable=False, server_default=text("false")),
    _instant("settled_at", nullable=True),
    Index("ix_promises_open", "conversation", sqlite_where=text(DUE), postgresql_where=text(DUE)),
)

agent_status = Table(
    "agent_status",
    metadata,
    Column("agent", Text, primary_key=True),
    _word("status", None),
    _instant("since"),
    _instant("ooo_until", nullable=True),
    _instant("last_assigned_at", nullable=True),
    Column("version", BigInteger, nullable=False, server_default="0"),
)

offers = Table(
    "offers",
    metadata,
    _id(),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), nullable=False, index=True),
    _word("agent", None),
    _instant("offered_at"),
    _instant("until"),
    _word("state", None),
    _word("reason"),
    _instant("ended_at", nullable=True),
    Index(
        "ix_offers_open",
        "conversation",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

assignments = Table(
    "assignments",
    metadata,
    _id(),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), nullable=False, index=True),
    _instant("at"),
    _word("trigger", None),
    Column("chosen", Text),
    _word("decided_by", None),
    Column("level", Integer, nullable=False),
    _word("trace", None),
    _word("inputs", None),
    Column("agents", LargeBinary, nullable=False),
    Column("inputs_sha256", LargeBinary(32), nullable=False),
    Index(
        "ix_assignments_given",
        "at",
        sqlite_where=text("chosen IS NOT NULL"),
        postgresql_where=text("chosen IS NOT NULL"),
    ),
)

assignment_agents = Table(
    "assignment_agents",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    _word("state", None),
)

incidents = Table(
    "incidents",
    metadata,
    _id(),
    Column("number", BigInteger, nullable=False, unique=True),
    _word("question", None),
    _instant("since"),
    _instant("opened_at"),
    _instant("last_at"),
    _word("answer"),
    Column("set_by", Text),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("announced", Integer, nullable=False, server_default="0"),
    _instant("closed_at", nullable=True),
    Column("closed_by", Text),
    Index("ix_incidents_closed_at", "closed_at"),
)

incident_conversations = Table(
    "incident_conversations",
    metadata,
    Column("incident", LargeBinary(16), ForeignKey("incidents.id"), primary_key=True),
    Column("conversation", LargeBinary(16), ForeignKey("conversations.id"), primary_key=True, index=True),
    Column("contact", LargeBinary(16), nullable=False),
    _instant("joined_at"),
    Column("told", Integer, nullable=False, server_default="0"),
)

words = Table(
    "words",
    metadata,
    Column("word", Text, primary_key=True),
    Column("conversation", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)
"""Which words were said in the conversation of that number, and which name it."""
