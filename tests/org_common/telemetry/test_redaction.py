"""Secrets are found by the name that they go by, or by their looks; what is no secret stays readable."""

from collections import deque
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from org_common.telemetry.line import dumps
from org_common.telemetry.redaction import EMAIL, MAX_DEPTH, MAX_TEXT_LENGTH, Redactor
from org_common.telemetry.secret_values import MASK

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MX0.c2lnbmF0dXJl_-x"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
redactor = Redactor()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("password=hunter2 user=alice", "password=*** user=alice"),
        ("PASSWORD = hunter2", "PASSWORD = ***"),
        ("user_password: hunter2, next", "user_password: ***, next"),
        ("pwd='hunter 2' host=db", "pwd=*** host=db"),
        ("{'password': 'hun\"ter2', 'a': 1}", "{'password': ***, 'a': 1}"),
        ('{"password": "pass\\"word", "b": 2}', '{"password": ***, "b": 2}'),
        ('"body": "{\\"password\\": \\"hunter2\\", \\"n\\": 1}"', '"body": "{\\"password\\": ***, \\"n\\": 1}"'),
        ("b'token': b'abc', x", "b'token': ***, x"),
        ('token="hunter"2 tail', "token=*** tail"),
        ("token=[1]hunter2, x", "token=***, x"),
        ("Cookie: ***, a=hunter2", "Cookie: ***"),
        ("client_secret=> s3cr3t", "client_secret=> ***"),
        ("X-Api-Key: abc123", "X-Api-Key: ***"),
        ("the api key: abc123", "the api key: ***"),
        ("aws_secret_access_key = abc", "aws_secret_access_key = ***"),
        ("Cookie: sid=1; theme=dark\nHost: x", "Cookie: ***\nHost: x"),
        ("Set-Cookie: sid=1; HttpOnly", "Set-Cookie: ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: ***"),
        ("authorization='Bearer abcdefgh'", "authorization=***"),
        ('SecretString={"a": {"b": "c"}, "d": "e"} tail', "SecretString=*** tail"),
        ("tokens: [abc, def] tail", "tokens: *** tail"),
        ("/callback?token=abc&state=1", "/callback?token=***&state=1"),
        ("?X-Amz-Signature=abcdef&X-Amz-Date=1", "?X-Amz-Signature=***&X-Amz-Date=1"),
        ('password=ab&cd,ef;g"h', "password=***"),
        ('{"url":"?token=abc","level":"x"}', '{"url":"?token=***","level":"x"}'),
        ("(the token=abc).", "(the token=***)."),
        ("secret=(unclosed", "secret=***"),
        ("claims={'sub': 'alice'} tail", "claims=*** tail"),
    ],
)
def test_value_goes_and_name_stays(text: str, left: str) -> None:
    assert redactor.text(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"got {JWT}", "got ***"),
        (f"got {JWT}.", "got ***"),
        ("a Bearer abc.def-ghi was sent", "a Bearer *** was sent"),
        ("BEARER\tabcdefgh", "BEARER\t***"),
        ("sent Basic dXNlcjpwYXNz to it", "sent Basic *** to it"),
        ("postgresql://app:hunter2@db:5432/app", "postgresql://app:***@db:5432/app"),
        ("postgres://app:hun/t@er2@db/app", "postgres://app:***@db/app"),
        ("postgresql+psycopg://app:p@db/app", "postgresql+psycopg://app:***@db/app"),
        ("https://user:hunter2@example.com/x", "https://user:***@example.com/x"),
        ("redis://:hunter2@cache:6379", "redis://:***@cache:6379"),
        ("key AKIAIOSFODNN7EXAMPLE", "key ***"),
        (f"key {AWS_SECRET} of", "key *** of"),
        ("with sk-proj-abcdefghijkl", "with ***"),
        ("with ghp_abcdefghijklmnopqrst", "with ***"),
        ("/invites/Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7jKl0nOp3", "/invites/***"),
        ("of mQervNonVoCcfNjsvWehLRb-WWZPMZaDNkdvP-MVCcI", "of ***"),
        ("of x5JeTTGj1V7ZmFutUeyJHPbxCruE23Wae6gH5Q6Xfyc", "of ***"),
        ("of gZCiDjaTBtsRM-sk-VfcnvuZllKuxBTRXPjTMNfmVZYM", "of ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- tail", "*** tail"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "***"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, left: str) -> None:
    assert redactor.text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "alice@example.com",
        "+rk_x3zd2h6ne8@example.com",
        "a.b+c@mail.example.co.uk",
        "alice%40example.com",
        "ä@exämple.de",
    ],
)
def test_email_address_goes(text: str) -> None:
    assert redactor.text(f"from {text} today") == f"from {EMAIL} today"
    assert redactor.field("user", text) == EMAIL


