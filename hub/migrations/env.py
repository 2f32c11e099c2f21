"""Alembic's entry: runs on the connection that `hub.migrate` hands over."""

from alembic import context

from hub import outbox, tables
from hub.database import metadata
from hub.tables import alerts, dispatch, hub

TABLES = (outbox, tables, alerts, dispatch, hub)  # imported so that `metadata` knows every table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True,
    compare_server_default=False,
)  # fmt: skip
with context.begin_transaction():
    context.run_migrations()
