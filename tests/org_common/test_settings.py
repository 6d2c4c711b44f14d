"""The environment is read once; secrets stay inside, and faults are told all at once."""

import copy
import pickle

import pytest

from org_common.settings import Settings, SettingsError

URL = "postgresql://app_login:hunter2-secret@db.example.com:6432/app"
KEY, OLD_KEY = "k" * 32, "o" * 64


def full() -> Settings:
    return Settings.from_env({"ORG_COMMON_DATABASE_URL": URL, "ORG_COMMON_CURSOR_KEYS": f"{KEY},{OLD_KEY}"})


def test_empty_environment_is_usable() -> None:
    settings = Settings.from_env({})

    assert (settings.database_url, settings.cursor_keys) == (None, ())
    assert (settings.search_path, settings.application_name) == ("", "org-common")
    assert settings.database_profile == "transaction-pooler"


def test_variables_are_read() -> None:
    settings = Settings.from_env(
        {
            "ORG_COMMON_DATABASE_URL": URL,
            "ORG_COMMON_CURSOR_KEYS": f"{KEY},{OLD_KEY}",
            "ORG_COMMON_DATABASE_PROFILE": "direct",
            "ORG_COMMON_SEARCH_PATH": "access, app",
            "AWS_LAMBDA_FUNCTION_NAME": "access-orgs",
        }
    )

    assert (settings.database_url, settings.cursor_keys) == (URL, (KEY, OLD_KEY))
    assert (settings.search_path, settings.application_name) == ("access, app", "access-orgs")
    assert settings.database_profile == "direct"


@pytest.mark.parametrize("scheme", ["postgresql://", "postgres://"])
def test_both_schemes_of_libpq_are_taken(scheme: str) -> None:
    assert Settings.from_env({"ORG_COMMON_DATABASE_URL": scheme + "host/db"}).database_url == scheme + "host/db"


def test_empty_variables_are_as_good_as_none() -> None:
    settings = Settings.from_env({"ORG_COMMON_DATABASE_URL": "", "ORG_COMMON_CURSOR_KEYS": ""})

    assert (settings.database_url, settings.cursor_keys) == (None, ())


@pytest.mark.parametrize("url", ["mysql://h/d", "host=db user=app", "  ", "http://postgresql://", "db.example.com"])
def test_other_url_names_the_variable_and_an_example(url: str) -> None:
    with pytest.raises(SettingsError, match=r"ORG_COMMON_DATABASE_URL .*Example: postgresql://"):
        Settings.from_env({"ORG_COMMON_DATABASE_URL": url})


@pytest.mark.parametrize("profile", ["pgbouncer", "Direct", " direct"])
def test_other_profile_names_the_variable_and_the_choices(profile: str) -> None:
    with pytest.raises(
        SettingsError, match=r"ORG_COMMON_DATABASE_PROFILE .*one of transaction-pooler, direct, rds-proxy"
    ):
        Settings.from_env({"ORG_COMMON_DATABASE_PROFILE": profile})


# an empty variable (Terraform's way to say none) is a fault here, and none for the others.
def test_empty_profile_is_as_good_as_none() -> None:
    assert Settings.from_env({"ORG_COMMON_DATABASE_PROFILE": ""}).database_profile == "transaction-pooler"


def test_short_key_names_the_variable_and_an_example() -> None:
    with pytest.raises(SettingsError, match=r"ORG_COMMON_CURSOR_KEYS .*32 .*Example: .*openssl rand -hex 32"):
        Settings.from_env({"ORG_COMMON_CURSOR_KEYS": f"{KEY},{'s' * 31}"})


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ORG_COMMON_DATABASE_URL": "mysql://x", "ORG_COMMON_CURSOR_KEYS": "short"})

    lines = str(caught.value).splitlines()

    assert [line.split()[0] for line in lines] == ["ORG_COMMON_DATABASE_URL", "ORG_COMMON_CURSOR_KEYS"]


def test_fault_does_not_tell_the_value() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ORG_COMMON_DATABASE_URL": "mysql://u:hunter2@h", "ORG_COMMON_CURSOR_KEYS": "hunter2"})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("shown", [repr(full()), str(full()), f"{full()}"], ids=["repr", "str", "format"])
def test_secrets_are_not_shown(shown: str) -> None:
    assert "hunter2" not in shown
    assert KEY not in shown
    assert OLD_KEY not in shown


def test_repr_says_what_is_set() -> None:
    assert repr(full()) == (
        "Settings(database_url=***, database_profile='transaction-pooler', cursor_keys=2 keys, "
        "search_path='', application_name='org-common')"
    )
    assert "database_url=None" in repr(Settings())


def test_settings_have_no_dict_to_print() -> None:
    with pytest.raises(TypeError):
        vars(full())


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_settings_are_not_pickled_nor_copied(copied: object) -> None:
    assert callable(copied)
    with pytest.raises(TypeError, match=r"hold secrets .*Settings\.from_env\(\)"):
        copied(full())


@pytest.mark.parametrize("name", ["database_url", "database_profile", "cursor_keys", "search_path", "application_name"])
def test_settings_are_frozen(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"frozen: {name}"):
        setattr(full(), name, "other")


def test_settings_take_no_new_names() -> None:
    with pytest.raises(AttributeError):
        setattr(full(), "database_uri", URL)  # noqa: B010 - a name that the type does not have


# `del` goes past `__setattr__`, so "frozen" settings can lose what they hold.
def test_settings_cannot_be_emptied() -> None:
    with pytest.raises(AttributeError, match="frozen"):
        del full().database_url
