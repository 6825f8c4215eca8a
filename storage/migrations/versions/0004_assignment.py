"""Assignment."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agent_status",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("ooo_until", sa.BigInteger(), nullable=True),
        sa.Column("last_assigned_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("agent", name=op.f("pk_agent_status")),
    )
    op.create_table(
        "assignment_agents",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_assignment_agents")),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("agents", sa.LargeBinary(), nullable=False),
        sa.Column("inputs_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_assignments_conversation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assignments_conversation"), ["conversation"], unique=False)
        batch_op.create_index(
            "ix_assignments_given",
            ["at"],
            unique=False,
            sqlite_where=sa.text("chosen IS NOT NULL"),
            postgresql_where=sa.text("chosen IS NOT NULL"),
        )

    op.create_table(
        "offers",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("offered_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_offers_conversation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_offers_conversation"), ["conversation"], unique=False)
        batch_op.create_index(
            "ix_offers_open",
            ["conversation"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("orders", sa.Text(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("last_word_ours", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        batch_op.create_index(
            "ix_conversations_resolved",
            ["contact", "resolved_at"],
            unique=False,
            sqlite_where=sa.text("status = 'resolved'"),
            postgresql_where=sa.text("status = 'resolved'"),
        )
        batch_op.create_index(
            "ix_conversations_owned",
            ["contact"],
            unique=False,
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_conversations_owner",
            ["owner"],
            unique=False,
            sqlite_where=sa.text("owner IS NOT NULL AND status = 'open'"),
            postgresql_where=sa.text("owner IS NOT NULL AND status = 'open'"),
        )
        batch_op.create_index(
            "ix_conversations_queue",
            ["waiting_since"],
            unique=False,
            sqlite_where=sa.text("owner IS NULL AND status = 'open' AND waiting_since IS NOT NULL"),
            postgresql_where=sa.text("owner IS NULL AND status = 'open' AND waiting_since IS NOT NULL"),
        )
