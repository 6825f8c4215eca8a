"""Holds and statements."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contact_merges",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("absorbed", sa.LargeBinary(length=16), nullable=False),
        sa.Column("survivor", sa.LargeBinary(length=16), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["absorbed"], ["contacts.id"], name=op.f("fk_contact_merges_absorbed")),
        sa.ForeignKeyConstraint(["survivor"], ["contacts.id"], name=op.f("fk_contact_merges_survivor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_merges")),
    )
    op.create_index(op.f("ix_contact_merges_absorbed"), "contact_merges", ["absorbed"], unique=False)

    op.create_table(
        "holds",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("message", sa.LargeBinary(length=16), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), server_default="[]", nullable=False),
        sa.Column("standards", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="held", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_holds_conversation")),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_holds_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_conversation", "holds", ["conversation"], unique=False)
    op.create_index(
        "uq_holds_held",
        "holds",
        ["message"],
        unique=True,
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )

    op.create_table(
        "promises",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("message", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("span_start", sa.Integer(), nullable=False),
        sa.Column("span_end", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("slip", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_promises_conversation")),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_promises_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    op.create_index(op.f("ix_promises_message"), "promises", ["message"], unique=False)
    op.create_index(
        "ix_promises_open",
        "promises",
        ["conversation"],
        unique=False,
        sqlite_where=sa.text("state IN ('open', 'late')"),
        postgresql_where=sa.text("state IN ('open', 'late')"),
    )

    op.create_table(
        "statements",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("contact", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("message", sa.LargeBinary(length=16), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=True),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), server_default="", nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("supersedes", sa.LargeBinary(length=16), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["contact"], ["contacts.id"], name=op.f("fk_statements_contact")),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_statements_conversation")),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_statements_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
    )
    op.create_index(
        "ix_statements_active",
        "statements",
        ["contact"],
        unique=False,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(op.f("ix_statements_message"), "statements", ["message"], unique=False)

    op.create_table(
        "rule_hits",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("message", sa.LargeBinary(length=16), nullable=False),
        sa.Column("hold", sa.LargeBinary(length=16), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("span_start", sa.Integer(), nullable=False),
        sa.Column("span_end", sa.Integer(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["hold"], ["holds.id"], name=op.f("fk_rule_hits_hold")),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_rule_hits_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_hits")),
    )
    op.create_index("ix_rule_hits_at", "rule_hits", ["at"], unique=False)
    op.create_index(op.f("ix_rule_hits_hold"), "rule_hits", ["hold"], unique=False)
    op.create_index(op.f("ix_rule_hits_message"), "rule_hits", ["message"], unique=False)

    op.add_column("contacts", sa.Column("merged_into", sa.LargeBinary(length=16), nullable=True))
    op.create_index(
        "ix_contacts_merged_into",
        "contacts",
        ["merged_into"],
        unique=False,
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
