"""The last key of a customer's events; when send-outs came to their end; the tier whose mapping made points that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds columns, null for what was there before, and an index."""
    op.add_column("customers", sa.Column("last_event_key", sa.Text()))
    op.add_column("pending_entries", sa.Column("mapping_tier_id", sa.Text()))
    op.add_column("pending_entries", sa.Column("mapping_tier_version", sa.BigInteger()))
    finished = sa.text("state <> 'WAITING'")
    op.create_index("send_outs_finished", "send_outs", ["next_attempt_at"], sqlite_where=finished, postgresql_where=finished)
