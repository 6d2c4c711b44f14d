"""The settings of the SDK, read from environment variables."""

import os

from org_common.values.frozen import Frozen

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.config.issuers import Issuer
    from org_common.values.secret import Reference, Secret


class SettingsError(Exception):
    """Invalid settings. The message has one line for each fault: the variable, what is wrong with it, an example."""


class Settings(Frozen):
    """Immutable settings, usually read with `from_env()`. The `repr` shows which are set, and masks secrets."""

    __slots__ = (
        "application_name",
        "cursor_keys",
        "cursor_keys_secret",
        "database_auth",
        "database_profile",
        "database_secret",
        "database_url",
        "is_provisioned",
        "issuers",
        "search_path",
        "secrets_stale_s",
        "secrets_ttl_s",
        "service_database_secret",
        "service_database_url",
        "unknown_variables",
    )

    application_name: str
    """The name of the function in `pg_stat_activity`, by default "org-common"."""
    cursor_keys: "tuple[Secret, ...]"
    """Keys that sign the cursors of pages. The first one signs, all verify: rotate by adding the new key in front."""
    cursor_keys_secret: "Reference | None"
    """The stored secret that holds the cursor keys, separated by commas."""
    database_auth: str
    """ "password", or "iam": an RDS token, signed by the SDK, is the password."""
    database_profile: str
    """What is in front of the server: "direct", "transaction-pooler" (PgBouncer, Supavisor),
    "pgbouncer" (1.21 or later, with prepared statements if it keeps track of them), "rds-proxy", or
    "rds-proxy-set-local" if the proxy pins connections on set_config."""
    database_secret: "Reference | None"
    """The stored secret with what `database_url` lacks (the password), or with the complete login."""
    database_url: "Secret | None"
    """The libpq URL of the unprivileged login (`app_login`)."""
    is_provisioned: bool
    """True if Lambda started this environment ahead of its requests (provisioned concurrency)."""
    issuers: "tuple[Issuer, ...]"
    """The issuers whose tokens are accepted."""
    search_path: str
    """The `search_path` of each transaction. Empty by default: SQL then names its schemas, and no object can shadow
    another."""
    secrets_stale_s: int
    """How long an expired secret remains in use, in seconds, while no source can be reached."""
    secrets_ttl_s: int
    """How long a fetched secret is cached, in seconds."""
    service_database_secret: "Reference | None"
    """As `database_secret`, for the login `app_service`."""
    service_database_url: "Secret | None"
    """As `database_url`, for the login `app_service`. RDS tokens are not supported there."""
    unknown_variables: tuple[str, ...]
    """Variables `ORG_COMMON_…` that the SDK does not know and ignores."""

    def __init__(
        self,
        *,
        database_url: "Secret | str | None" = None,
        database_secret: "Reference | str | None" = None,
        database_auth: str = "password",
        database_profile: str = "transaction-pooler",
        service_database_url: "Secret | str | None" = None,
        service_database_secret: "Reference | str | None" = None,
        cursor_keys: "tuple[Secret | str, ...]" = (),
        cursor_keys_secret: "Reference | str | None" = None,
        search_path: str = "",
        secrets_ttl_s: int = 300,
        secrets_stale_s: int = 3600,
        application_name: str = "org-common",
        issuers: "tuple[Issuer, ...]" = (),
        is_provisioned: bool = False,
        unknown_variables: tuple[str, ...] = (),
    ) -> None:
        self._fill(
            database_url=_secret(database_url),
            database_secret=_reference(database_secret),
            database_auth=database_auth,
            database_profile=database_profile,
            service_database_url=_secret(service_database_url),
            service_database_secret=_reference(service_database_secret),
            cursor_keys=tuple(_secret(key) for key in cursor_keys),
            cursor_keys_secret=_reference(cursor_keys_secret),
            search_path=search_path,
            secrets_ttl_s=secrets_ttl_s,
            secrets_stale_s=secrets_stale_s,
            application_name=application_name,
            issuers=issuers,
            is_provisioned=is_provisioned,
            unknown_variables=unknown_variables,
        )

    @classmethod
    def from_env(cls, environ: "Mapping[str, str]" = os.environ) -> "Settings":
        """Read the settings from environment variables. Raises `SettingsError`, which lists every fault."""
        from org_common.config.settings_reader import SettingsReader

        reader = SettingsReader(environ)
        # A traceback printed with its variables must not show the environment.
        del environ
        fields = reader.fields()
        if reader.faults:
            raise SettingsError("\n".join(reader.faults))
        if reader.unknown:
            import logging

            logging.getLogger(__name__).warning("ignored unknown variables: %s", ", ".join(reader.unknown))
        return cls(**fields)

    def __repr__(self) -> str:
        shown = {name: repr(getattr(self, name)) for name in self.__slots__ if getattr(self, name) not in (None, ())}
        if self.cursor_keys:
            shown["cursor_keys"] = f"<{len(self.cursor_keys)} keys>"
        return f"Settings({', '.join(f'{name}={value}' for name, value in shown.items())})"

    def __reduce__(self) -> str:
        raise TypeError("Settings hold secrets and cannot be pickled: read them again with Settings.from_env()")


def _secret(value: "Secret | str | None") -> "Secret | None":
    from org_common.values.secret import Secret

    return Secret(value) if isinstance(value, str) else value


def _reference(value: "Reference | str | None") -> "Reference | None":
    if not isinstance(value, str):
        return value
    from org_common.values.secret import Reference

    return Reference.parse(value)
