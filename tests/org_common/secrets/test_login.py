"""The database's URL and the cursors' keys, from secrets as RDS, people and rotations leave them."""

from __future__ import annotations

import json
import traceback
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from psycopg.conninfo import conninfo_to_dict

from org_common.config.settings import Settings, SettingsError
from org_common.secrets.aws import Aws
from org_common.secrets.counters import SecretCounters
from org_common.secrets.login import TOKEN_S, CursorKeys, IamUrl, SecretUrl, cursor_keys, url
from org_common.secrets.source import Failed
from org_common.secrets.store import Store
from org_common.values.errors import OrgError, Unavailable
from org_common.values.secret import Reference, Secret
from tests.support.aws import FakeAws
from tests.support.store import FakeStore

APP = Reference.parse("prod/app")
RDS = {"username": "app_login", "password": "p@ss/word:1%", "host": "db.example.com", "port": 6432, "dbname": "app"}


@pytest.fixture
def store(aws_store: FakeStore, client_of_store: Aws, counters: SecretCounters) -> Store:
    return Store([client_of_store], counters)


def composed(store: Store, base: str | None = None, reference: Reference = APP) -> dict[str, object]:
    return dict(conninfo_to_dict(SecretUrl(reference, Secret(base) if base else None, store)()))


def test_a_secret_as_rds_makes_it(store: Store, aws_store: FakeStore) -> None:
    aws_store.secrets["prod/app"] = json.dumps({**RDS, "engine": "postgres", "dbInstanceIdentifier": "app"})

    assert composed(store) == {
        "user": "app_login",
        "password": "p@ss/word:1%",
        "host": "db.example.com",
        "port": "6432",
        "dbname": "app",
    }


def test_the_url_beside_it_says_what_is_not_secret(store: Store, aws_store: FakeStore) -> None:
    """A secret that RDS manages has user and password and nothing else; and a proxy is not the host that it names."""
    aws_store.secrets["prod/app"] = json.dumps(RDS)

    found = composed(store, "postgresql://somebody@proxy.example.com:5432/other?sslrootcert=/opt/rds.pem")

    assert found == {
        "user": "app_login",
        "password": "p@ss/word:1%",
        "host": "proxy.example.com",
        "port": "5432",
        "dbname": "other",
        "sslrootcert": "/opt/rds.pem",
    }


def test_a_password_alone(store: Store, aws_store: FakeStore) -> None:
    aws_store.secrets["prod/app"] = json.dumps({"pw": "p@ss"})

    found = composed(store, "postgresql://app_login@[::1]:5432/app", Reference.parse("prod/app#pw"))

    assert (found["user"], found["password"], found["host"]) == ("app_login", "p@ss", "::1")


def test_a_whole_url(store: Store, aws_store: FakeStore) -> None:
    aws_store.secrets["prod/app"] = "postgresql://app_login:pw@db.example.com/app?sslmode=require"

    assert composed(store)["sslmode"] == "require"


@pytest.mark.parametrize(
    ("secret", "base", "words"),
    [
        ('{"username": "app_login"}', None, "neither a URL nor a JSON object with a password"),
        ("hunter2", "postgresql://app_login@db/app", "neither a URL nor a JSON object with a password"),
        ('{"password": "hunter2"}', "postgresql://db/app", "has user, host and database"),
        ('{"password": "hunter2", "username": "u"}', None, "has user, host and database"),
    ],
)
def test_what_is_lacking_is_told(store: Store, aws_store: FakeStore, secret: str, base: str | None, words: str) -> None:
    aws_store.secrets["prod/app"] = secret

    with pytest.raises(OrgError) as raised:
        composed(store, base)

    assert words in str(raised.value.__cause__)
    assert "hunter2" not in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("secret", "base"),
    [
        ('{"pass": "hunter2", "username": "u"}', None),
        ('{"password": "hunter2", "username": "u"}', None),
        ('{"password": "hunter2"}', "postgresql://db/app"),
    ],
)
def test_no_variable_of_a_traceback_shows_the_password(
    store: Store, aws_store: FakeStore, secret: str, base: str | None
) -> None:
    aws_store.secrets["prod/app"] = secret

    with pytest.raises(OrgError) as raised:
        SecretUrl(APP, Secret(base) if base else None, store)()

    # But for the test's own.
    shown = [f"{each.f_locals!r}" for each, _ in traceback.walk_tb(raised.tb)][1:]
    assert len(shown) >= 2
    assert not [each for each in shown if "hunter2" in each]


