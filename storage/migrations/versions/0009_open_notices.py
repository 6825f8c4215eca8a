"""Notices that ask something: what they are about, until it is decided."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "open_notices",
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("delivery", sa.LargeBinary(length=16), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["outbox.id"], name=op.f("fk_open_notices_delivery")),
        sa.PrimaryKeyConstraint("about", "delivery", name=op.f("pk_open_notices")),
    )
