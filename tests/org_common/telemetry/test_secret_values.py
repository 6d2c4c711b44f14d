"""A value is masked however it is written with its name, quoted and encoded; around it the string stays."""

import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from org_common.telemetry.redaction import Redactor
from org_common.telemetry.secret_names import SecretNames
from org_common.telemetry.secret_values import SecretValues

NAMES = [
    *("password", "DB_PASSWORD", "dbPass", "pass", "pw", "pin", "auth", "connect.sid", "nonce"),
    *("client_assertion", "access_token", "X-Api-Key", "authorization", "session_id", "accountKey", "sig"),
    *("client_secret", "passphrase", "refreshToken", "csrf_token", "auth_code", "PHPSESSID"),
]
VALUES = ["swordfish", "hunter2", "S3cr3t!x-Y", "0x7fA+b/c="]
FORMS = [
    *("{n}={v}", "{n}: {v}", "{n} = {v}", "{n}            = {v}", "{n}＝{v}", "{n} := {v}", "{n}+={v}", "{n}?: {v}"),
    *("[('{n}', '{v}')]", "(('{n}', '{v}'),)", "['{n}', '{v}', 'x']", "[b'{n}', b'{v}']", 'setattr(o, "{n}", "{v}")'),
    *("config['{n}'] = {v}", 'config["{n}"] = "{v}"', "config[{n}]={v}", '{n}: str = "{v}"', '{n} = """{v}"""'),
    *("--{n} {v}", "--{n} '{v}'", "--{n}={v}", "-{n} {v}", 'Login({n}="{v}")', "{n}=[{v}]", "{n}s: [{v}, {v}]"),
    *("{n} is {v}", "the {n} was '{v}'", "the {n} is: {v}", "{n} -> {v}", "{n} => {v}", "{n} → {v}", "{n} | {v}"),
    *("alter role r {n} '{v}'", "alter role r encrypted {n} E'{v}'", "alter role r {n} $${v}$$", 'set {n} to "{v}"'),
    *("<{n}>{v}</{n}>", "<a:{n} b='1'>{v}</a:{n}>", "<{n}><![CDATA[{v}]]></{n}>", "<{n}><value>{v}</value></{n}>"),
    *("<key>{n}</key><string>{v}</string>", "<name>{n}</name>\n  <value>{v}</value>", "invalid {n} '{v}'", "{n}\t{v}"),
    *('<input type="x" name="{n}" value="{v}">', '<input value="{v}" name="{n}">', "Key={n},Value={v}", "`{n}`: `{v}`"),
    *('{{"name": "{n}", "value": "{v}"}}', '{{"key":"{n}","type":"t","value":"{v}"}}', "- name: {n}\n  value: {v}"),
    *('{{"{n}": "{v}"}}', "{{'{n}': ['{v}', '{v}']}}", '{{"a": {{"{n}": {{"b": "{v}"}}}}}}', "?{n}={v}&a=1"),
    *("a=1&{n}={v}&b=2", "{n}:\n  {v}", "{n}: >-\n    {v}", "{n}: |\n  {v}"),
    'Content-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n--b',
]
Encode = Callable[[str], str]


def _escaped(text: str, escape: str) -> str:
    return "".join(each if each.isalnum() else escape.format(ord(each)) for each in text)


ENCODINGS: dict[str, Encode] = {
    "plain": lambda text: text,
    "URL": lambda text: quote(text, safe=""),
    "URL twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": quote_plus,
    "HTML": html.escape,
    "JSON": json.dumps,
    "JSON twice": lambda text: json.dumps(json.dumps(text)),
    "repr": repr,
    "u": lambda text: _escaped(text, "\\u{:04x}"),
    "x": lambda text: _escaped(text, "\\x{:02x}") if text.isascii() else text,
}
redactor = Redactor()
# Spaces alone are encoded as +, as text of any kind may have them.
AMBIGUOUS = {("form", "--{n} {v}"), ("form", "-{n} {v}"), ("form", "{n} is {v}"), ("form", "{n} → {v}")}


def leaks(form: str, encoding: str, name: str, value: str) -> bool:
    encode = ENCODINGS[encoding]
    masked = redactor.text(encode(form.format(n=name, v=value)))
    assert redactor.text(masked) == masked
    return any(shown in masked for shown in (value, encode(value).strip("\"'")))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("form", FORMS)
def test_value_is_masked_in_each_form_and_encoding(form: str, encoding: str) -> None:
    if (encoding, form) in AMBIGUOUS:
        return

    assert [(name, value) for name in NAMES for value in VALUES if leaks(form, encoding, name, value)] == []