@pytest.mark.parametrize(
    "host", ["example.com", "mail.example.co.uk", "exämple.de", "例え.jp", "[10.0.0.1]", "example．com"]
)
@pytest.mark.parametrize("at", ["@", "%40", "%2540", "＠", "﹫", "&#64;", "&#x40;", "&commat;", "\\u0040", "\\x40"])
@pytest.mark.parametrize(
    "local", ["joe", "joe.b+tag", "o'joe", "joe!x#y", '"joe smith"', '\\"joe smith\\"', "joe@home"]
)
def test_email_address_goes_in_each_spelling(local: str, at: str, host: str) -> None:
    masked = redactor.text(f"from {local}{at}{host} today")

    assert "joe" not in masked
    assert "smith" not in masked
    assert host not in masked
    assert masked.startswith("from ")
    assert masked.endswith(" today")


@pytest.mark.parametrize("emails", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        *("no address of swordfish@localhost", "no address of swordfish@127.0.0.1", "at swordfish@x@db.example.com"),
        *("app:swordfish@db.example.com:5432", "app:sw:ordfish@localhost", "(netloc='app:swordfish@db')"),
        *("https://swordfish@github.com/a", "smtp://app:p/swordfish@mail.example.com", "ldap://app:p@swordfish@host"),
        *(
            "redis://:swordfish@cache",
            "https://app:swordfish@example.com/a@b",
            "postgresql%3A%2F%2Fapp%3Aswordfish%40db",
        ),
        "mssql+pyodbc://app:p?swordfish#@host/db",
    ],
)
def test_what_may_be_a_password_before_an_at_goes(text: str, emails: bool) -> None:
    assert "swordfish" not in Redactor(emails=emails).text(text)


@pytest.mark.parametrize(
    "text", ["mailto:joe@example.com", "from:joe@example.com", "https://app.example.com/@joe", "a @ b"]
)
def test_what_is_before_an_address_is_no_password(text: str) -> None:
    assert Redactor(emails=False).text(text) == text


def test_two_pairs_of_adjacent_capitals_look_random() -> None:
    assert redactor.text("ThePathOfTheHTMlPageThatIsRatherLong failed") == f"{MASK} failed"


def test_email_addresses_stay_where_they_are_wanted() -> None:
    assert Redactor(emails=False).text("from alice@example.com") == "from alice@example.com"
    assert Redactor(emails=False).field("email", "alice@example.com") == "alice@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "saved 3 rows in 12 ms",
        "GET /orgs/0198a000-0000-7000-8000-000000000001/members?limit=50 answered 200",
        'password authentication failed for user "app_login"',
        "basic authentication is off",
        "https://example.com:8080/orgs?cursor=1",
        "trace 1-5759e988-bd862e3fe1be46a994272793, commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "prompt_tokens=812, token_count: 4",
        "org_common.db.protocol.errors.StatementFailed at /var/task/org_common/app.py:120",
        "arn:aws:lambda:eu-central-1:123456789012:function:access-orgs",
        "TheNameOfAClassThatIsRatherLongAndWinded failed",
        "the monkey=1 and the keyboard: 2",
        # One pair of adjacent capitals, and no digit.
        "ThePathOfTheHTmlPageThatIsRatherLong failed",
        # No password: a user of a host without a dot.
        "//app@db",
        "see ldap://app@db",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redactor.text(text) == text


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("Authorization", "Bearer x", MASK),
        ("set-cookie", ["a=b"], MASK),
        ("refreshToken", "x", MASK),
        ("API-KEY", "x", MASK),
        ("pin_password", 1234, MASK),
        ("secret", {"a": 1}, MASK),
        ("prompt_tokens", 812, 812),
        ("token_count", 3, 3),
        ("has_password", True, True),
        ("token", None, None),
        ("email", "not yet", EMAIL),
        ("email_verified", False, False),
        ("order_id", "o-1", "o-1"),
        ("order", {"id": 7, "api_key": "x"}, {"id": 7, "api_key": MASK}),
        ("order", [{"password": "x"}], [{"password": MASK}]),
        ("senders", {"alice@example.com": 1}, {EMAIL: 1}),
        ("body", b"\x00secret", "<7 bytes>"),
        ("big", 2**70, str(2**70)),
        ("share", 0.5, 0.5),
        ("kinds", {"one"}, ["one"]),
    ],
)
def test_field_is_masked_by_its_name_or_its_looks(name: str, value: object, left: object) -> None:
    assert redactor.field(name, value) == left


class Login(NamedTuple):
    user: str
    password: str


