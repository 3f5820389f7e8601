"""Send-outs that came to an end are found by when they were last due, so that the old ones can be forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes one index."""
    finished = sa.text("state <> 'WAITING'")
    op.create_index("send_outs_finished", "send_outs", ["next_attempt_at"], sqlite_where=finished, postgresql_where=finished)
