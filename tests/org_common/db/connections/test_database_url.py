"""Database URLs as other tools and people write them: read, or refused with a reason that has no password in it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from org_common.config.settings import Settings, SettingsError
from org_common.db.connections.connect import conninfo
from org_common.db.connections.connection import fixed
from org_common.db.connections.database_url import parse
from org_common.values.errors import OrgError
from org_common.values.secret import Secret

URL = "postgresql://app_login:hunter2@db.example.com:5432/app"
READ = {"user": "app_login", "password": "hunter2", "host": "db.example.com", "port": "5432", "dbname": "app"}


def said(url: str) -> str:
    """What is wrong, as the log has it."""
    with pytest.raises(OrgError) as raised:
        conninfo(url, "x")
    assert raised.value.status == 500
    assert isinstance(raised.value.__cause__, SettingsError)
    return str(raised.value.__cause__)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        URL.replace("postgresql:", "postgres:"),
        *(f"{space}{URL}{space}" for space in ("\n", "\r\n", " ", "\t", "  \n", "\u00a0", "\u200b", "\ufeff")),
        "host=db.example.com port=5432 user=app_login password=hunter2 dbname=app",
        "host=db.example.com port=5432 user=app_login password='hunter2' dbname=app\n",
    ],
)
def test_is_read(url: str) -> None:
    assert parse(url) == READ


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=require",
        "ssl=true",
        "application_name=shop",
        "application_name=shop%40eu",
        "application_name=me@example.com",
        "options=-c%20geqo%3Doff",
        "target_session_attrs=any&connect_timeout=5",
        "host=/cloudsql/project:region:instance",
        "user=login%40server",
    ],
)
def test_parameters_of_libpq_are_read(query: str) -> None:
    assert isinstance(parse(f"{URL}?{query}"), dict)


# Of Prisma, SQLAlchemy, asyncpg, node-postgres, JDBC, Npgsql, Rails, Go, and what no one knows.
FOREIGN = [
    *(
        "pgbouncer=true",
        "schema=public",
        "connection_limit=1",
        "pool_timeout=20",
        "socket_timeout=5",
        "sslaccept=strict",
    ),
    *("prepared_statement_cache_size=0", "statement_cache_size=0", "currentSchema=app", "prepareThreshold=0"),
    *(
        "uselibpqcompat=true",
        "Pooling=true",
        "pool=5",
        "prepared_statements=false",
        "pool_max_conns=4",
        "sslMode=require",
    ),
    *("search_path=app", "default_query_exec_mode=exec", "supa=base-pooler.x", "x=1", "some_thing=y"),
]


@pytest.mark.parametrize("parameter", FOREIGN)
@pytest.mark.parametrize(
    "form", ["{url}?{parameter}", "{url}?sslmode=require&{parameter}", "{url}?{parameter}&sslmode=require"]
)
def test_a_parameter_of_another_tool_is_named(form: str, parameter: str) -> None:
    text = said(form.format(url=URL, parameter=parameter))

    assert f"{parameter.partition('=')[0]!r}" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "scheme",
    [
        *("postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg", "postgresql+pg8000", "postgres+psycopg"),
        *("jdbc:postgresql", "r2dbc:postgresql", "postgis", "psql", "pgsql", "POSTGRESQL", "ecto", "mysql", "https"),
        *("cockroachdb", "prisma+postgres", "timescaledb"),
    ],
)
def test_another_scheme_is_named(scheme: str) -> None:
    text = said(URL.replace("postgresql", scheme, 1))

    assert f"{scheme}://" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ('"{url}"', "quotes"),
        ("'{url}'", "quotes"),
        ("`{url}`", "quotes"),
        ("\u201c{url}\u201d", "quotes"),
        ('"{url}', "quotes"),
        ("'{url}'\n", "quotes"),
        ("psql '{url}'", "quotes"),
        ("psql {url}", "in front of"),
        ("DATABASE_URL={url}", "in front of"),
        ("export DATABASE_URL={url}", "in front of"),
        ("url: {url}", "in front of"),
        ('{{"url": "{url}"}}', "JSON"),
        ("{url} {url}", "line break"),
        ("{url}\nsslmode=require", "line break"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("db.example.com:5432/app", "does not begin"),
        ("db.example.com", "does not begin"),
        ("app_login:hunter2@db.example.com/app", "does not begin"),
        ("host=db.example.com pgbouncer=true", "'pgbouncer'"),
        ("host=db.example.com password=hunter2 again", "key=value"),
        ("host=hunter2@db.example.com", "contains @"),
    ],
)
def test_what_is_wrong_is_said(form: str, word: str) -> None:
    text = said(form.format(url=URL))

    assert word in text
    assert "hunter2" not in text


SPECIAL = st.text(alphabet="@/:?#%[]&=,;+ '\"\\$!ab1", min_size=1, max_size=12)


@given(
    first=SPECIAL, last=SPECIAL, port=st.sampled_from(["", ":5432"]), query=st.sampled_from(["", "?sslmode=require"])
)
@example("pa@", "", "", "")
@example("pa/", "", ":5432", "")
@example("1/@", "/x", "", "?sslmode=require")
@example("a@b", "?x=y", "", "")
@example("%ff", "", "", "")
@example("\0", "", "", "")
@example("\ud800", "", "", "")
def test_a_password_is_read_as_it_was_meant_or_refused_without_its_letters(
    first: str, last: str, port: str, query: str
) -> None:
    """Where it is not percent-encoded, libpq takes a part of it for something else, and quotes that in its errors."""
    password = f"{first}SWORD{last}FISH"
    parsed = parse(f"postgresql://app_login:{password}@db.example.com{port}/app{query}")

    if isinstance(parsed, str):
        assert "SWORD" not in parsed
        assert "FISH" not in parsed
    else:
        read = conninfo_to_dict("", **parsed)
        assert (read["user"], read["host"], read["dbname"]) == ("app_login", "db.example.com", "app")


@pytest.mark.parametrize("url", [None, Secret(""), Secret(" \n")], ids=["none", "empty", "blank"])
def test_no_url_names_its_variable(url: Secret | None) -> None:
    with pytest.raises(OrgError) as raised:
        fixed(url, "ORG_COMMON_DATABASE", "app_login")()

    assert (raised.value.status, "ORG_COMMON_DATABASE_URL is not set" in str(raised.value.__cause__)) == (500, True)


def test_settings_keep_a_url_as_it_is() -> None:
    """The check comes with the first connection: a wrong URL must not keep a function from starting."""
    assert Settings(database_url="jdbc:nothing").database_url == Secret("jdbc:nothing")
