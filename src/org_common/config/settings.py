"""What the environment tells the SDK, with every fault of it in one error."""

import os

from org_common.values.frozen import Frozen

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.config.issuers import Issuer
    from org_common.values.secret import Reference, Secret


class SettingsError(Exception):
    """The environment is not usable. The message has one line a fault: the variable, what was wrong, an example."""


class Settings(Frozen):
    """Frozen after `from_env`; its `repr` says what is set and never a value that may be secret.

    `database_url` is that of the powerless login (`app_login`), a libpq URL; `database_secret` refers to what it lacks,
    or to all of it; with `database_auth` "iam" a token of RDS is the password. `service_…` are the same for
    `app_service`, which has no such token. `cursor_keys` sign the cursors of pages: the first signs, all verify, so a
    key rotates by putting the new one in front. `search_path` is set in each unit; empty by default, so that SQL names
    its schemas and nothing can be put in front of them. `database_profile` says what stands in front of the server:
    "direct", "transaction-pooler" (PgBouncer, Supavisor), "rds-proxy", or "rds-proxy-set-local" should the proxy pin on
    set_config. A secret is believed for `secrets_ttl_s`, and for `secrets_stale_s` more while nobody can be asked.
    `issuers` are those whose tokens are taken. `is_provisioned`: Lambda has started this environment ahead of its
    requests (provisioned concurrency).
    """

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
    cursor_keys: "tuple[Secret, ...]"
    cursor_keys_secret: "Reference | None"
    database_auth: str
    database_profile: str
    database_secret: "Reference | None"
    database_url: "Secret | None"
    is_provisioned: bool
    issuers: "tuple[Issuer, ...]"
    search_path: str
    secrets_stale_s: int
    secrets_ttl_s: int
    service_database_secret: "Reference | None"
    service_database_url: "Secret | None"
    unknown_variables: tuple[str, ...]

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
        """Read the settings; `SettingsError` lists every fault at once."""
        from org_common.config.settings_reader import Reading

        reading = Reading(environ)
        # A traceback that is printed with its variables must not print the environment.
        del environ
        fields = reading.fields()
        if reading.faults:
            raise SettingsError("\n".join(reading.faults))
        if reading.unknown:
            import logging

            logging.getLogger(__name__).warning("%s: not known to org-common, and ignored", ", ".join(reading.unknown))
        return cls(**fields)

    def __repr__(self) -> str:
        shown = {name: repr(getattr(self, name)) for name in self.__slots__ if getattr(self, name) not in (None, ())}
        if self.cursor_keys:
            shown["cursor_keys"] = f"<{len(self.cursor_keys)} keys>"
        return f"Settings({', '.join(f'{name}={value}' for name, value in shown.items())})"

    def __reduce__(self) -> str:
        raise TypeError("Settings hold secrets and are not pickled: read them again with Settings.from_env()")


def _secret(value: "Secret | str | None") -> "Secret | None":
    from org_common.values.secret import Secret

    return Secret(value) if isinstance(value, str) else value


def _reference(value: "Reference | str | None") -> "Reference | None":
    if not isinstance(value, str):
        return value
    from org_common.values.secret import Reference

    return Reference.parse(value)
