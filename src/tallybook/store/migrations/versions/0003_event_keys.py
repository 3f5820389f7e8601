"""A customer knows the last key of its events, so that those of several workers come in one order."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds a column; without a key, every key is later."""
    op.add_column("customers", sa.Column("last_event_key", sa.Text()))