@pytest.mark.parametrize(
    ("reference", "base"),
    [
        (APP, "postgresql://app%40login@db.example.com/my%20app"),
        (Reference.parse("prod/app#password"), "postgresql://app%40login@db.example.com/my%20app"),
    ],
)
def test_names_of_the_url_beside_it_are_encoded_once(
    store: Store, aws_store: FakeStore, reference: Reference, base: str
) -> None:
    aws_store.secrets["prod/app"] = '{"password": "pw"}'

    found = composed(store, base, reference)

    assert (found["user"], found["password"], found["dbname"]) == ("app@login", "pw", "my app")


def test_a_snapshot_holds_no_password(store: Store, aws_store: FakeStore) -> None:
    rotating(aws_store, "old")
    ours = SecretUrl(APP, None, store)
    ours()
    rotating(aws_store, "pending", "AWSPENDING")
    ours(force_refresh=True)

    store.clear()

    assert vars(ours._last) == {}
    assert ours._replacement is None
    assert password(ours()) == "old"
    assert password(ours(force_refresh=True)) == "pending"


def rotating(aws_store: FakeStore, password: str, stage: str | None = None) -> None:
    name = "prod/app" if stage is None else f"prod/app?stage={stage}"
    aws_store.secrets[name] = json.dumps({**RDS, "password": password})


def password(given: str) -> str | None:
    return urlsplit(given).password


def test_a_refused_password_is_read_anew_once(store: Store, aws_store: FakeStore) -> None:
    rotating(aws_store, "old")
    ours = SecretUrl(APP, None, store)
    assert password(ours()) == "old"
    rotating(aws_store, "new")

    assert password(ours(force_refresh=True)) == "new"
    assert password(ours()) == "new"
    assert aws_store.reads == 2


def test_in_the_middle_of_a_rotation_the_pending_password_is_tried(store: Store, aws_store: FakeStore) -> None:
    """The server has it already, and the store calls the old one current still."""
    rotating(aws_store, "old")
    ours = SecretUrl(APP, None, store)
    ours()
    rotating(aws_store, "new", "AWSPENDING")

    assert password(ours(force_refresh=True)) == "new"
    assert password(ours()) == "new"
    assert aws_store.reads == 3

    rotating(aws_store, "new")
    rotating(aws_store, "newest", "AWSPENDING")
    assert password(ours(force_refresh=True)) == "newest"
    assert password(ours()) == "newest"
    assert aws_store.reads == 5


def test_a_pending_password_that_is_refused_too_gives_way_to_the_current_one(
    store: Store, aws_store: FakeStore
) -> None:
    rotating(aws_store, "old")
    rotating(aws_store, "new", "AWSPENDING")
    ours = SecretUrl(APP, None, store)

    assert password(ours()) == "old"
    assert [password(ours(force_refresh=True)) for _ in range(2)] == ["new", "old"]


def test_a_thread_that_used_no_password_yet_reads_anew_as_well(store: Store, aws_store: FakeStore) -> None:
    """No password of its own was refused, so the cached one may be what the server refuses."""
    rotating(aws_store, "old")
    ours = SecretUrl(APP, None, store)
    ours()
    rotating(aws_store, "new")

    with ThreadPoolExecutor(1) as other:
        assert password(other.submit(ours, force_refresh=True).result()) == "new"


def test_a_thread_that_was_refused_takes_what_another_has_renewed(store: Store, aws_store: FakeStore) -> None:
    rotating(aws_store, "old")
    ours = SecretUrl(APP, None, store)
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        assert [password(each.submit(ours).result()) for each in (first, second)] == ["old", "old"]
        rotating(aws_store, "new")

        found = [password(each.submit(ours, force_refresh=True).result()) for each in (first, second)]

    assert found == ["new", "new"]
    assert aws_store.reads == 2


