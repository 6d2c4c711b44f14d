"""Each token of the corpus gets its verdict, with the reason that is expected, and nothing of it gets out."""

import collections
import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.auth.claims import Claims
from org_common.auth.refusals import REASONS, TokenRefused
from org_common.auth.tokens import MAX_TOKEN_LENGTH, Verifier, bearer_token, parse_token
from org_common.config.issuers import Issuer
from tests.org_common.auth.corpus import CORPUS, OK
from tests.org_common.auth.forge import ISSUERS, NOW, Case, source, token, verifier

GOOD = Case("good", "good", OK)
REFUSED = [case for case in CORPUS if case.expected != OK]


def verdict(case: Case) -> str:
    try:
        verifier().verify(token(case))
    except TokenRefused as refused:
        return refused.reason
    return OK


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case.row} {case.issuer} {case.name}")
def test_token_gets_its_verdict(case: Case) -> None:
    assert verdict(case) == case.expected


@pytest.mark.parametrize("case", [case for case in CORPUS if case.gives], ids=lambda case: case.name)
def test_claims_are_what_the_token_says(case: Case) -> None:
    claims = json.loads(verifier().verify(token(case)).to_json())

    assert {name: claims.get(name) for name in case.gives} == case.gives


def test_corpus_has_hundreds_of_cases_and_each_attack() -> None:
    rows = {case.row for case in CORPUS}
    elsewhere = {"J20", "J22", "J23", "J24", "J25", "J26"}  # of the keys, not of a token: test_jwks*.py

    assert len(CORPUS) >= 400
    assert {f"J{number}" for number in range(1, 34)} - elsewhere <= rows
    assert len({(case.row, case.issuer, case.name) for case in CORPUS}) == len(CORPUS)


def test_corpus_has_200_members_that_stand_there_twice() -> None:
    counts = collections.Counter(case.row for case in CORPUS)

    assert counts["J11"] >= 200
    assert counts["J12"] >= 30


def test_each_reason_has_its_tokens() -> None:
    of_the_header = {"no_token", "authorization_header"}
    of_the_context = {"too_large"}  # test_claims.py

    assert {case.expected for case in REFUSED} | of_the_header | of_the_context == REASONS.keys()


# --- nothing of a token gets out ---------------------------------------------------------------


