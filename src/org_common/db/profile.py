"""What stands between a Lambda and its server, and what that forbids."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """How units are sent to this kind of peer.

    No profile sends `options`, session state, a cancel request or a named prepared statement. The last is a matter of
    safety: behind PgBouncer 1.18 a Bind has met another client's statement of the same name (measured), and with as
    many parameters it would have run it.

    `set_local`: role, claims and limits as `SET LOCAL` texts instead of one `set_config` statement.
    `statement_limit_bytes`: a longer text would tie the client to one server connection.
    """

    name: str
    set_local: bool = False
    statement_limit_bytes: int | None = None


DIRECT = Profile("direct")
TRANSACTION_POOLER = Profile("transaction-pooler")
# AWS names `set_config` among what pins a session and `SET LOCAL` among what does not, without saying whether a local
# set_config counts: watch DatabaseConnectionsCurrentlySessionPinned, and take the one that does not.
RDS_PROXY = Profile("rds-proxy", statement_limit_bytes=16 * 1024)
RDS_PROXY_SET_LOCAL = Profile("rds-proxy-set-local", set_local=True, statement_limit_bytes=16 * 1024)

PROFILES = {profile.name: profile for profile in (TRANSACTION_POOLER, DIRECT, RDS_PROXY, RDS_PROXY_SET_LOCAL)}
