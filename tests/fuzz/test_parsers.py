"""A fuzzer that sees which lines its inputs reach finds nothing but what the parsers say of themselves.

`ORG_COMMON_FUZZ=long` makes a million runs and more of it; some minutes.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.org_common.auth.corpus import CORPUS
from tests.org_common.auth.events import format_1, http_api, rest_api, rest_token
from tests.org_common.auth.forge import decode, jwks, token

atheris = pytest.importorskip("atheris")

ROOT = Path(__file__).parents[2]
RUNS = 1_200_000 if os.environ.get("ORG_COMMON_FUZZ") == "long" else 6_000
# Those of parsers.py, in its order: importing it here would instrument this process.
TARGETS = (
    "token",
    "parts",
    "header",
    "head",
    "claims",
    "more_claims",
    "context",
    "shapes",
    "event",
    "keys",
    "settings",
    "strict",
)
CONTEXT = (
    '{"iss": "https://issuer.test", "sub": "a", "exp": 4000000000, "email": "a@acme.test", "jti": "x", "tenant": "t"}'
)


def seeds() -> list[tuple[str, bytes]]:
    """One or more inputs of each parser, so that it starts from what is nearly right."""
    texts = [token(case) for case in CORPUS[::9]]
    short = [text for text in texts if len(text) < 4000 and text.isascii()]
    made = [(name, text.encode()) for name in ("token", "parts") for text in short]
    made += [("header", f"Bearer {text}".encode()) for text in short[::5]]
    for text in (each.split(".") for each in short if each.count(".") == 2 and "=" not in each):
        try:
            made += [("head", decode(text[0])), ("claims", decode(text[1]))]
        except ValueError:
            continue
    made += [
        ("more_claims", b'"sub":"a","email":"a@acme.test","email_verified":true,"nbf":1,"jti":"x"'),
        ("context", CONTEXT.encode()),
    ]
    made += [
        ("shapes", json.dumps(shape).encode())
        for shape in (
            {"lambda": {"claims": CONTEXT}},
            {"claims": CONTEXT},
            {"jwt": {"claims": {"iss": "https://issuer.test", "exp": "1.7E9"}}},
        )
    ]
    made += [
        ("event", json.dumps(form("Bearer a.b.c")).encode()) for form in (http_api, format_1, rest_api, rest_token)
    ]
    made += [("keys", json.dumps({"keys": jwks(issuer)}).encode()) for issuer in ("main", "rsa", "ed")]
    made += [
        (
            "settings",
            b'[{"url": "https://a.test", "audience": "a", "algorithms": ["RS256"], "required": {"scope": "x"}}]',
        )
    ]
    made += [("strict", b'{"a": [1, 2.5e3, null, true, "\\u00e9"], "b": {"a": {}}}')]
    return made  # fmt: skip


def test_no_parser_raises_what_it_does_not_say(tmp_path: Path) -> None:
    seeded = tmp_path / "seeds"
    seeded.mkdir()
    for at, (name, data) in enumerate(seeds()):
        (seeded / str(at)).write_bytes(bytes([TARGETS.index(name)]) + data)

    options = [f"-runs={RUNS}", "-max_len=9000", "-timeout=10", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.parsers", *options, str(seeded)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    [runs] = re.findall(r"^Done (\d+) runs", done.stderr, re.MULTILINE)
    assert int(runs) >= RUNS


def test_the_list_of_parsers_is_whole() -> None:
    listed = re.search(r"^TARGETS = \[(.*)\]$", (ROOT / "tests/fuzz/parsers.py").read_text(), re.MULTILINE)

    assert listed is not None
    assert tuple(listed[1].split(", ")) == TARGETS