@pytest.mark.parametrize("case", REFUSED[::5], ids=lambda case: f"{case.row} {case.issuer} {case.name}")
def test_refusal_carries_nothing_of_the_token(case: Case) -> None:
    sent = token(case)

    with pytest.raises(TokenRefused) as caught:
        verifier().verify(sent)

    error: BaseException | None = caught.value
    while error is not None:
        shown = [*map(str, error.args), *(str(value) for value in vars(error).values())]
        assert set(shown) <= {
            *REASONS,
            *REASONS.values(),
            *("invalid_token", "token_expired", "()"),
            str(vars(caught.value).get("headers")),
        }
        assert error.__suppress_context__ or error.__context__ is None
        error = error.__cause__
    printed = "".join(traceback.format_exception(caught.value))
    assert not any(part in printed for part in sent.split(".") if len(part) > 8)


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (Case("expired", "J16", "expired", claims={"exp": NOW - 60}), "token_expired"),
        (Case("signature", "J29", "signature", key="es-2"), "invalid_token"),
    ],
)
def test_refusal_is_a_401_with_a_stable_code(case: Case, code: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        verifier().verify(token(case))

    assert (caught.value.status, caught.value.code, caught.value.retryable) == (401, code, False)
    assert caught.value.headers["WWW-Authenticate"] == "Bearer"


# --- the header --------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "bEaReR "])
def test_scheme_has_no_case(scheme: str) -> None:
    assert bearer_token(f"{scheme}a.b.c") == "a.b.c"


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "a.b.c", "Basic a.b.c", "Token a.b.c", "JWT a.b.c", "Bearera.b.c", " Bearer a.b.c"),
        *(
            "Bearer  a.b.c",
            "Bearer\ta.b.c",
            "Bearer a.b.c ",
            "Bearer a.b.c d",
            "Bearer a.b.c,Bearer d.e.f",
            "Bearer a,b",
        ),
        *("Bearer a.b.c, d.e.f", "Bearer\u00a0a.b.c", "Bearer\u2003a.b.c", "\ufeffBearer a.b.c", "Bear\u0435r a.b.c"),
        *(
            "Bearer\na.b.c",
            "Bearer\r\n a.b.c",
            "Bearer\0a.b.c",
            "Bearer:a.b.c",
            "Bearer=a.b.c",
            '"Bearer a.b.c"',
            "Bearer" * 9,
        ),
    ],
    ids=repr,
)
def test_other_forms_of_the_header_are_refused(header: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        bearer_token(header)

    assert caught.value.reason == "authorization_header"


@pytest.mark.parametrize("behind", ["\t", "\n", "\0", "\x7f", "\u00a0", "\u0435", "=", '"', ";x", "\ud800"], ids=repr)
def test_nothing_may_stand_behind_the_token(behind: str) -> None:
    with pytest.raises(TokenRefused):
        verifier().authorize(f"Bearer {token(GOOD)}{behind}")


def test_no_header_is_no_token() -> None:
    with pytest.raises(TokenRefused) as caught:
        bearer_token(None)

    assert (caught.value.reason, caught.value.code) == ("no_token", "unauthorized")


def test_header_with_a_good_token_gives_its_claims() -> None:
    claims = verifier().authorize(f"Bearer {token(GOOD)}")

    assert (claims.iss, claims.sub, claims.exp) == ("https://issuer.test", "auth0|alice", NOW + 3600)


# --- bounds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "expected"), [(MAX_TOKEN_LENGTH, OK), (MAX_TOKEN_LENGTH + 1, "too_long")])
def test_longest_token_is_taken(length: int, expected: str) -> None:
    # Base64 has no strings of some lengths, so both parts are padded.
    padded = (
        Case("long", "J27", expected, header={"x5t": "a" * more}, claims={"x": "a" * size})
        for more in range(4)
        for size in range(5600, 5900)
    )

    assert verdict(next(case for case in padded if len(token(case)) == length)) == expected


def test_verifier_looks_at_its_clock() -> None:
    later = Verifier(list(ISSUERS.values()), keys=source, clock=lambda: NOW + 3600 + 30)

    with pytest.raises(TokenRefused) as caught:
        later.verify(token(GOOD))

    assert caught.value.reason == "expired"


def test_verifier_asks_for_no_key_before_the_rest_is_right() -> None:
    class Untouched:
        def key(self, kid: str | None) -> Any:
            raise AssertionError(kid)

        def prefetch(self) -> None:
            raise AssertionError

    strict = Verifier(list(ISSUERS.values()), keys=lambda issuer: Untouched(), clock=lambda: NOW)
    early = {"malformed", "too_long", "header_json", "payload_json", "header_member", "type", "issuer"}

    for case in REFUSED:
        if case.expected in early or (case.row in ("J1", "J5", "J6") and case.expected in ("kid", "algorithm")):
            with pytest.raises(TokenRefused):
                strict.verify(token(case))


def test_prefetch_asks_each_issuer() -> None:
    asked: list[str] = []

    class Source:
        def __init__(self, issuer: Issuer) -> None:
            self._url = issuer.url

        def key(self, kid: str | None) -> Any:
            raise AssertionError(kid)

        def prefetch(self) -> None:
            asked.append(self._url)

    Verifier(list(ISSUERS.values()), keys=Source).prefetch()

    assert asked == [issuer.url for issuer in ISSUERS.values()]


def test_repr_names_the_issuers() -> None:
    assert repr(Verifier([ISSUERS["main"], ISSUERS["legacy"]])) == (
        "Verifier(https://issuer.test, https://ref.supabase.test/auth/v1)"
    )


# --- anything ----------------------------------------------------------------------------------


@given(
    st.one_of(
        st.text(), st.text("abcAZ09-_.=", max_size=60), st.builds(".".join, st.lists(st.text("abAZ09-_"), max_size=4))
    )
)
def test_any_text_is_refused_and_no_more(text: str) -> None:
    with pytest.raises(TokenRefused):
        verifier().authorize(f"Bearer {text}")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(
    header=st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "x"]), json_values),
    claims=st.dictionaries(
        st.sampled_from([*"abc", "iss", "sub", "aud", "exp", "iat", "nbf", "email", "jti", "org"]), json_values
    ),
    issuer=st.sampled_from(sorted(ISSUERS)),
)
def test_any_claims_under_a_good_signature_are_read_or_refused(header: Any, claims: Any, issuer: str) -> None:
    try:
        found: Claims | None = verifier().verify(
            token(Case("any", "any", OK, issuer=issuer, header=header, claims=claims))
        )
    except TokenRefused:
        found = None

    if found is not None:
        text = json.loads(found.to_json())
        assert type(text["email_verified"]) is bool
        assert text["iss"] == ISSUERS[issuer].url
        assert NOW - 30 < text["exp"] <= NOW + 30 + 24 * 3600


@given(st.binary())
def test_opened_reads_any_bytes_or_refuses(data: bytes) -> None:
    with pytest.raises(TokenRefused):
        parse_token(data.decode("latin-1"))
