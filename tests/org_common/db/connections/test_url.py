"""Spellings of a database's URL that other tools use, and mistakes: what is wrong is reported, without the password."""

import pytest

from org_common.config.settings import Settings, SettingsError
from org_common.db.connections.connect import conninfo
from org_common.db.connections.url import UNREADABLE, url_problem
from org_common.db.database import Database, reader
from org_common.values.errors import OrgError
from tests.support.lab import ALICE, Lab

URL = "postgresql://app_login:swordfish@db.example.com:5432/app"


@pytest.mark.parametrize(
    "url",
    [
        URL,
        URL.replace("postgresql:", "postgres:"),
        URL + "?sslmode=require&application_name=x&options=-c%20a%3Db&target_session_attrs=any&hostaddr=1.2.3.4",
        URL + "?ssl=true",
        "postgresql://",
        "postgresql:///app?host=/var/run&user=app_login",
        "postgresql://a,b:5433/app",
        "postgresql://app_login:sword%40fish%2F@[::1]/app",
        "host=localhost dbname=app password='a://b@c?d=1'",
        "postgresql://app_login@localhost/app#x",
        "postgresql://app_login@localhost/app?password=a@b",
    ],
)
def test_what_libpq_may_read(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is empty"),
        (f'"{URL}"', "in quotes"),
        (f"'{URL}'", "in quotes"),
        ("jdbc:" + URL, "jdbc:"),
        ("JDBC:" + URL, "jdbc:"),
        (URL.replace("postgresql:", "postgresql+psycopg:"), r"begins with postgresql\+psycopg://"),
        (URL.replace("postgresql:", "mysql:"), "begins with mysql://"),
        (URL.replace("postgresql:", "prisma+postgres:"), "for another tool: write postgresql://"),
        (URL + "?pgbouncer=true", "parameter pgbouncer"),
        (URL + "?schema=public&sslmode=require", "parameter schema"),
        (URL + "?sslmode=require&connection_limit=1", "parameter connection_limit"),
        (URL.replace("swordfish", "pa@swordfish"), UNREADABLE),
        (URL.replace("swordfish", "pa?swordfish=1"), UNREADABLE),
        (URL.replace("swordfish", "pa/swordfish"), UNREADABLE),
        (URL.replace("swordfish", "pa@a/swordfish"), UNREADABLE),
        (URL.replace("swordfish", "sw%zz"), UNREADABLE),
    ],
)
def test_what_is_wrong_is_reported_without_the_password(url: str, words: str) -> None:
    with pytest.raises(OrgError) as raised:
        conninfo(url, "test")

    cause = raised.value.__cause__
    assert isinstance(cause, SettingsError)
    assert cause.__context__ is None
    assert raised.value.status == 500
    with pytest.raises(SettingsError, match=words.replace("?", r"\?")):
        raise cause
    assert "swordfish" not in str(cause)
    assert "fish" not in str(cause)


@pytest.mark.db
@pytest.mark.parametrize("around", ["{}\n", " {}", "\t{}\r\n"])
def test_white_space_around_it_does_not_matter(lab: Lab, around: str) -> None:
    database = Database(Settings(database_url=around.format(lab.local.login_url)))

    with reader(ALICE, database=database) as db:
        assert db.value("select 1") == 1
    database.close()


@pytest.mark.db
def test_a_database_that_is_not_there_is_no_outage(lab: Lab) -> None:
    database = Database(Settings(database_url=lab.local.login_url.replace(lab.local.name, "nowhere")))

    with pytest.raises(OrgError) as raised, reader(ALICE, database=database) as db:
        db.value("select 1")

    assert (raised.value.status, raised.value.code) == (500, "internal_error")
    assert getattr(raised.value.__cause__, "sqlstate", None) == "3D000"
