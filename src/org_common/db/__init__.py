"""The way to PostgreSQL: each statement carries role, claims, limits and the route's rule. The only home of psycopg."""

from org_common.db.driver import partial_import

partial_import.load()