@pytest.mark.parametrize(
    "value",
    [
        *(
            [("password", "X1")],
            (("password", "X1"),),
            ["--password", "X1"],
            ["a", "X-Api-Key", "X1"],
            [b"token", b"X1"],
        ),
        *(
            Login("bob", "X1"),
            {"name": "DB_PASSWORD", "value": "X1"},
            [{"Key": "pin", "Value": ["X1"]}],
            {"code": "Ab1dX1"},
        ),
        *([["authorization", "X1"], ["accept", "b"]], {b"password": "X1"}, {"a": Login("bob", "X1")}, {"pw": "X1"}),
        *({"headers": [(b"cookie", "X1")]}, {"value": "X1", "field": "passcode"}, deque([("password", "X1")])),
    ],
    ids=repr,
)
def test_value_of_a_secret_name_goes_in_each_structure(value: object) -> None:
    assert "X1" not in str(redactor.field("given", value))
    assert "X1" not in redactor.text(f"given {value}")


def test_named_tuple_is_logged_by_its_names() -> None:
    assert redactor.field("login", Login("bob", "X1")) == {"user": "bob", "password": MASK}


def test_value_next_to_the_name_of_a_secret_goes_under_names_of_names_only() -> None:
    assert redactor.field("it", {"name": "password", "value": "x"}) == {"name": "password", "value": MASK}
    assert redactor.field("it", {"name": "title", "value": "x"}) == {"name": "title", "value": "x"}
    assert redactor.field("it", {"color": "password", "value": "x"}) == {"color": "password", "value": "x"}


@pytest.mark.parametrize(
    ("number", "left"),
    [
        (2**64 - 1, 2**64 - 1),
        (2**64, "18446744073709551616"),
        (-(2**63), -(2**63)),
        (-(2**63) - 1, "-9223372036854775809"),
    ],
)
def test_integer_is_a_string_beyond_64_bits(number: int, left: object) -> None:
    assert redactor.field("count", number) == left


def test_further_names_are_secret_as_well() -> None:
    own = Redactor(names=("IBAN", "tax-id"))

    assert own.field("customer_iban", "DE02") == MASK
    assert own.text("iban=DE02 tax-id: 1") == "iban=*** tax-id: ***"


def test_objects_are_told_by_their_words_and_survive_without() -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError

    class Open:
        def __str__(self) -> str:
            return "Open(password='hunter2')"

    assert redactor.field("it", Open()) == "Open(password=***)"
    assert redactor.field("it", Mute()) == "<Mute>"


def test_depth_and_number_of_items_are_bounded() -> None:
    deep: dict[str, object] = {}
    deep["again"] = deep

    found = redactor.field("it", deep)

    assert str(found).count("again") == MAX_DEPTH == 6
    assert len(redactor.field("it", list(range(1000)))) == 100


@example('B"')
@example("[]0")
@example('"a",b')
@given(st.text(st.characters() | st.sampled_from("=:'\"\\[{( "), max_size=200))
def test_any_text_comes_through_and_twice_is_once(text: str) -> None:
    masked = redactor.text(f"token={text}")

    assert masked.startswith("token=")
    assert redactor.text(masked) == masked


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_any_value_becomes_json(value: object) -> None:
    dumps({"value": redactor.field("value", value)})


def test_long_text_is_cut_at_a_word_and_says_so() -> None:
    text = redactor.text("word " * 10_000)

    assert len(text) < MAX_TEXT_LENGTH + 50
    assert text.endswith("more characters)")


def test_text_of_the_greatest_length_is_not_cut() -> None:
    text = "word " * (MAX_TEXT_LENGTH // 5) + "last"

    assert len(text) == MAX_TEXT_LENGTH
    assert redactor.text(text) == text
    assert redactor.text(text + "s").endswith("(6 more characters)")


def test_text_of_blanks_is_cut_too() -> None:
    text = redactor.text(" " * 20_000 + "x")

    assert text == " " * MAX_TEXT_LENGTH + "… (3617 more characters)"


def test_secret_across_the_cut_is_not_half_shown() -> None:
    text = "x" * (MAX_TEXT_LENGTH - 60) + " " + JWT * 3

    assert "eyJ" not in redactor.text(text)


@pytest.mark.parametrize(
    "unit", ["a", "=", ":", "a=", "://:", "@", "a@", "eyJ", "'", '\\"', "token=[", "bearer ", "-", "{", "x" * 31 + " "]
)
def test_hostile_text_is_done_with_at_once(unit: str) -> None:
    """A pattern that goes back over what it has read would need minutes here."""
    text = unit * (MAX_TEXT_LENGTH // len(unit))

    assert len(redactor.text(text)) <= len(text) + 10_000
