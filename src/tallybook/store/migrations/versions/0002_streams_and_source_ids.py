"""What holds a stream back is found for webhooks in strict order too; a deleted customer keeps no source id from anybody."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes one index anew, and of a unique constraint an index that leaves out the deleted."""
    op.drop_index("send_outs_holding_back", "send_outs")
    failed = sa.text("state = 'WAITING' AND attempts > 0")
    _index("send_outs_holding_back", "send_outs", ["webhook_id", "stream", "id"], failed)
    with op.batch_alter_table("customers") as customers:
        customers.drop_constraint("one_customer_of_a_source_id", type_="unique")
    there = sa.text("deleted_at IS NULL")
    _index("one_customer_of_a_source_id", "customers", ["project_id", "source_id"], there, unique=True)


def _index(name: str, table: str, columns: list[str], condition: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
