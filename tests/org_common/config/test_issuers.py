"""Settings of an issuer are checked when it is made; what is wrong with them is told all at once."""

import copy
import json
import pickle
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.config.issuers import EXAMPLE, Issuer, parse_issuers, with_synonyms
from org_common.config.settings import Settings, SettingsError

URL = "https://issuer.test"
SECRET = "hunter2-hunter2-hunter2-hunter2-hunter2"


def issuer(**changes: Any) -> Issuer:
    return Issuer(**{"url": URL, "audience": "api", "algorithms": ["RS256"], **changes})


def faults(**changes: Any) -> list[str]:
    with pytest.raises(ValueError, match=".") as caught:
        issuer(**changes)
    return str(caught.value).splitlines()


def test_little_is_enough() -> None:
    made = issuer()

    assert (made.url, made.audience, made.algorithms) == (URL, ("api",), ("RS256",))
    assert (made.jwks_url, made.email_domains) == (f"{URL}/.well-known/jwks.json", frozenset())
    assert (made.audience_claim, made.token_use, made.tenant_claim, made.hs256_secret) == ("aud", None, None, None)


@pytest.mark.parametrize(
    ("url", "jwks_url"),
    [
        ("https://acme.eu.auth0.com/", "https://acme.eu.auth0.com/.well-known/jwks.json"),
        ("https://ref.supabase.co/auth/v1", "https://ref.supabase.co/auth/v1/.well-known/jwks.json"),
        (
            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc",
            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc/.well-known/jwks.json",
        ),
    ],
)
def test_keys_are_below_the_url_by_default(url: str, jwks_url: str) -> None:
    assert issuer(url=url).jwks_url == jwks_url


@pytest.mark.parametrize("url", ["https://a.test/keys", "https://a.test:8443/v1/keys?p=b2c_1", "https://a.test"])
def test_keys_may_be_elsewhere(url: str) -> None:
    assert issuer(jwks_url=url).jwks_url == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://a.test/keys",
            "http://127.0.0.1/keys",
            "file:///etc/passwd",
            "ftp://a.test/",
            "data:application/json,{}",
        ),
        *(
            "//a.test/keys",
            "a.test/keys",
            "",
            "https://",
            "https:///keys",
            "https://user:pw@a.test/",
            "https://a.test/a b",
        ),
        *(
            "https://a.test/\n",
            "https://a.test/#x",
            "HTTPS://a.test/",
            "https://a.test\\@evil.test/",
            "https://é.test/",
            "https://a.test/é",
            "https://a.test:port/",
        ),
    ],
)
def test_keys_are_fetched_by_https_alone(url: str) -> None:
    assert "jwks_url is not an https URL" in faults(jwks_url=url)[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_plain_http_on_this_machine_is_an_explicit_choice(host: str) -> None:
    url = f"http://{host}/keys"

    assert issuer(jwks_url=url, loopback_http=True).jwks_url == url
    assert "https" in faults(jwks_url=url)[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test/",
        "http://127.0.0.1.evil.test/",
        "http://localhost@evil.test/",
        "http://127.0.0.2/",
        "http://10.0.0.1/",
    ],
)
def test_plain_http_goes_no_further(url: str) -> None:
    assert "https" in faults(jwks_url=url, loopback_http=True)[0]


@pytest.mark.parametrize(
    "algorithms", [[], ["HS256"], ["RS256", "HS256"], ["none"], ["ES256K"], ["rs256"], ["RS256", ""]]
)
def test_algorithms_are_asymmetric(algorithms: list[str]) -> None:
    assert "algorithms has" in faults(algorithms=algorithms)[0]


@pytest.mark.parametrize("audience", ["", [], ["a", ""], " ", "a b", "a\n", ["a", 5]])
def test_audience_is_required(audience: Any) -> None:
    assert "audience is not a string" in faults(audience=audience)[0]


