"""An environment, local or of a deployed function: what its settings lack, and what in it is a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from org_common.config.settings_reader import PREFIX, Reading, has_password
from org_common.tools.doctor.finding import Finding
from org_common.values.secret import Reference, Secret

_NAMED = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?\b|SIGNING_?KEY|_PWD\b|_DSN\b"
)
# What a value looks like, whatever it is called. The first that fits says what it is.
_SHAPES = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"), "a URL with a password"),
    (re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{16}"), "an access key of AWS"),
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "a signed token"),
    (re.compile(r"(?:sk|rk|pk)[-_](?:live|test|proj|ant|org)?[-_]?\w{16,}"), "a key of an API"),
    (re.compile(r"gh[opusr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"), "a token of a code host"),
    (re.compile(r"xox[abprs]-[\w-]{10,}"), "a token of Slack"),
)
# What stands for "none", a switch, a number, a place. A secret has more to it.
_HARMLESS = re.compile(r"(?i)(?:true|false|on|off|yes|no|none|null|[0-9.]{1,12}|/[\w./-]+|https?://[^@\s?]+)")
# Lambda's own, of the function's role.
_OF_LAMBDA = frozenset(
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
)


def settings(environ: Mapping[str, str], subject: str, *, needs_login: bool) -> Iterator[Finding]:
    """What `Settings.from_env` would say in that environment, and what it could not know."""
    reading = Reading(environ)
    fields = reading.fields()
    for fault in reading.faults:
        name, _, rest = fault.partition(" ")
        reason, _, example = rest.partition(". Example")
        fix = f"Example{example}" if example else "set it as the page `settings` says, or take it out"
        yield Finding("settings.fault", f"{subject} {name}", reason, fix)
    told = " ".join(reading.faults)
    for name in reading.unknown:
        if name not in told:
            yield Finding(
                "settings.unknown",
                f"{subject} {name}",
                "is not known to org-common, and ignored",
                "take it out, or deploy the version that knows it",
            )
    if needs_login and fields["database_url"] is None and fields["database_secret"] is None:
        yield Finding(
            "settings.login",
            subject,
            "has no login of the database, and its apps read or write",
            f"set {PREFIX}DATABASE_SECRET to where it is kept. Example: prod/app/database",
        )


def secrets(environ: Mapping[str, str], subject: str, *, deployed: bool) -> Iterator[Finding]:
    """Variables whose name or value says that they are secret, and which are no reference to one."""
    for name, value in sorted(environ.items()):
        kind = secret_kind(name, value)
        if kind is not None:
            yield Finding(
                "environment.secret" if deployed else "environment.local",
                f"{subject} {name}",
                f"holds {kind} in plain text, for whoever may look at the environment",
                "keep it in Secrets Manager, put its name here, and fetch it with get_secret()",
            )


def secret_kind(name: str, value: str) -> str | None:
    """What kind of secret a variable holds, None when it holds none that shows."""
    if name in _OF_LAMBDA or not value:
        return None
    for shape, kind in _SHAPES:
        if shape.search(value):
            return kind
    if not _NAMED.search(name.upper()) or _HARMLESS.fullmatch(value) or is_reference(name, value):
        return None
    return "what its name calls a secret"


def is_reference(name: str, value: str) -> bool:
    """It says where a secret is. A bare name without a path is believed only of a variable of ours."""
    try:
        reference = Reference.parse(value)
    except ValueError:
        return False
    if value.startswith(("arn:", "ssm:", "secretsmanager:", "env:")) or name.startswith(PREFIX):
        return True
    # A key in base64 has slashes as well, and is longer and wilder than a path.
    return "/" in reference.id and re.fullmatch(r"[a-z0-9]+(?:[._/-][a-z0-9]+)+", reference.id) is not None


def references(environ: Mapping[str, str]) -> list[Reference]:
    """Every secret that an environment refers to, except to itself."""
    found = []
    for name, value in sorted(environ.items()):
        named = name.startswith(PREFIX) and name.endswith("_SECRET")
        if not (named or value.startswith(("arn:aws:secretsmanager:", "ssm:", "secretsmanager:"))):
            continue
        try:
            reference = Reference.parse(value)
        except ValueError:
            continue
        if reference.service != "env":
            found.append(reference)
    return list(dict.fromkeys(found))


def uses_rds_tokens(environ: Mapping[str, str]) -> bool:
    url = environ.get(f"{PREFIX}DATABASE_URL", "")
    return environ.get(f"{PREFIX}DATABASE_AUTH") == "iam" and not has_password(Secret(url))
