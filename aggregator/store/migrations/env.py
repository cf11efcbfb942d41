"""Alembic's entry: runs on the connection that store.engine hands over, inside its transaction."""

from alembic import context

from aggregator.store.service_tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
