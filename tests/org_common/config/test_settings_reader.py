"""Each variable, and what is said of one that cannot be used."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from psycopg.conninfo import conninfo_to_dict

from org_common.config.settings import Settings, SettingsError
from org_common.config.settings_reader import OTHERS, PREFIX, SettingsReader, has_password, in_lambda
from org_common.tools.cli import main
from org_common.values.secret import Secret

URL = "postgresql://app_login:hunter2-secret@db.example.com:6432/app"
BARE = "postgresql://app_login@db.example.com:6432/app"
KEY = "k" * 32
LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "orders"}


def faults(**environ: str) -> list[str]:
    reader = SettingsReader(
        {name if name.startswith("AWS_") else f"ORG_COMMON_{name}": value for name, value in environ.items()}
    )
    reader.fields()
    return reader.faults


@pytest.mark.parametrize("scheme", ["postgresql://", "postgres://"])
def test_both_schemes_of_libpq_are_taken(scheme: str) -> None:
    assert faults(DATABASE_URL=scheme + "host/db") == []


def test_faults_of_logs_and_metrics_are_told_with_the_others() -> None:
    found = faults(DATABASE_PROFILE="none", LOG_LEVEL="loud", METRICS=":x")

    assert [fault.partition(" ")[0] for fault in found] == [
        "ORG_COMMON_DATABASE_PROFILE",
        "ORG_COMMON_METRICS",
        "ORG_COMMON_LOG_LEVEL",
    ]


def test_empty_variables_count_as_unset() -> None:
    names = ("DATABASE_URL", "DATABASE_SECRET", "DATABASE_AUTH", "DATABASE_PROFILE", "CURSOR_KEYS", "SECRETS_TTL_S")

    assert faults(**dict.fromkeys(names, "")) == []
    assert repr(Settings.from_env({f"ORG_COMMON_{name}": "" for name in names})) == repr(Settings())


@pytest.mark.parametrize("url", ["mysql://h/d", "host=db user=app", "  ", "http://postgresql://", "db.example.com"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "SERVICE_DATABASE_URL"])
def test_other_url_names_the_variable_and_an_example(name: str, url: str) -> None:
    [fault] = faults(**{name: url})

    assert fault.startswith(f"ORG_COMMON_{name} is not a PostgreSQL URL. Example: postgresql://")


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg", "pg8000"])
def test_url_with_a_driver_says_what_to_remove(driver: str) -> None:
    assert faults(DATABASE_URL=f"postgresql+{driver}://app:hunter2@h/d") == [
        f"ORG_COMMON_DATABASE_URL is not a PostgreSQL URL. Remove +{driver}."
    ]


@pytest.mark.parametrize("url", ["app+hunter2", "app+hunter2://h", "postgresql+hunter2", "postgres+a:hunter2://h"])
def test_a_password_is_never_quoted_as_a_driver(url: str) -> None:
    [fault] = faults(DATABASE_URL=url)

    assert "hunter2" not in fault


def test_white_space_around_a_url_is_ignored() -> None:
    assert faults(DATABASE_URL=" \npostgresql://app@127.0.0.1/d\n") == []


@pytest.mark.parametrize("profile", ["pooler", "Direct", " direct"])
def test_other_profile_names_the_variable_and_the_choices(profile: str) -> None:
    [fault] = faults(DATABASE_PROFILE=profile)

    assert fault.startswith(
        f"ORG_COMMON_DATABASE_PROFILE is {profile!r}. It is one of transaction-pooler, pgbouncer, direct, rds-proxy"
    )


def test_short_key_names_the_variable_and_an_example() -> None:
    [fault] = faults(CURSOR_KEYS=f"{KEY},{'s' * 31}")

    assert "ORG_COMMON_CURSOR_KEYS has a key of fewer than 32 characters. Example: the output of `openssl rand" in fault


@pytest.mark.parametrize("name", ["DATABASE_SECRET", "SERVICE_DATABASE_SECRET", "CURSOR_KEYS_SECRET"])
def test_invalid_reference_names_the_variable_and_examples(name: str) -> None:
    [fault] = faults(**{name: URL})

    assert fault.startswith(
        f"ORG_COMMON_{name} is not a valid reference to a secret. Examples: prod/app/database, ssm:"
    )
    assert "hunter2" not in fault


@pytest.mark.parametrize("seconds", ["five", "-1", "1.5", "86401", "٣", "1e3"])
@pytest.mark.parametrize("name", ["SECRETS_TTL_S", "SECRETS_STALE_S"])
def test_invalid_number_names_the_variable_and_an_example(name: str, seconds: str) -> None:
    [fault] = faults(**{name: seconds})

    assert fault.startswith(f"ORG_COMMON_{name} is not a number of seconds from 0 to 86400. Example: 3")


@pytest.mark.parametrize(
    ("environ", "reference"),
    [
        ({"DATABASE_URL": URL}, "ORG_COMMON_DATABASE_SECRET"),
        ({"SERVICE_DATABASE_URL": URL}, "ORG_COMMON_SERVICE_DATABASE_SECRET"),
        ({"DATABASE_URL": "postgresql://db/app?password=hunter2"}, "ORG_COMMON_DATABASE_SECRET"),
        ({"CURSOR_KEYS": KEY}, "ORG_COMMON_CURSOR_KEYS_SECRET"),
    ],
    ids=str,
)
def test_plain_secrets_are_refused_in_lambda(environ: dict[str, str], reference: str) -> None:
    [fault] = faults(**environ, **LAMBDA)

    assert fault.startswith(f"ORG_COMMON_{next(iter(environ))} holds a secret in plain text")
    assert f"set {reference} to its reference. Example: prod/app/" in fault
    assert "hunter2" not in fault


@pytest.mark.parametrize("name", ["DATABASE_SECRET", "SERVICE_DATABASE_SECRET", "CURSOR_KEYS_SECRET"])
def test_another_variable_is_plain_text_as_well(name: str) -> None:
    [fault] = faults(**{name: "env:MY_PASSWORD"}, **LAMBDA)

    assert fault.startswith(f"ORG_COMMON_{name} is an env: reference")
    assert faults(**{name: "env:MY_PASSWORD"}) == []


def test_a_shared_key_of_an_issuer_is_a_secret_as_well() -> None:
    issuers = [{"url": "https://x.test", "audience": "a", "algorithms": ["HS256"], "hs256_secret": "hunter2" * 6}]

    [fault] = faults(ISSUERS=json.dumps(issuers), **LAMBDA)

    assert fault.startswith("ORG_COMMON_ISSUERS has an hs256_secret in plain text")
    assert "hunter2" not in fault
    assert faults(ISSUERS=json.dumps(issuers)) == []


def test_plain_secrets_are_accepted_in_lambda_if_allowed() -> None:
    assert faults(DATABASE_URL=URL, CURSOR_KEYS=KEY, ALLOW_PLAIN_SECRETS="1", **LAMBDA) == []


@pytest.mark.parametrize("almost", ["true", "0", "yes", " 1"])
def test_no_other_value_allows_plain_secrets(almost: str) -> None:
    assert len(faults(DATABASE_URL=URL, ALLOW_PLAIN_SECRETS=almost, **LAMBDA)) == 1


def test_url_without_a_password_is_no_secret() -> None:
    assert faults(DATABASE_URL=BARE, DATABASE_SECRET="prod/app#password", **LAMBDA) == []


@pytest.mark.parametrize(
    ("environ", "answer"),
    [
        ({}, False),
        ({"AWS_LAMBDA_FUNCTION_NAME": "orders"}, True),
        ({"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}, True),
        ({"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}, False),
    ],
    ids=str,
)
def test_lambda_is_known_by_what_it_sets(environ: dict[str, str], answer: bool) -> None:
    assert in_lambda(environ) is answer


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("postgresql://user:pw@host/db", True),
        ("postgresql://user:p%40w@[::1]:5432/db?sslmode=require", True),
        ("postgresql://host/db?password=pw", True),
        ("postgresql://host/db?sslmode=require&password=pw", True),
        ("postgresql://user@host:5432/db", False),
        ("postgresql://user:@host/db", False),
        ("postgresql://host:5432/db", False),
        ("postgresql:///db?host=/tmp&user=a:b@c", False),
        ("postgresql://u:p?ss@host/db", True),
        ("postgresql://u:p@ss@host/db", True),
        ("postgresql://u?:pw@host/db", True),
        ("postgresql://host/db?passwor%64=pw", True),
        ("postgresql://u@host/db?%70assword=pw", True),
        ("postgresql://host/db?application_name=a@b&password=pw", True),
        ("postgresql://host/db?user=password%3Dpw", False),
        ("postgresql://u@host/a?application_name=password", False),
    ],
)
def test_a_password_is_found_wherever_libpq_finds_it(url: str, answer: bool) -> None:
    assert has_password(Secret(url)) is answer
    assert ("password" in conninfo_to_dict(url)) is answer


def test_a_password_beside_its_secret_is_one_too_many() -> None:
    [fault] = faults(DATABASE_URL=URL, DATABASE_SECRET="prod/app")

    assert "ORG_COMMON_DATABASE_URL has a password although ORG_COMMON_DATABASE_SECRET is set" in fault


def test_tokens_of_rds_need_a_url_without_a_password() -> None:
    assert faults(DATABASE_AUTH="iam", DATABASE_URL=BARE) == []
    for environ in ({}, {"DATABASE_URL": URL}):
        [fault] = faults(DATABASE_AUTH="iam", **environ)
        assert fault.startswith("ORG_COMMON_DATABASE_AUTH is iam: ORG_COMMON_DATABASE_URL must name user and host")
    assert len(faults(DATABASE_AUTH="iam", DATABASE_URL=BARE, DATABASE_SECRET="prod/app")) == 1


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("DATABASE_URI", "DATABASE_URL"),
        ("DATABASE_PROFLE", "DATABASE_PROFILE"),
        ("CURSOR_KEY", "CURSOR_KEYS"),
        ("DATABSE_SECRET", "DATABASE_SECRET"),
        ("SECRET_TTL_S", "SECRETS_TTL_S"),
    ],
)
def test_misspelt_variable_is_a_fault_that_names_the_right_one(wrong: str, right: str) -> None:
    [fault] = faults(**{wrong: "direct"})

    assert fault == f"ORG_COMMON_{wrong} is not a variable of org-common: did you mean ORG_COMMON_{right}?"


@pytest.mark.parametrize("name", OTHERS)
def test_variables_of_tools_are_known(name: str) -> None:
    assert Settings.from_env({name: "x"}).unknown_variables == ()


def test_every_variable_that_the_sources_name_is_known() -> None:
    reader = SettingsReader({})
    reader.fields()
    known = {*reader.requested, *OTHERS}
    sources = Path(__file__).parents[2] / "src"
    named = {
        name for path in sources.rglob("*.py") for name in re.findall(r"ORG_COMMON_[A-Z_]*[A-Z]\b", path.read_text())
    }

    # The beginning of one is completed where it is used.
    assert [name for name in sorted(named) if not any(each.startswith(name) for each in known)] == []


def test_all_faults_are_in_one_error() -> None:
    environ = {"ORG_COMMON_DATABASE_URL": URL, "ORG_COMMON_DATABASE_PROFILE": "x", "ORG_COMMON_CURSOR_KEYS": KEY}

    with pytest.raises(SettingsError) as raised:
        Settings.from_env({**environ, **LAMBDA})

    assert len(str(raised.value).splitlines()) == 3


def variables_of(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        found = parameter.envvar
        yield from [found] if isinstance(found, str) else found or ()
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            yield from variables_of(inner)


def test_variables_of_the_commands_are_known() -> None:
    found = {name for name in variables_of(main) if name.startswith(PREFIX)}

    assert "ORG_COMMON_CHECK_URL" in found
    reader = SettingsReader(dict.fromkeys(found, "postgresql://a@h/d"))
    reader.fields()
    assert reader.unknown == []
