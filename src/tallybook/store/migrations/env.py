"""What Alembic runs: the migrations, on the connection and in the transaction of whoever asked (`store/migrate.py`)."""

from alembic import context

from tallybook.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
