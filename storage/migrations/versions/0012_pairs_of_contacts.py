"""Contacts that somebody was asked about, whether they are the same person, or said that they are two."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contact_pairs",
        sa.Column("one", sa.LargeBinary(length=16), nullable=False),
        sa.Column("other", sa.LargeBinary(length=16), nullable=False),
        sa.Column("apart", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["one"], ["contacts.id"], name=op.f("fk_contact_pairs_one")),
        sa.ForeignKeyConstraint(["other"], ["contacts.id"], name=op.f("fk_contact_pairs_other")),
        sa.PrimaryKeyConstraint("one", "other", name=op.f("pk_contact_pairs")),
    )
    with op.batch_alter_table("contact_pairs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_pairs_other"), ["other"], unique=False)
