"""SQL of the caller's sessions."""

START_SESSION = """
select s.started_at, s.expires_at, s.user_agent
from access.start_session(%(token_id)s, to_timestamp(%(expires_at)s::float8), %(user_agent)s) s
"""

END_SESSIONS = "select access.end_sessions()"
