"""The embedded PostgreSQL, roles, migrations, the row-level security check and the outbox relay."""
