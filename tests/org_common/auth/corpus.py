"""The corpus of tokens: a row is a token and its verdict. `J1` … `J33` are the attacks that it is about."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from tests.org_common.auth.forge import API, GOOD_KEY, ISSUERS, LEFT_OUT, NOW, Case, good_claims

OK = "ok"
REQUIRED = ("exp", "iat", "sub", "aud", "iss")
DAY = 24 * 3600
ANYTHING: list[object] = ["https://evil.test", None, [], False]
MAIN = ISSUERS["main"].url


def _claims(row: str, expected: str, name: str, values: list[Any], **rest: Any) -> list[Case]:
    return [Case(f"{name} {_shown(value)}", row, expected, claims={name: value}, **rest) for value in values]


def _header(row: str, expected: str, name: str, values: list[Any], **rest: Any) -> list[Case]:
    return [Case(f"header {name} {_shown(value)}", row, expected, header={name: value}, **rest) for value in values]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) < 50 else f"{text[:40]}… of {len(text)}"


def _changed(row: str, expected: str, *changes: str, **rest: Any) -> list[Case]:
    return [Case(change, row, expected, change=change, **rest) for change in changes]


def _twice(members: str, name: str, value: str) -> list[tuple[str, str]]:
    """Ways to write a member twice into the text of an object: before, after, escaped, with the same value, with null."""
    escaped = f"\\u{ord(name[0]):04x}{name[1:]}"
    return [
        ("first", f'{{"{name}":{value},{members[1:]}'),
        ("last", f'{members[:-1]},"{name}":{value}}}'),
        ("escaped", f'{{"{escaped}":{value},{members[1:]}'),
        ("last, escaped", f'{members[:-1]},"{escaped}":{value}}}'),
        ("null", f'{members[:-1]},"{name}":null}}'),
        ("spaced", f'{members[:-1]} ,\n "{name}" : {value} }}'),
        ("three times", f'{{"{name}":{value},"{name}":{value},{members[1:]}'),
        ("within", f'{members[:-1]},"x":{{"{name}":{value},"{name}":{value}}}}}'),
        ("within a list", f'{members[:-1]},"y":[{{"{name}":1,"{name}":1}}]}}'),
        ("empty text", f'{{"{name}":"",{members[1:]}'),
    ]


def _payload(**changes: object) -> str:
    import json

    return json.dumps({**good_claims("main"), **changes})


def _subsets() -> list[Case]:
    missing = [names for size in range(1, 6) for names in combinations(REQUIRED, size)]
    return [
        Case(f"without {', '.join(names)}", "J15", "missing_claim", claims=dict.fromkeys(names, LEFT_OUT))
        for names in missing
    ]


def _duplicates() -> list[Case]:
    """Members that decide something, twice."""
    texts = dict.fromkeys(
        ("iss", "sub", "aud", "email", "jti", "client_id", "token_use", "scope"), '"https://evil.test"'
    )
    members = {
        **texts,
        **{name: str(NOW + 60) for name in ("exp", "iat", "nbf", "auth_time")},
        "email_verified": "true",
    }
    members |= dict.fromkeys(("role", "org", "tenant", "azp", "acr", "amr", "groups"), '"app_sys"')
    # Each stands there once already.
    base = _payload(
        nbf=NOW - 60, client_id="c", token_use="access", scope="s", auth_time=1, role="r", org="o", tenant="t"
    )
    base = base[:-1] + ',"azp":"a","acr":"a","amr":[],"groups":[]}'
    return [
        Case(f"{name} twice, {way}", "J11", "payload_json", raw_payload=text)
        for name, value in members.items()
        for way, text in _twice(base, name, value)
    ]


def _header_duplicates() -> list[Case]:
    base = '{"alg":"ES256","typ":"JWT","kid":"es-1"}'
    return [
        Case(f"header {name} twice, {way}", "J12", "header_json", raw_header=text)
        for name, value in (("alg", '"none"'), ("typ", '"x"'), ("kid", '"es-2"'))
        for way, text in _twice(base, name, value)
    ]


def _emails() -> list[Case]:
    """Whose mailbox an issuer can vouch for: to the letter, and no letter more."""
    believed = ["alice@acme.test", "Alice@ACME.test", "a+b@b.test", "alice@Acme.Test", "'o''neil'@acme.test"]
    doubted = [
        *(
            "alice@evil.test",
            "alice@sub.acme.test",
            "alice@acme.test.evil.test",
            "alice@evilacme.test",
            "alice@acme.tes",
        ),
        *("alice@acme.test@evil.test", "alice@evil.test@acme.test", '"alice@evil.test"@acme.test', "alice@acme.test."),
        *("acme.test", "@acme.test", "alice@", "alice", "alice@.acme.test", "alice@acme..test", "alice@acme.test/"),
        *("alice@acme.test\u3002evil.test", "alice@\u0430cme.test", "alice@acme.te\u017ft", "\u212aate@acme.test"),
        *("alice @acme.test", "alice@acme.test ", " alice@acme.test", "alice@ acme.test", "alice@other.test"),
        *(
            "alice@acme.test,bob@evil.test",
            "<alice@acme.test>",
            "alice@acme.test>",
            "alice@[acme.test]",
            "alice@acme_test",
        ),
        *(
            "alice%evil.test@acme.test@x",
            "alice@acme.test?x",
            "alice@acme.test#",
            "alice\uff20acme.test",
            "alice@b.test.acme",
        ),
    ]
    return [
        *[
            Case(f"e-mail {each!r}", "e-mail", OK, claims={"email": each}, gives={"email_verified": True})
            for each in believed
        ],
        *[
            Case(f"e-mail {each!r}", "e-mail", OK, claims={"email": each}, gives={"email_verified": False})
            for each in doubted
        ],
        *[
            Case(
                f"email_verified {each!r}",
                "e-mail",
                OK,
                claims={"email_verified": each},
                gives={"email_verified": False},
            )
            for each in (False, None, LEFT_OUT, "true", "True", 1, 0, [True], {"a": True}, "yes", 1.0)
        ],
        Case("no list of domains", "e-mail", OK, issuer="rsa", gives={"email_verified": False}),
        Case("another issuer's domain", "e-mail", OK, issuer="other", gives={"email_verified": False}),
        Case(
            "its own domain",
            "e-mail",
            OK,
            issuer="other",
            claims={"email": "x@other.test"},
            gives={"email_verified": True},
        ),
        *_claims("e-mail", OK, "email", ["", None, LEFT_OUT], gives={"email": None, "email_verified": False}),
        *_claims(
            "e-mail", "claim_type", "email", [5, True, ["alice@acme.test"], {"a": 1}, "a\nb@acme.test", "a" * 513]
        ),
    ]


CORPUS: list[Case] = [
    # --- good ones, of every issuer
    *[Case(f"good, of {name}", "good", OK, issuer=name, gives={"iss": ISSUERS[name].url}) for name in ISSUERS],
    Case("second key", "good", OK, header={"kid": "es-2"}, key="es-2"),
    Case("PS256 where the key says so", "good", OK, issuer="rsa", header={"kid": "ps-1"}, key="ps-1", alg="PS256"),
    Case("unknown claims and members", "good", OK, header={"x5t": "abc", "foo": [1]}, claims={"foo": {"bar": [1, None]}}),
    Case("only what is required", "good", OK, claims={"email": LEFT_OUT, "email_verified": LEFT_OUT, "jti": LEFT_OUT}),
    Case("tenant", "good", OK, issuer="strict", gives={"tenant": "acme"}),
    Case("no tenant", "good", OK, issuer="strict", claims={"org": LEFT_OUT}, gives={"tenant": None}),
    Case("tenant of an issuer without", "good", OK, claims={"org": "acme", "tenant": "acme"}, gives={"tenant": None}),
    *_claims("tenant", "claim_type", "org", [5, ["acme"], {"a": 1}, True, "a\0b"[:1] + "\x07"], issuer="strict"),
    # --- the algorithm is the issuer's
    *[Case(f"alg {alg!r}, no signature", "J1", "malformed", header={"alg": alg}, change="no signature") for alg in ("none", "None")],
    *_header("J1", "algorithm", "alg", ["none", "None", "NONE", "nOnE", "none ", " none", "", None, LEFT_OUT, 0, False, [], {}]),
    *[
        Case(f"{alg} with the {kind} of the key", "J2", "algorithm", key=f"{kind} of es-1", alg=alg)
        for alg in ("HS256", "HS384", "HS512")
        for kind in ("pem", "der", "jwk")
    ],
    *[
        Case(f"{alg} with the {kind} of the RSA key", "J2", "algorithm", issuer="rsa", key=f"{kind} of rs-1", alg=alg)
        for alg in ("HS256", "HS512")
        for kind in ("pem", "der", "jwk")
    ],
    *[Case(f"HS256 with {key!r}", "J2", "signature", issuer="legacy", key=key) for key in ("x", "secret", "legacy ", API)],
    Case("HS256 of an asymmetric issuer with the legacy secret", "J2", "algorithm", key="legacy", alg="HS256"),
    Case("ES256 at the legacy issuer", "J2", "algorithm", issuer="legacy", key="es-1", alg="ES256"),
    Case("service_role key of Supabase", "J2", "issuer", issuer="legacy", claims={"iss": "supabase", "role": "service_role"}),
    Case("legacy without kid", "J2", OK, issuer="legacy", header={"kid": LEFT_OUT}),
    Case("PS256 with a key for RS256", "J3", "algorithm", issuer="rsa", header={"kid": "rs-2"}, key="rs-2", alg="PS256"),
    Case("PS256 with a key without alg", "good", OK, issuer="rsa", key="rs-1", alg="PS256"),
    Case("RS512 with a key without alg", "J3", "algorithm", issuer="rsa", key="rs-1", alg="RS512"),
    Case("Ed25519, the other name of EdDSA", "good", OK, issuer="ed", header={"alg": "Ed25519"}, alg="EdDSA"),
    Case("Ed25519 of an issuer of ES256", "J4", "algorithm", header={"alg": "Ed25519"}),
    Case("Ed448", "J4", "algorithm", issuer="ed", header={"alg": "Ed448"}, alg="EdDSA"),
    Case("RS256 with a key for PS256", "J3", "algorithm", issuer="rsa", header={"kid": "ps-1"}, key="ps-1", alg="RS256"),
    Case("says RS256, signed PS256", "J3", "signature", issuer="rsa", header={"alg": "RS256"}, key="rs-1", alg="PS256"),
    *_header("J4", "algorithm", "alg", ["RS256", "ES384", "ES512", "ES256K", "EdDSA", "PS512", "es256", "ES256 ", ["ES256"]]),
    # --- kid
    *_header("J5", "kid", "kid", [["es-1"], {"es-1": 1}, 1, True, 1.5, "", "a" * 513, "es-1\n", "\x7f", "\ud800"]),
    *_header(
        # The name is only compared with those that the issuer publishes: it is never a path, a URL or a part of a statement.
        *("J6", "unknown_key", "kid"),
        [
            *("../../etc/passwd", "/etc/passwd", "..\\x", "https://evil.test/k", "file:///etc/passwd", "' or '1'='1", "es-1'--"),
            *("es 1", "es-1;", "%2e%2e%2f", "es-1?", "$(id)", "`id`", "es-1\u0430", "\u212a", "*", "%(kid)s"),
        ],
    ),
    *_header("J6", "unknown_key", "kid", ["..", "es-3", "ES-1", "es-1.", "None", "null", "a" * 512, "A" * 40 + "+/=="]),
    Case("no kid", "J21", "kid", header={"kid": LEFT_OUT}),
    Case("kid null", "J21", "kid", header={"kid": None}),
    # --- headers that ask for more
    *[
        Case(f"header {name} {value!r}", "J7" if name[0] in "jx" else "J8", "header_member", header={name: value})
        for name in ("jku", "x5u", "jwk", "x5c", "crit", "b64", "zip", "enc", "cty", "epk", "p2s", "p2c")
        for value in ANYTHING
    ],
    *_header("J8", "header_member", "crit", [["exp"], ["b64"], [""], "exp", 1, ["x", "x"], {"exp": 1}]),
    Case("b64 in crit", "J9", "header_member", header={"b64": False, "crit": ["b64"]}),
    *_header("J10", "type", "typ", ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "", 5, ["JWT"], "JWT ", "at+jwt;x", "id+jwt"]),
    *_header("J10", OK, "typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/JWT", None, LEFT_OUT]),
    *_header("J10", "type", "typ", ["JWT", None, LEFT_OUT, "application/jwt"], issuer="strict"),
    *_claims("J10", "token_use", "token_use", ["id", "refresh", "", None, 1, ["access"], "ACCESS"]),
    *_claims("J10", "token_use", "token_use", ["id", LEFT_OUT, None, ["access"]], issuer="strict"),
    *_claims("J10", "required_claim", "scope", ["orders", "orders:read:all", "", LEFT_OUT, None, 5, {}], issuer="strict"),
    *_claims("J10", OK, "scope", ["orders:read", "a orders:read b", ["a", "orders:read"]], issuer="strict"),
    *_claims("J10", "required_claim", "tier", ["Gold", "", LEFT_OUT, None, True, ["gold"]], issuer="strict"),
    # --- one way to read it
    *_duplicates(),
    *_header_duplicates(),
    *[
        Case(f"payload {_shown(text)}", "J28", "payload_json", raw_payload=text)
        for text in (
            *("", "null", "[]", '"text"', "5", "{", "{}x", "{} {}", "\ufeff{}", "{'a':1}", '{"a":1,}', "{a:1}", "true", " "),
            *("[" * 3000, '{"a":' * 900, "[" * 101 + "]" * 101, _payload(x="a\0b"), '{"a":"\ud800"}', '{"a":"\t"}', "//\n{}"),
        )
    ],
    *[
        Case(f"header {_shown(text)}", "J28", "header_json", raw_header=text)
        for text in ("", "null", "[]", "{", "\ufeff{}", "[" * 3000, '{"alg":"ES256"}{}', '{"alg":"ES256","x":NaN}', '{"a":' * 900)
    ],
    # --- times
    *_claims("J13", "claim_type", "exp", [str(NOW + 60), "", [NOW + 60], {"a": 1}, True, False, 2**53, -(2**60)]),
    *_claims("J13", "lifetime", "exp", [253402300799, NOW + 10 * 365 * DAY, NOW - 60 + DAY + 1, 2**53 - 1]),
    *_claims("J13", OK, "exp", [NOW - 60 + DAY, NOW + 60.5, NOW + 1]),
    *[
        Case(f"{name} {value}", "J14", reason, raw_payload=_payload(**{name: "@"}).replace('"@"', value))
        for name in ("exp", "iat", "nbf")
        for value, reason in (
            *(("NaN", "payload_json"), ("Infinity", "payload_json"), ("-Infinity", "payload_json"), ("1e400", "claim_type")),
            *(("null", "claim_type"), ("true", "claim_type"), ("-1e400", "claim_type"), ("1" * 400, "claim_type")),
            *(("1" * 5000, "payload_json"), ("0x10", "payload_json"), ("01", "payload_json"), ("+1", "payload_json")),
        )
    ],
    *_subsets(),
    Case("no claims at all", "J15", "missing_claim", raw_payload="{}"),
    *_claims("J16", OK, "exp", [NOW, NOW - 1, NOW - 29]),
    *_claims("J16", "expired", "exp", [NOW - 30, NOW - 31, NOW - DAY, 0, -1, 1.5]),
    *[case for name in ("iat", "nbf") for case in _claims("J16", OK, name, [NOW, NOW + 1, NOW + 29, NOW + 30, NOW + 29.5])],
    *[case for name in ("iat", "nbf") for case in _claims("J16", "not_yet_valid", name, [NOW + 31, NOW + 3600, NOW + DAY])],
    *_claims("J16", "claim_type", "iat", [str(NOW), [], True, {}]),
    *_claims("J16", "claim_type", "nbf", [str(NOW), [], False, {}]),
    *_claims("J16", "lifetime", "iat", [0, NOW - DAY, -1]),
    # --- for whom, from whom
    *_claims("J17", OK, "aud", [[API], ["https://userinfo.test", API], [API] * 16]),
    *_claims("J17", OK, "aud", ["second", [API, "second"]], issuer="rsa"),
    *_claims("J17", "audience", "aud", ["", "x", API + "/", API[:-1], API.upper(), " " + API, ["x"], ["x", API + "/"], MAIN]),
    *_claims("J17", "claim_type", "aud", [[], [5], [API, 5], [[API]], [API] * 17, {API: 1}, 5, True]),
    *_claims("J17", "missing_claim", "aud", [None]),
    *_claims("J17", "audience", "client_id", ["client-2", "", "client-1 "], issuer="cognito"),
    *_claims("J17", "claim_type", "client_id", [["client-1"], 1, {}], issuer="cognito"),
    *_claims("J17", "missing_claim", "client_id", [LEFT_OUT, None], issuer="cognito"),
    *_claims("J18", "issuer", "iss", [[MAIN], {MAIN: 1}, 5, None, "", MAIN + "/", MAIN[:-1], MAIN.upper(), "http" + MAIN[5:], "*"]),
    Case("another issuer's name, unknown kid", "J18", "unknown_key", claims={"iss": ISSUERS["other"].url}),
    Case("another issuer's name, other algorithm", "J18", "algorithm", claims={"iss": ISSUERS["rsa"].url}),
    Case("a kid that both have", "J18", "signature", header={"kid": "shared"}, key="other-shared"),
    Case("a kid that both have, the other way", "J18", "signature", issuer="other", key="main-shared"),
    Case("a kid that both have, rightly", "J18", OK, header={"kid": "shared"}, key="main-shared"),
    # --- form and signature
    *_changed("J19", "malformed", "JWE", "fourth part", "fourth empty part", "first empty part", "no third part", "one part"),
    *_changed("J19", "malformed", "no part", "dots", "many dots", "two tokens", "empty part 2"),
    *_changed("J19", "header_json", "empty part 0"),
    *_changed("J19", "payload_json", "empty part 1"),
    *_changed("J19", "missing_claim", "parts exchanged"),
    *_header("J6", "header_json", "kid", ["es-1\0"]),
    *_changed("J27", "too_long", "megabytes", "too long"),
    *_changed("J29", "signature", *(f"psychic {r} {s}" for r in "01n" for s in "01n")),
    *_changed("J29", "signature", "signature bit", "garbage signature", "long signature", "short signature", "doubled signature"),
    *_changed("J29", "signature", "DER signature", "reversed signature", "halves swapped"),
    *_changed("J29", OK, "other half"),
    *[case for of in ("rsa", "p384", "ed", "legacy", "cognito") for case in _changed("J29", "signature", "signature bit", issuer=of)],
    *[case for of in ("rsa", "p384", "ed", "legacy") for case in _changed("J29", "signature", "garbage signature", issuer=of)],
    Case("another key", "J29", "signature", key="es-2"),
    Case("another key of nobody", "J29", "signature", key="es-9"),
    *_changed("J30", "malformed", *(f"padding {at} {n}" for at in range(3) for n in (1, 2, 3))),
    *_changed("J30", "malformed", *(f"trailing bits {at}" for at in range(3)), "base64 alphabet"),
    *_changed("J31", "malformed", "leading space", "trailing space", "newline", "carriage return", "tab", "NUL", "newline within"),
    *_changed("J31", "malformed", "space within", "homoglyph", "full width", "umlaut", "BOM", "surrogate", "quotes", "percent"),
    *_changed("J31", "malformed", "full stop"),
    # --- who it is about
    *_claims("J32", "claim_type", "sub", [5, 0, True, None, "", [], ["alice"], {}, "a" * 513, "a" * 4000, "a\x07", "a\nb", "\u202ealice"]),
    *_claims("J32", OK, "sub", ["a", "a" * 512, "0198a000-aaaa-7000-8000-00000000ac3e", "auth0|x", "\u00e9", "{}", "' or 1=1--"]),
    *_claims("J32", "claim_type", "jti", [5, True, ["a"], {}, "a" * 513, "a\x07"]),
    *_claims("J32", OK, "jti", ["", None, LEFT_OUT], gives={"jti": None}),
    Case("escaped line separator in sub", "J32", "claim_type", claims={"sub": "a\u2028b"}),
    # --- what a user can write himself
    *[
        Case(f"{where}.email_verified", "J33", OK, claims={"email_verified": LEFT_OUT, where: {"email_verified": True, "email": "root@acme.test"}}, gives={"email": "alice@acme.test", "email_verified": False})
        for where in ("user_metadata", "app_metadata", "https://evil.test/claims", "profile")
    ],
    Case("role and permissions", "J33", OK, claims={"role": "app_sys", "permissions": ["*"], "user_metadata": {"sys_role": "sys_owner"}}),
    *_emails(),
]  # fmt: skip
assert GOOD_KEY["main"] == "es-1"
