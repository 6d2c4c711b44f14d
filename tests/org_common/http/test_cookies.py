"""Cookies that are set: safe, or refused."""

from typing import Any

import pytest

from org_common import Response


def made(name: str = "session", value: str = "abc", **options: Any) -> str:
    response = Response()
    response.set_cookie(name, value, **options)
    [cookie] = response.cookies
    return cookie


def test_cookie_is_out_of_reach_of_scripts_and_of_other_sites() -> None:
    assert made() == "session=abc; Path=/; Secure; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize(
    ("options", "cookie"),
    [
        ({"max_age_s": 60}, "session=abc; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"),
        ({"max_age_s": 0}, "session=abc; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"),
        (
            {"path": "/a", "domain": "a.example"},
            "session=abc; Path=/a; Domain=a.example; Secure; HttpOnly; SameSite=Lax",
        ),
        ({"secure": False, "http_only": False}, "session=abc; Path=/; SameSite=Lax"),
        ({"same_site": "none"}, "session=abc; Path=/; Secure; HttpOnly; SameSite=None"),
        ({"same_site": "strict"}, "session=abc; Path=/; Secure; HttpOnly; SameSite=Strict"),
    ],
)
def test_cookie_says_what_it_is_told(options: dict[str, Any], cookie: str) -> None:
    assert made(**options) == cookie


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a\r\nSet-Cookie: x", "é"])
def test_broken_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a cookie"):
        made(name)


@pytest.mark.parametrize("value", ["a;b", "a b", "a,b", 'a"b', "a\r\nx: y", "é", "\x00", "a" * 4096])
def test_broken_value_is_refused_and_not_quoted(value: str) -> None:
    with pytest.raises(ValueError, match="the (value of the )?cookie 'session' ") as caught:
        made(value=value)

    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"path": "/; Domain=evil.example"},
        {"domain": "a\r\nb"},
        {"same_site": "None"},
        {"same_site": "none", "secure": False},
        {"name": "__Host-a", "path": "/a"},
        {"name": "__Host-a", "domain": "a.example"},
        {"name": "__Secure-a", "secure": False},
    ],
)
def test_what_browsers_would_drop_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cookie|same_site"):
        made(**options)


def test_cookies_add_up() -> None:
    response = Response(cookies=["a=1"])
    response.set_cookie("b", "2", secure=False, http_only=False)

    assert response.cookies == ("a=1", "b=2; Path=/; SameSite=Lax")
