"""The environment is read once; secrets stay inside, and faults are told all at once."""

import copy
import inspect
import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.config.settings import Settings, SettingsError
from org_common.values.secret import Reference, Secret

URL = "postgresql://app_login:hunter2-secret@db.example.com:6432/app"
KEY, OLD_KEY = "k" * 32, "o" * 64
SEEDS = st.text("abcdefghijkmnpqrstuvwxyz23456789", min_size=32, max_size=40)


def full() -> Settings:
    return Settings.from_env({"ORG_COMMON_DATABASE_URL": URL, "ORG_COMMON_CURSOR_KEYS": f"{KEY},{OLD_KEY}"})


def test_empty_environment_is_usable() -> None:
    settings = Settings.from_env({})

    assert (settings.database_url, settings.database_secret, settings.cursor_keys) == (None, None, ())
    assert (settings.search_path, settings.application_name) == ("", "org-common")
    assert settings.database_profile == "transaction-pooler"
    assert (settings.secrets_ttl_s, settings.secrets_stale_s) == (300, 3600)


def test_variables_are_read() -> None:
    settings = Settings.from_env(
        {
            "ORG_COMMON_DATABASE_URL": "postgresql://db.example.com:6432/app",
            "ORG_COMMON_DATABASE_SECRET": "prod/app/database",
            "ORG_COMMON_CURSOR_KEYS_SECRET": "ssm:/prod/app/cursor-keys",
            "ORG_COMMON_DATABASE_PROFILE": "direct",
            "ORG_COMMON_SEARCH_PATH": "access, app",
            "AWS_LAMBDA_FUNCTION_NAME": "access-orgs",
        }
    )

    assert settings.database_url == Secret("postgresql://db.example.com:6432/app")
    assert settings.database_secret == Reference("secretsmanager", "prod/app/database")
    assert settings.cursor_keys_secret == Reference("ssm", "/prod/app/cursor-keys")
    assert (settings.search_path, settings.application_name) == ("access, app", "access-orgs")
    assert settings.database_profile == "direct"


def test_plain_secrets_are_taken_outside_of_lambda() -> None:
    assert full().database_url == Secret(URL)
    assert full().cursor_keys == (Secret(KEY), Secret(OLD_KEY))


def test_settings_made_in_a_program_take_texts() -> None:
    settings = Settings(database_url=URL, database_secret="prod/app#url", cursor_keys=(KEY, Secret(OLD_KEY)))

    assert settings.database_url == Secret(URL)
    assert settings.database_secret == Reference("secretsmanager", "prod/app", key="url")
    assert settings.cursor_keys == (Secret(KEY), Secret(OLD_KEY))


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ORG_COMMON_DATABASE_URL": "mysql://x", "ORG_COMMON_CURSOR_KEYS": "short"})

    lines = str(caught.value).splitlines()

    assert [line.split()[0] for line in lines] == ["ORG_COMMON_DATABASE_URL", "ORG_COMMON_CURSOR_KEYS"]


def test_what_is_like_none_of_ours_is_told_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        settings = Settings.from_env({"ORG_COMMON_OF_THE_FUTURE": "x"})

    assert settings.unknown_variables == ("ORG_COMMON_OF_THE_FUTURE",)
    assert "ORG_COMMON_OF_THE_FUTURE" in caplog.text


@pytest.mark.parametrize("shown", [repr(full()), str(full()), f"{full()}"], ids=["repr", "str", "format"])
def test_secrets_are_not_shown(shown: str) -> None:
    assert "hunter2" not in shown
    assert KEY not in shown
    assert OLD_KEY not in shown


def test_repr_says_what_is_set() -> None:
    assert repr(full()) == (
        "Settings(application_name='org-common', cursor_keys=<2 keys>, database_auth='password', "
        "database_profile='transaction-pooler', database_url=Secret('***'), is_provisioned=False, "
        "search_path='', secrets_stale_s=3600, secrets_ttl_s=300)"
    )
    assert "database_url" not in repr(Settings())
    assert "database_secret=Reference('prod/app#url')" in repr(Settings(database_secret="prod/app#url"))


def test_settings_have_no_dict_to_print() -> None:
    with pytest.raises(TypeError):
        vars(full())


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_settings_are_not_pickled_nor_copied(copied: object) -> None:
    assert callable(copied)
    with pytest.raises(TypeError, match=r"hold secrets .*Settings\.from_env\(\)"):
        copied(full())


@pytest.mark.parametrize("name", Settings.__slots__)
def test_settings_are_frozen(name: str) -> None:
    with pytest.raises(AttributeError, match=f"Settings is immutable: cannot set '{name}'"):
        setattr(full(), name, "other")


def test_settings_take_no_new_names() -> None:
    with pytest.raises(AttributeError):
        setattr(full(), "database_uri", URL)  # noqa: B010 - a name that the type does not have


# `del` does not call `__setattr__`.
def test_settings_cannot_be_emptied() -> None:
    with pytest.raises(AttributeError, match="Settings is immutable: cannot delete 'database_url'"):
        del full().database_url


@given(password=SEEDS, service=SEEDS, key=SEEDS, query=SEEDS)
def test_no_way_to_look_at_settings_shows_a_secret(password: str, service: str, key: str, query: str) -> None:
    settings = Settings.from_env(
        {
            "ORG_COMMON_DATABASE_URL": f"postgresql://app_login:{password}@db/app",
            "ORG_COMMON_SERVICE_DATABASE_URL": f"postgresql://app_service@db/app?password={service}",
            "ORG_COMMON_CURSOR_KEYS": f"{key},{query}",
        }
    )

    shown = [repr(settings), str(settings), f"{settings}", repr(inspect.getmembers(settings)), repr(dir(settings))]
    shown += [repr({name: getattr(settings, name) for name in Settings.__slots__})]
    shown += [told(pickle.dumps, settings), told(vars, settings), told(settings.__setattr__, "database_url")]

    assert [seed for seed in (password, service, key, query) if any(seed in text for text in shown)] == []


@given(password=SEEDS, key=SEEDS, misplaced=SEEDS)
def test_no_fault_and_no_traceback_shows_a_secret(password: str, key: str, misplaced: str) -> None:
    def read() -> Settings:
        # Handed in at once: what this function itself holds is its own business.
        return Settings.from_env(
            {
                "AWS_LAMBDA_FUNCTION_NAME": "orders",
                "ORG_COMMON_DATABASE_URL": f"postgresql://app_login:{password}@db/app",
                "ORG_COMMON_CURSOR_KEYS": f"{key[:20]},{key}",
                "ORG_COMMON_DATABASE_SECRET": f"postgresql://app_login:{misplaced}@db/app",
                "ORG_COMMON_DATABASE_AUTH": "iam",
                "ORG_COMMON_SECRETS_TTL_S": misplaced,
                "ORG_COMMON_DATABASE_URI": password,
            }
        )

    try:
        read()
    except SettingsError as error:
        traced = traceback.TracebackException.from_exception(error, capture_locals=True)
    # The frames of the test itself hold the seeds.
    frames = [frame for frame in traced.stack if "/src/org_common/config/" in frame.filename]
    shown = str(traced) + "".join(repr(frame.locals) for frame in frames)

    assert frames
    assert [seed for seed in (password, key, key[:20], misplaced) if seed in shown] == []


def told(call: object, *arguments: object) -> str:
    assert callable(call)
    try:
        return repr(call(*arguments))
    except (TypeError, AttributeError) as error:
        return str(error)
