"""SQL of monitoring."""

DATABASE_ACTIVITY = """
select a.max_connections, a.connections, a.is_detailed, a.applications, a.waits, a.statements
from mgmt.database_activity() a
"""

LIST_USAGE = """
select u.day, u.module, u.calls, u.errors, u.duration_ms, u.cold_starts
from mgmt.usage_daily u where u.org_id = %(org_id)s
"""

RECORD_DAY = "select mgmt.record_day(%(day)s, %(usage)s, %(functions)s)"