@given(
    st.sampled_from(FORMS),
    st.sampled_from(list(ENCODINGS)),
    st.sampled_from(NAMES),
    st.from_regex(r"[A-Za-z][A-Za-z0-9!*~_-]{4,14}[0-9]", fullmatch=True),
)
def test_any_value_is_masked(form: str, encoding: str, name: str, value: str) -> None:
    assume((encoding, form) not in AMBIGUOUS)
    assume(value not in form.format(n=name, v=""))

    assert not leaks(form, encoding, name, value)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("alter role r password 'X y' valid until 'z'", "alter role r password *** valid until 'z'"),
        ("run --password hunter2 --verbose", "run --password *** --verbose"),
        ("next=%2Flogin%3Fpassword%3Da%2520b%26a%3D1 tail", "next=/login?password=***&a=1 tail"),
        ("<user>bob</user><password>a<b</password><x>1</x>", "<user>bob</user><password>***</password><x>1</x>"),
        ('{"name": "TOKEN", "value": "a b", "id": 7}', '{"name": "TOKEN", "value": ***, "id": 7}'),
        ("/callback?code=abc&state=1", "/callback?code=***&state=1"),
        ("the%20user%20bob%20password%3Dab%26x%3D1", "the user bob password=***"),
        ('code: "4/0AY0e-g7xyz1234567890" tail', 'code: ***" tail'),
        ("code: '4/0AY0e-g7xyz1234567890' tail", "code: ***' tail"),
        # The longest name, and one that is longer and therefore data.
        (f"password_{'y' * 51} is hunter2", f"password_{'y' * 51} is ***"),
        (f"password_{'y' * 52} is hunter2", f"password_{'y' * 52} is hunter2"),
        ("passphrase: correct horse battery staple\nnext", "passphrase: ***\nnext"),
        ("password=a\\ b user=alice", "password=*** user=alice"),
        ("token 3f786850e387 expired", "token *** expired"),
        # Brackets within brackets, in quotes, and one that does not close.
        ('password={"a": {"b": "c1"}, "d": "e2"} user=bob', "password=*** user=bob"),
        ('password=[["c1"], ["e2", "]"]] user=bob', "password=*** user=bob"),
        ('password={"a": "} c1"} user=bob', "password=*** user=bob"),
        ('user=bob password={"a": {"b": "c1"}, "d": "e2"', "user=bob password=***"),
        # A value in front of its name.
        ('{"value": "x1", "name": "color"} password=c1', '{"value": "x1", "name": "color"} password=***'),
        (
            '{"value": "x1", "name": "color"}, {"value": "c1", "name": "password"}',
            '{"value": "x1", "name": "color"}, {"value": "***", "name": "password"}',
        ),
    ],
)
def test_what_surrounds_the_value_stays(text: str, left: str) -> None:
    assert redactor.text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        *("password is not set", "the token was rejected", "the secret is missing", "your token is no longer valid"),
        *("tokens are refreshed each hour", "password authentication failed for user bob", "a secret of the database"),
        *("the compass is broken", "mapping -> done", "status_code=200 code=invalid_value", "error code: 23505"),
        *(
            "Could not parse the token: ***",
            "for the session: take a lock",
            "the author is alice",
            "<author>alice</author>",
        ),
        *('{"name": "color", "value": "red"}', "['id', 'created_at', 'name']", "--verbose 3", "100%25 of 20%2C000"),
        *("GET /tokens 200", "no cookie here", "the key is new", "a & b &amp; c", "C:\\new\\table", "x is y | z -> w"),
    ],
)
def test_sentence_without_a_secret_stays(text: str) -> None:
    assert redactor.text(text) == text


def test_own_names_are_found_in_each_form() -> None:
    values = SecretValues(SecretNames(["iban"]))

    for text in ("iban=DE02", "'iban', 'DE02'", "--iban DE02", "iban is DE02", "<iban>DE02</iban>"):
        assert "DE02" not in values.mask(text)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "token ",
            "token is ",
            "<token>",
            "password -> ",
            "name=token ",
            "%3D",
            "token%3D",
            "&quot;",
            "\\",
            "value='a' ",
        ),
        *(
            "$$",
            "password $$",
            "--token ",
            "a:b@",
            "a.b@",
            '"a" ',
            "'token', ",
            "pass pass",
            "<token",
            "\\u0020",
            "token\t",
        ),
        *("%2525", "token: a, ", 'value="', "password:", "='", "İtoken ", "key</x> <y>", "is "),
    ],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    """A pattern that reads again what it has read would need minutes here."""
    text = unit * (16_000 // len(unit))

    assert len(redactor.text(text)) <= 2 * len(text) + 100