def test_several_audiences_are_taken() -> None:
    assert issuer(audience=["a", "b"]).audience == ("a", "b")


@pytest.mark.parametrize(
    "domain",
    [
        *(
            "*",
            "*.acme.test",
            "Acme.test",
            "acme",
            ".acme.test",
            "acme.test.",
            "acme..test",
            "acme test",
            "@acme.test",
            "",
        ),
        *(
            "é.test",
            "-a.test",
            "a-.test",
            "a_b.test",
            "acme.test/",
            "a" * 64 + ".test",
            "a." * 127 + "test",
            "127.0.0.1",
        ),
    ],
)
def test_email_domains_are_domains(domain: str) -> None:
    assert "email_domains has" in faults(email_domains=[domain])[0]


@pytest.mark.parametrize("domain", ["acme.test", "sub.acme-1.test", "xn--bcher-kva.example", "a.co"])
def test_email_domains_are_kept(domain: str) -> None:
    assert issuer(email_domains=[domain, domain]).email_domains == {domain}


def test_secret_of_the_old_kind_is_an_explicit_choice() -> None:
    made = issuer(algorithms=["HS256"], hs256_secret=SECRET)

    assert (made.hs256_secret, made.jwks_url) == (SECRET, None)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"algorithms": ["RS256"], "hs256_secret": SECRET}, 'hs256_secret requires algorithms=["HS256"]'),
        ({"algorithms": ["RS256", "HS256"], "hs256_secret": SECRET}, 'hs256_secret requires algorithms=["HS256"]'),
        (
            {"algorithms": ["HS256"], "hs256_secret": SECRET, "jwks_url": "https://a.test"},
            "hs256_secret excludes jwks_url",
        ),
        ({"algorithms": ["HS256"], "hs256_secret": "hunter2"}, "hs256_secret has fewer than 32 bytes"),
        ({"algorithms": ["HS256"], "hs256_secret": ""}, "hs256_secret has fewer than 32 bytes"),
        ({"audience_claim": "sub"}, "audience_claim is not one of aud"),
        ({"required": {"scope": ""}}, "required does not map"),
        ({"url": ""}, "url is not a printable string"),
    ],
)
def test_faults_are_told(changes: dict[str, Any], fault: str) -> None:
    found = faults(**changes)

    assert any(line.startswith(fault) for line in found), found
    assert "hunter2" not in "".join(found)


def test_every_fault_is_told_at_once() -> None:
    found = faults(audience="", algorithms=["none"], jwks_url="http://a.test", email_domains=["*"])

    assert [line.split()[0] for line in found] == ["audience", "algorithms", "jwks_url", "email_domains"]


@pytest.mark.parametrize("shown", [repr, str, "{}".format])
def test_secret_is_not_shown(shown: Any) -> None:
    text = shown(issuer(algorithms=["HS256"], hs256_secret=SECRET))

    assert "hunter2" not in text
    assert "hs256_secret=***" in text
    assert shown(issuer()) == "Issuer('https://issuer.test', audience=('api',), algorithms=('RS256',))"


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_issuer_is_not_pickled_nor_copied(copied: Any) -> None:
    with pytest.raises(TypeError, match="may hold a secret"):
        copied(issuer())


def test_issuer_is_frozen() -> None:
    with pytest.raises(AttributeError, match="Issuer is immutable: cannot set 'url'"):
        issuer().url = "https://evil.test"
    with pytest.raises(AttributeError, match="Issuer is immutable: cannot delete 'audience'"):
        del issuer().audience


# --- from a variable ----------------------------------------------------------------------------


def test_example_is_one() -> None:
    [made] = parse_issuers(EXAMPLE)

    assert made.email_domains == {"example.com"}


