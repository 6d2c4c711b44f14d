"""What stands between a Lambda and its server, and what that forbids."""

from __future__ import annotations

from collections.abc import Sequence

from org_common.db.protocol.statement import StatementError, Wire


class Profile:
    """How units are sent to this kind of peer.

    No profile sends `options`, session state or a cancel request.

    `prepares`: named prepared statements. Never behind a transaction pooler: on PgBouncer 1.18 a Bind has met another
    client's statement of the same name (measured), and with as many parameters it would have run it.
    `resets`: each unit begins with RESET ALL, so that it starts from nothing even where a function of the project has
    set something for the session. Not behind a pooler: it would take away what that has set for its client, the
    encoding of texts among it.
    `set_local`: role, claims and limits as `SET LOCAL` texts instead of one `set_config` statement.
    `statement_limit_bytes`: a longer text would tie the client to one server connection.
    """

    # No dataclass: making one takes longer than importing all the rest of this file (1 ms of a cold start).
    __slots__ = ("name", "prepares", "resets", "set_local", "statement_limit_bytes")

    def __init__(
        self,
        name: str,
        *,
        prepares: bool = False,
        resets: bool = False,
        set_local: bool = False,
        statement_limit_bytes: int | None = None,
    ) -> None:
        self.name: str = name
        self.prepares: bool = prepares
        self.resets: bool = resets
        self.set_local: bool = set_local
        self.statement_limit_bytes: int | None = statement_limit_bytes

    def check(self, statements: Sequence[Wire]) -> None:
        """`StatementError` for a text that is too long."""
        limit = self.statement_limit_bytes
        if limit is not None and any(len(statement[0]) > limit for statement in statements):
            raise StatementError(f"behind {self.name} a statement has at most {limit} bytes: pass values as parameters")


DIRECT = Profile("direct", prepares=True, resets=True)
TRANSACTION_POOLER = Profile("transaction-pooler")
# AWS names `set_config` among what pins a session and `SET LOCAL` among what does not, without saying whether a local
# set_config counts: watch DatabaseConnectionsCurrentlySessionPinned, and take the one that does not.
RDS_PROXY = Profile("rds-proxy", statement_limit_bytes=16 * 1024)
RDS_PROXY_SET_LOCAL = Profile("rds-proxy-set-local", set_local=True, statement_limit_bytes=16 * 1024)

PROFILES = {profile.name: profile for profile in (TRANSACTION_POOLER, DIRECT, RDS_PROXY, RDS_PROXY_SET_LOCAL)}