def test_without_a_rotation_the_same_url_is_all_there_is(store: Store, aws_store: FakeStore) -> None:
    rotating(aws_store, "old")
    ours = SecretUrl(APP, None, store)

    assert ours() == ours(force_refresh=True)


def test_a_pinned_version_has_nothing_pending(store: Store, aws_store: FakeStore) -> None:
    rotating(aws_store, "old", "AWSPREVIOUS")
    ours = SecretUrl(Reference.parse("prod/app?stage=AWSPREVIOUS"), None, store)
    ours()
    reads = aws_store.reads
    ours(force_refresh=True)

    assert aws_store.reads - reads == 1


def test_threads_that_were_refused_together_read_once(store: Store, aws_store: FakeStore) -> None:
    """Also those that are refused after the first has read already."""
    rotating(aws_store, "old")
    ours = SecretUrl(APP, None, store)
    # Otherwise one thread may take several of the calls, and another may have no password that is refused.
    all_have_one = Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: (ours(), all_have_one.wait(10)), range(8)))
        rotating(aws_store, "new")
        reads = aws_store.reads
        found = {password(each.result()) for each in [pool.submit(ours, force_refresh=True) for _ in range(8)]}

    assert found == {"new"}
    assert aws_store.reads - reads == 1


def test_the_store_is_down_while_a_password_is_refused(store: Store, aws_store: FakeStore) -> None:
    rotating(aws_store, "old")
    ours = SecretUrl(APP, None, store)
    ours()
    aws_store.always = "ThrottlingException"

    assert password(ours(force_refresh=True)) == "old"


def test_the_store_is_down_from_the_beginning(store: Store, aws_store: FakeStore) -> None:
    aws_store.always = "ThrottlingException"

    with pytest.raises(Unavailable) as raised:
        SecretUrl(APP, None, store)()

    assert isinstance(raised.value.__cause__, Failed)


def test_a_token_of_rds_is_the_password(aws: FakeAws) -> None:
    ours = IamUrl(Secret("postgresql://app_login@db.example.com:6432/app?sslmode=verify-full"))

    found = conninfo_to_dict(ours())
    token = str(found["password"])

    assert (found["user"], found["host"], found["port"], found["dbname"]) == (
        "app_login",
        "db.example.com",
        "6432",
        "app",
    )
    assert token.startswith("db.example.com:6432/?")
    asked = parse_qs(token.partition("?")[2])
    assert (asked["Action"], asked["DBUser"], asked["X-Amz-Expires"]) == (["connect"], ["app_login"], ["900"])


class NumberedTokens(Aws):
    """Signs "token-1", "token-2" and so on."""

    def __init__(self) -> None:
        super().__init__(SecretCounters())
        self.numbers = count(1)

    def token(self, host: str, port: int, user: str, deadline_s: float) -> Secret:
        return Secret(f"token-{next(self.numbers)}")


def test_a_token_is_signed_anew_before_it_ends() -> None:
    times = [1000.0]
    base = Secret("postgresql://app_login@db.example.com/app")
    ours = IamUrl(base, NumberedTokens(), clock=lambda: times[0])

    assert [password(ours()), password(ours()), password(ours(force_refresh=True))] == ["token-1", "token-1", "token-2"]
    times[0] += TOKEN_S
    assert password(ours()) == "token-3"
    times[0] -= TOKEN_S * 2
    assert password(ours()) == "token-4"


def test_without_a_region_the_token_is_a_fault_of_the_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

    with pytest.raises(OrgError) as raised:
        IamUrl(Secret("postgresql://app_login@db.example.com/app"))()

    assert "Set AWS_REGION" in str(raised.value.__cause__)


def test_a_token_is_for_the_user_as_he_is_called(aws: FakeAws) -> None:
    found = conninfo_to_dict(IamUrl(Secret("postgresql://app%40login@db.example.com/app"))())

    assert found["user"] == "app@login"
    assert str(found["password"]).startswith("db.example.com:5432/?")
    assert parse_qs(str(found["password"]).partition("?")[2])["DBUser"] == ["app@login"]


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials anywhere."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_without_credentials_the_token_is_a_fault_of_the_set_up(nobody: None) -> None:
    with pytest.raises(OrgError) as raised:
        IamUrl(Secret("postgresql://app_login@db.example.com/app"))()

    assert (raised.value.status, str(raised.value.__cause__)) == (500, "there are no AWS credentials")


