"""Checks the environment variables of this machine or of a deployed function: settings, and plain-text secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from org_common.config.settings_reader import PREFIX, SettingsReader, has_password
from org_common.tools.doctor.finding import Finding
from org_common.values.secret import Reference, Secret

_NAMED = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?\b|SIGNING_?KEY|_PWD\b|_DSN\b"
)
# Values that are recognized as secrets regardless of the variable's name. The first match counts.
_SHAPES = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"), "a URL with a password"),
    (re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{16}"), "an AWS access key"),
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "a signed token"),
    (re.compile(r"(?:sk|rk|pk)[-_](?:live|test|proj|ant|org)?[-_]?\w{16,}"), "an API key"),
    (re.compile(r"gh[opusr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"), "a token of a code host"),
    (re.compile(r"xox[abprs]-[\w-]{10,}"), "a Slack token"),
)
# Values such as "none", a switch, a number, a path or a plain URL. A secret is longer or more complex.
_HARMLESS = re.compile(r"(?i)(?:true|false|on|off|yes|no|none|null|[0-9.]{1,12}|/[\w./-]+|https?://[^@\s?]+)")
# Of every partition: aws, aws-cn, aws-us-gov. A bare name could be anything.
_REFERENCE = re.compile(r"arn:aws[a-z-]*:(?:secretsmanager|ssm):|ssm:|secretsmanager:|rds!")
# Lambda's own, of the function's role.
_OF_LAMBDA = frozenset(
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
)


def settings(environ: Mapping[str, str], subject: str, *, needs_login: bool) -> Iterator[Finding]:
    """Findings for settings that `Settings.from_env` rejects in this environment, and for unknown and missing ones."""
    reader = SettingsReader(environ)
    fields = reader.fields()
    for fault in reader.faults:
        name, _, rest = fault.partition(" ")
        reason, _, example = rest.partition(". Example")
        fix = f"Example{example}" if example else "set it as the page `settings` describes, or remove it"
        yield Finding("settings.fault", f"{subject} {name}", reason, fix)
    reported = " ".join(reader.faults)
    for name in reader.unknown:
        if name not in reported:
            yield Finding(
                "settings.unknown",
                f"{subject} {name}",
                "is not a setting of org-common, and is ignored",
                "correct its name, remove it, or deploy a version that has this setting",
            )
    if needs_login and fields["database_url"] is None and fields["database_secret"] is None:
        yield Finding(
            "settings.login",
            subject,
            "has no database login, but its apps use the database",
            f"set {PREFIX}DATABASE_SECRET to the name of the secret with the login's URL. Example: prod/app/database",
        )


def secret_kind(name: str, value: str) -> str | None:
    """A description of the secret that a variable holds; None if it does not look like a secret."""
    if name in _OF_LAMBDA or not value:
        return None
    for pattern, kind in _SHAPES:
        if pattern.search(value):
            return kind
    if not _NAMED.search(name.upper()) or _HARMLESS.fullmatch(value) or is_reference(name, value):
        return None
    return "a secret (judging by its name)"


def secrets(environ: Mapping[str, str], subject: str, *, deployed: bool) -> Iterator[Finding]:
    """Findings for variables that hold a secret in plain text instead of a reference to one."""
    for name, value in sorted(environ.items()):
        kind = secret_kind(name, value)
        if kind is not None:
            yield Finding(
                "environment.secret" if deployed else "environment.local",
                f"{subject} {name}",
                f"holds {kind} in plain text, readable by anyone with access to the environment",
                "store it in Secrets Manager, set the variable to the secret's name, and read it with get_secret()",
            )


def is_reference(name: str, value: str) -> bool:
    """Whether the value refers to a secret. A bare name without a path counts only in a variable of org-common."""
    try:
        reference = Reference.parse(value)
    except ValueError:
        return False
    if value.startswith(("arn:", "ssm:", "secretsmanager:", "env:")) or name.startswith(PREFIX):
        return True
    # A Base64 key can contain slashes too; a path has only lower-case words.
    is_path = "/" in reference.id and re.fullmatch(r"[a-z0-9]+(?:[._/-][a-z0-9]+)+", reference.id)
    # A service names the secrets that it manages: `rds!cluster-…`.
    return bool(is_path or re.fullmatch(r"[a-z][a-z0-9-]+![A-Za-z0-9/_+=.@-]+", reference.id))


def references(environ: Mapping[str, str]) -> list[Reference]:
    """All secrets that an environment refers to, except references to its own variables (`env:`)."""
    references_ = []
    for name, value in sorted(environ.items()):
        named = name.startswith(PREFIX) and name.endswith("_SECRET")
        if not (named or _REFERENCE.match(value)):
            continue
        try:
            reference = Reference.parse(value)
        except ValueError:
            continue
        if reference.service != "env":
            references_.append(reference)
    return list(dict.fromkeys(references_))


def uses_rds_tokens(environ: Mapping[str, str]) -> bool:
    """Whether the database login uses RDS IAM tokens instead of a password."""
    url = environ.get(f"{PREFIX}DATABASE_URL", "")
    return environ.get(f"{PREFIX}DATABASE_AUTH") == "iam" and not has_password(Secret(url))
