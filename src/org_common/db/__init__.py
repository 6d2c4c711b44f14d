"""The way to PostgreSQL: each statement carries role, claims, limits and the route's rule. The only home of psycopg."""