def test_every_argument_has_its_member() -> None:
    full = {
        "url": URL,
        "audience": ["a", "b"],
        "algorithms": ["ES256"],
        "jwks_url": "http://127.0.0.1:1/keys",
        "email_domains": ["acme.test"],
        "audience_claim": "client_id",
        "token_use": "access",
        "required": {"scope": "read"},
        "types": ["at+JWT"],
        "tenant_claim": "org",
        "loopback_http": True,
        "max_lifetime_s": 604_800,
    }
    [made] = parse_issuers(json.dumps([full]))

    assert (made.jwks_url, made.audience_claim, made.token_use) == ("http://127.0.0.1:1/keys", "client_id", "access")
    assert (made.required, made.types, made.tenant_claim) == ({"scope": "read"}, ("at+jwt",), "org")


def told(text: str) -> list[str]:
    with pytest.raises(ValueError, match=".") as caught:
        parse_issuers(text)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is not valid JSON"),
        ("{", "is not valid JSON"),
        ('[{"url": "a", "url": "b"}]', "is not valid JSON"),
        ("[NaN]", "is not valid JSON"),
        ('[]}, "x": {"y": []', "is not valid JSON"),
        ("{}", "is not a list of issuers"),
        ("[]", "is not a list of issuers"),
        ("null", "is not a list of issuers"),
        ('"https://issuer.test"', "is not a list of issuers"),
        ("[5]", "[0]: is not an object"),
        ("[{}]", "[0]: url is missing"),
    ],
)
def test_other_texts_are_faults(text: str, fault: str) -> None:
    assert told(text)[0] == fault


@pytest.mark.parametrize(
    ("member", "value", "fault"),
    [
        ("url", 5, "url is not a string"),
        ("url", None, "url is not a string"),
        ("algorithms", "RS256", "algorithms is not a list of strings"),
        ("algorithms", [5], "algorithms is not a list of strings"),
        ("audience", {"a": 1}, "audience is not a string or a list of strings"),
        ("required", ["scope"], "required is not an object of strings"),
        ("required", {"scope": 1}, "required is not an object of strings"),
        ("loopback_http", "true", "loopback_http is not true or false"),
        ("email_domain", ["a.test"], "unknown key 'email_domain': did you mean email_domains?"),
        ("hs256Secret", "hunter2", "unknown key 'hs256Secret': did you mean hs256_secret?"),
        ("zzz", 1, "unknown key 'zzz': url, audience"),
    ],
)
def test_members_are_checked(member: str, value: object, fault: str) -> None:
    good = {"url": URL, "audience": "api", "algorithms": ["RS256"]}

    found = told(json.dumps([good | {"url": "https://other.test"}, {**good, member: value}]))

    assert found[0].startswith(f"[1]: {fault}")
    assert "hunter2" not in "".join(found)


def test_faults_of_all_issuers_are_told_at_once() -> None:
    found = told('[{"audience": "a"}, {"url": "u", "audience": "", "algorithms": ["none"]}]')

    assert [line[:3] for line in found] == ["[0]", "[0]", "[1]", "[1]", "[1]"]


def test_issuer_stands_there_once() -> None:
    one = {"url": URL, "audience": "api", "algorithms": ["RS256"]}

    assert told(json.dumps([one, {**one, "audience": ["api"], "types": []}])) == [
        "[1]: url 'https://issuer.test' is listed twice with the same settings"
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"audience": "other"},
        {"algorithms": ["ES256"]},
        {"algorithms": ["HS256"], "hs256_secret": SECRET},
        {"jwks_url": "https://issuer.test/new"},
        {"token_use": "id"},
        {"audience_claim": "client_id"},
        {"required": {"scope": "orders"}},
    ],
    ids=str,
)
def test_issuers_of_one_url_are_alternatives(other: dict[str, Any]) -> None:
    one = {"url": URL, "audience": "api", "algorithms": ["RS256"]}

    assert [each.url for each in parse_issuers(json.dumps([one, {**one, **other}]))] == [URL, URL]