def test_credentials_that_cannot_be_had_now_are_waited_for_by_the_caller(
    nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task's credentials come over HTTP."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/credentials")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)

    with pytest.raises(Unavailable) as raised:
        IamUrl(Secret("postgresql://app_login@db.example.com/app"))()

    assert str(raised.value.__cause__) == "no credentials: CredentialRetrievalError"


@pytest.mark.parametrize("base", ["postgresql://db.example.com/app", "postgresql:///app"])
def test_a_token_is_for_a_user_of_a_host(base: str) -> None:
    with pytest.raises(OrgError) as raised:
        IamUrl(Secret(base))()

    assert isinstance(raised.value.__cause__, SettingsError)


def test_cursor_keys_are_read_when_they_are_needed(store: Store, aws_store: FakeStore) -> None:
    keys = CursorKeys(Reference.parse("prod/keys"), store)
    assert aws_store.reads == 0
    aws_store.secrets["prod/keys"] = f"{'n' * 32}, {'o' * 32},"

    assert list(keys) == ["n" * 32, "o" * 32]
    assert (len(keys), keys[0], keys[1:]) == (2, "n" * 32, ["o" * 32])
    assert aws_store.reads == 1


@pytest.mark.parametrize("text", ["", " , ", "too-short", f"{'n' * 32},short"])
def test_a_bad_cursor_key_is_told_without_being_shown(store: Store, aws_store: FakeStore, text: str) -> None:
    aws_store.secrets["prod/keys"] = text

    with pytest.raises(OrgError) as raised:
        list(CursorKeys(Reference.parse("prod/keys"), store))

    assert "prod/keys has no cursor key, or one of fewer than 32 characters" in str(raised.value.__cause__)


def test_settings_say_which_login(store: Store, aws_store: FakeStore) -> None:
    for name in ("login", "service"):
        aws_store.secrets[f"prod/{name}"] = json.dumps({**RDS, "username": f"app_{name}"})
    aws_store.secrets["prod/keys"] = "k" * 32
    settings = Settings(
        database_secret="prod/login", service_database_secret="prod/service", cursor_keys_secret="prod/keys"
    )

    assert urlsplit(url(settings, store=store)()).username == "app_login"
    assert urlsplit(url(settings, service=True, store=store)()).username == "app_service"
    assert list(cursor_keys(Reference.parse("prod/keys"), settings, store=store)) == ["k" * 32]
    assert isinstance(url(Settings(database_url="postgresql://u@h/d", database_auth="iam")), IamUrl)
    with pytest.raises(OrgError):
        url(Settings(database_auth="iam"))


def test_each_login_has_its_url_beside_its_secret(store: Store, aws_store: FakeStore) -> None:
    for name in ("login", "service"):
        aws_store.secrets[f"prod/{name}"] = json.dumps({"username": f"app_{name}", "password": "pw"})
    settings = Settings(
        database_url="postgresql://login.example.com/app",
        database_secret="prod/login",
        service_database_url="postgresql://service.example.com/app",
        service_database_secret="prod/service",
    )

    found = [url(settings, service=service, store=store)() for service in (False, True)]

    assert found == [
        "postgresql://app_login:pw@login.example.com/app",
        "postgresql://app_service:pw@service.example.com/app",
    ]


def test_the_given_store_is_the_one_that_is_read(store: Store, aws_store: FakeStore) -> None:
    """It has cached both secrets, and no other store could fetch them."""
    login, keys = Reference.parse("given/app"), Reference.parse("given/keys")
    aws_store.secrets |= {"given/app": json.dumps(RDS), "given/keys": "k" * 32}
    settings = Settings(database_secret="given/app", cursor_keys_secret="given/keys")
    for each in (login, keys):
        store.get(each)
    aws_store.clear()

    assert urlsplit(url(settings, store=store)()).username == "app_login"
    assert list(cursor_keys(keys, settings, store=store)) == ["k" * 32]
    assert aws_store.reads == 0
