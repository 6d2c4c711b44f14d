"""Findings about an environment, without its values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.tools.doctor.variables import (
    is_reference,
    references,
    secret_kind,
    secrets,
    settings,
    uses_rds_tokens,
)
from org_common.values.secret import Reference

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/app-AbCdEf"


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("DB_PASSWORD", "hunter2", "a secret (judging by its name)"),
        ("STRIPE_API_KEY", "abcdef", "a secret (judging by its name)"),
        ("SIGNING_KEY", "q8Zk/uT+1==", "a secret (judging by its name)"),
        ("OPENAI_TOKEN", "Zm9v/YmFy", "a secret (judging by its name)"),
        ("ANYTHING", "postgresql://app:hunter2@db/app", "a URL with a password"),
        ("REDIS", "redis://:hunter2@cache:6379", "a URL with a password"),
        ("ANYTHING", "AKIAIOSFODNN7EXAMPLE", "an AWS access key"),
        ("ANYTHING", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "a signed token"),
        ("ANYTHING", "sk_live_0123456789abcdefghij", "an API key"),
        ("ANYTHING", "sk-proj-0123456789abcdefghij", "an API key"),
        ("ANYTHING", "ghp_0123456789abcdefghij0123456789abcdef", "a token of a code host"),
        ("ANYTHING", "xoxb-0123456789-abc", "a Slack token"),
        ("ANYTHING", "-----BEGIN RSA PRIVATE KEY-----\nMII", "a private key"),
        ("MY_SECRET", "hunter2hunter2", "a secret (judging by its name)"),
    ],
)
def test_secrets_are_known_by_name_or_shape(name: str, value: str, kind: str) -> None:
    assert secret_kind(name, value) == kind


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", ""),
        ("ORG_COMMON_DATABASE_SECRET", "app-database"),
        ("DATABASE_SECRET", "prod/app/database"),
        ("API_KEY", ARN),
        ("API_KEY", "ssm:/prod/key"),
        ("DB_PASSWORD_SECRET", "rds!cluster-1a2b3c4d-5e6f"),
        ("DATABASE_SECRET", "rds!db-1234"),
        ("CRM_TOKEN", "appflow!salesforce-1a2b"),
        ("API_KEY", "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/prod/key"),
        ("SECRETS_ENABLED", "true"),
        ("TOKEN_TTL", "3600"),
        ("TOKEN_FILE", "/run/secrets/token"),
        ("TOKEN_ISSUER", "https://issuer.example.com/oauth"),
        ("AWS_SECRET_ACCESS_KEY", "of-the-role"),
        ("AWS_SESSION_TOKEN", "of-the-role"),
        ("TABLE", "orders"),
        ("ORG_COMMON_DATABASE_URL", "postgresql://db.example.com:6432/app"),
        ("KEYBOARD", "qwertz"),
    ],
)
def test_harmless_value_is_not_a_secret(name: str, value: str) -> None:
    assert secret_kind(name, value) is None


@pytest.mark.parametrize(("deployed", "id"), [(True, "environment.secret"), (False, "environment.local")])
def test_a_finding_names_the_variable(id: str, *, deployed: bool) -> None:
    [finding] = secrets({"DB_PASSWORD": "hunter2", "TABLE": "orders"}, "orders", deployed=deployed)

    assert (finding.id, finding.subject) == (id, "orders DB_PASSWORD")


@given(
    st.dictionaries(st.sampled_from(["DB_PASSWORD", "ORG_COMMON_DATABASE_URL", "TOKEN"]), st.text("xyz0", min_size=20))
)
def test_no_finding_repeats_a_value(environ: dict[str, str]) -> None:
    found = [*secrets(environ, "orders", deployed=True), *settings(environ, "orders", needs_login=True)]

    assert [value for value in environ.values() if value in repr(found)] == []


def test_faults_of_settings_are_findings() -> None:
    environ = {"AWS_LAMBDA_FUNCTION_NAME": "orders", "ORG_COMMON_DATABASE_URL": "postgresql://u:p@db/app"}
    environ |= {"ORG_COMMON_DATABASE_PROFLE": "direct", "ORG_COMMON_OF_THE_FUTURE": "1"}

    found = list(settings(environ, "orders", needs_login=True))

    assert [(each.id, each.subject) for each in found] == [
        ("settings.fault", "orders ORG_COMMON_DATABASE_URL"),
        ("settings.fault", "orders ORG_COMMON_DATABASE_PROFLE"),
        ("settings.unknown", "orders ORG_COMMON_OF_THE_FUTURE"),
    ]
    assert found[0].fix.startswith("Example: prod/app/database")


def test_missing_login_is_reported() -> None:
    [finding] = settings({}, "orders", needs_login=True)

    assert finding.id == "settings.login"
    assert list(settings({}, "orders", needs_login=False)) == []
    assert list(settings({"ORG_COMMON_DATABASE_SECRET": "prod/app"}, "orders", needs_login=True)) == []


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
@pytest.mark.parametrize("rest", ["secretsmanager:eu-x-1:123456789012:secret:a", "ssm:eu-x-1:123456789012:parameter/a"])
def test_arns_are_references_in_each_partition(partition: str, rest: str) -> None:
    arn = f"arn:{partition}:{rest}"

    assert references({"OPENAI": arn}) == [Reference.parse(arn)]
    assert references({"DB_SECRET": "rds!db-1234"}) == [Reference.parse("rds!db-1234")]
    assert references({"TOPIC": "arn:aws:sns:eu-central-1:123456789012:a"}) == []


def test_references_are_collected_once() -> None:
    environ = {
        "ORG_COMMON_DATABASE_SECRET": "prod/app",
        "ORG_COMMON_CURSOR_KEYS_SECRET": "ssm:/prod/keys",
        "OPENAI": ARN,
        "OPENAI_TOO": ARN,
        "ORG_COMMON_SERVICE_DATABASE_SECRET": "env:MINE",
        "TABLE": "prod/orders",
        "BROKEN": "ssm:not a name",
    }

    found = references(environ)

    assert len(found) == 3
    assert set(found) == {Reference.parse(each) for each in (ARN, "ssm:/prod/keys", "prod/app")}


def test_a_bare_name_is_believed_of_our_variables_only() -> None:
    assert is_reference("ORG_COMMON_DATABASE_SECRET", "database")
    assert not is_reference("MY_SECRET", "database")


def test_tokens_of_rds_are_known() -> None:
    environ = {"ORG_COMMON_DATABASE_AUTH": "iam", "ORG_COMMON_DATABASE_URL": "postgresql://app_login@db/app"}

    assert uses_rds_tokens(environ)
    assert not uses_rds_tokens({})
