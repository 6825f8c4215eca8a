"""The same question from many customers: incidents and their conversations."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("set_by", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("announced", sa.Integer(), server_default="0", nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("number", name=op.f("uq_incidents_number")),
    )
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incidents_closed_at"), ["closed_at"], unique=False)

    op.create_table(
        "incident_conversations",
        sa.Column("incident", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.LargeBinary(length=16), nullable=False),
        sa.Column("contact", sa.LargeBinary(length=16), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name=op.f("fk_incident_conversations_conversation")
        ),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], name=op.f("fk_incident_conversations_incident")),
        sa.PrimaryKeyConstraint("incident", "conversation", name=op.f("pk_incident_conversations")),
    )
    with op.batch_alter_table("incident_conversations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_conversations_conversation"), ["conversation"], unique=False)

    op.create_index(
        "ix_messages_asked",
        "messages",
        ["received_at", "id"],
        unique=False,
        sqlite_where=sa.text("author_kind = 'customer'"),
        postgresql_where=sa.text("author_kind = 'customer'"),
    )
