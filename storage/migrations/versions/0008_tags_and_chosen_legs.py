"""What agents say about a conversation: its tags, and the leg their answers go to."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("tags", sa.Text(), server_default="[]", nullable=False))
    op.add_column("legs", sa.Column("chosen_at", sa.BigInteger(), nullable=True))
