"""A local PostgreSQL, migrations, roles and the outbox relay."""
