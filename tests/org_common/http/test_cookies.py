"""`Response.set_cookie`: the header value, and the errors for unsafe cookies."""

from typing import Any

import pytest

from org_common import Response


def set_cookie(name: str = "session", value: str = "abc", **options: Any) -> str:
    response = Response()
    response.set_cookie(name, value, **options)
    [cookie] = response.cookies
    return cookie


def test_cookie_is_secure_by_default() -> None:
    assert set_cookie() == "session=abc; Path=/; Secure; HttpOnly; SameSite=Lax"


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
def test_options_become_attributes(options: dict[str, Any], cookie: str) -> None:
    assert set_cookie(**options) == cookie


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a\r\nSet-Cookie: x", "é"])
def test_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid cookie name"):
        set_cookie(name)


@pytest.mark.parametrize("value", ["a;b", "a b", "a,b", 'a"b', "a\r\nx: y", "é", "\x00", "a" * 4096])
def test_invalid_value_is_refused_without_being_quoted(value: str) -> None:
    with pytest.raises(ValueError, match="the (value of the )?cookie 'session' ") as caught:
        set_cookie(value=value)

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
def test_cookie_that_browsers_drop_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cookie|same_site"):
        set_cookie(**options)


def test_cookie_is_added_to_the_others() -> None:
    response = Response(cookies=["a=1"])
    response.set_cookie("b", "2", secure=False, http_only=False)

    assert response.cookies == ("a=1", "b=2; Path=/; SameSite=Lax")