@pytest.mark.parametrize("days", [1, 7, 30, 366])
def test_lifetime_is_a_setting(days: int) -> None:
    one = {"url": URL, "audience": "api", "algorithms": ["RS256"], "max_lifetime_s": days * 86_400}

    assert parse_issuers(json.dumps([one]))[0].max_lifetime_s == days * 86_400


@pytest.mark.parametrize("seconds", [0, -1, 367 * 86_400, 7 * 86_400_000])
def test_lifetime_is_up_to_a_year(seconds: int) -> None:
    assert faults(max_lifetime_s=seconds) == [
        "max_lifetime_s is not a whole number of seconds from 1 to 31622400. Example: 604800"
    ]


@pytest.mark.parametrize("seconds", ["604800", 1.5, True, None])
def test_lifetime_is_a_number(seconds: object) -> None:
    one = {"url": URL, "audience": "api", "algorithms": ["RS256"], "max_lifetime_s": seconds}

    assert told(json.dumps([one])) == ["[0]: max_lifetime_s is not a whole number"]


def test_ed25519_has_two_names() -> None:
    assert issuer(algorithms=["Ed25519"]).algorithms == ("Ed25519",)
    assert with_synonyms(["Ed25519", "RS256"]) == ("Ed25519", "RS256", "EdDSA")
    assert with_synonyms(["EdDSA"]) == ("EdDSA", "Ed25519")
    assert with_synonyms(["RS256"]) == ("RS256",)
    assert with_synonyms(["EdDSA", "Ed25519"]) == ("EdDSA", "Ed25519")


@given(
    st.text()
    | st.recursive(st.none() | st.booleans() | st.text(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)).map(
        json.dumps
    )
)
def test_any_text_is_issuers_or_a_value_error(text: str) -> None:
    try:
        assert parse_issuers(text)
    except ValueError:
        assert text != EXAMPLE


# --- from the environment -----------------------------------------------------------------------


def test_variable_becomes_a_setting() -> None:
    settings = Settings.from_env({"ORG_COMMON_ISSUERS": EXAMPLE})

    assert [each.url for each in settings.issuers] == ["https://issuer.example.com"]
    assert "https://issuer.example.com" in repr(settings)


@pytest.mark.parametrize("text", ["", None])
def test_without_the_variable_there_are_none(text: str | None) -> None:
    assert Settings.from_env({} if text is None else {"ORG_COMMON_ISSUERS": text}).issuers == ()


def test_faults_are_told_with_those_of_other_variables() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ORG_COMMON_ISSUERS": '[{"url": ""}, 5]', "ORG_COMMON_CURSOR_KEYS": "short"})

    lines = str(caught.value).splitlines()
    assert sum(line.startswith("ORG_COMMON_ISSUERS [0]: ") for line in lines) >= 2
    assert sum(line.startswith("ORG_COMMON_ISSUERS [1]: is not an object") for line in lines) == 1
    assert sum(line.startswith("ORG_COMMON_CURSOR_KEYS") for line in lines) == 1
    assert all(EXAMPLE in line for line in lines if "ISSUERS" in line)


def test_secret_is_told_neither_in_faults_nor_in_the_settings() -> None:
    one = {"url": URL, "audience": "api", "algorithms": ["HS256"], "hs256_secret": SECRET}

    assert "hunter2" not in repr(Settings.from_env({"ORG_COMMON_ISSUERS": json.dumps([one])}))
    for wrong in ({"algorithms": ["RS256"]}, {"audience": ""}, {"hs256": "hunter2"}, {"url": 5}):
        with pytest.raises(SettingsError) as caught:
            Settings.from_env({"ORG_COMMON_ISSUERS": json.dumps([{**one, **wrong}])})
        assert "hunter2" not in str(caught.value)


def test_functions_without_issuers_do_not_load_them() -> None:
    code = """
import sys
from org_common import Settings
Settings.from_env({})
print('org_common.config.issuers' in sys.modules)
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
