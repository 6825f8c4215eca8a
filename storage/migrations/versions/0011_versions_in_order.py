"""Replies whose post became a note after they had left; which version of a message is the latest; what was taken back
is in a state of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("sealed", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("messages", sa.Column("version_order", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.execute("UPDATE outbox SET state = 'withdrawn' WHERE state = 'failed' AND error = 'taken back before it left'")
