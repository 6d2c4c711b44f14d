"""Log lines in their hundreds of thousands, each with a secret somewhere in it, and none that shows it."""

from __future__ import annotations

import base64
import json
import logging
import string
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from urllib.parse import quote, urlencode

import pytest

from org_common import PUBLIC, TOKEN, App, Model, OrgError
from org_common.db.protocol.errors import StatementFailed
from org_common.telemetry import log
from org_common.testing.client import Client, Person
from tests.soak.figures import Figures
from tests.soak.scale import SEED, scaled
from tests.support.lines import untouched_logging

LINES = scaled(10_000, 1_000_000)
# Of a secret these many characters at either end must not show.
END = 6
LETTERS = string.ascii_letters + string.digits
# Without blanks: of `password=one two` nobody can say where it ends. Quotes, commas and the rest are in.
PUNCTUATION = "!#$%&()*+,-./:;<=>?@[]^_`{|}~'\""

Make = Callable[[Random], str]
Write = Callable[[Random, str, logging.Logger], None]


def _some(random: Random, alphabet: str, least: int, most: int) -> str:
    return "".join(random.choices(alphabet, k=random.randint(least, most)))


def password(random: Random) -> str:
    # Letters at its ends: a trailing comma is taken for the sentence's.
    middle = _some(random, LETTERS + PUNCTUATION, 4, 16)
    return f"{_some(random, LETTERS, 6, 8)}{middle}{_some(random, LETTERS, 6, 8)}"


def word(random: Random) -> str:
    return _some(random, LETTERS, 12, 24)


def jwt(random: Random) -> str:
    parts = [json.dumps({"alg": "RS256", "kid": _some(random, LETTERS, 4, 8)}), json.dumps({"sub": word(random)})]
    encoded = [base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, base64.urlsafe_b64encode(random.randbytes(64)).rstrip(b"=").decode()])


def opaque(random: Random) -> str:
    return base64.urlsafe_b64encode(random.randbytes(32)).rstrip(b"=").decode()


def aws_key(random: Random) -> str:
    return random.choice(("AKIA", "ASIA")) + _some(random, string.ascii_uppercase + string.digits, 16, 16)


def aws_secret(random: Random) -> str:
    return base64.b64encode(random.randbytes(30)).decode()


def api_key(random: Random) -> str:
    return random.choice(("sk-", "sk-proj-", "sk_live_", "ghp_", "xoxb-", "sb_secret_")) + _some(
        random, LETTERS, 20, 48
    )


def email(random: Random) -> str:
    local = _some(random, string.ascii_lowercase + string.digits + "._+-", 6, 20).strip(".") or "a"
    return f"{local}@{_some(random, string.ascii_lowercase, 6, 12)}.{random.choice(('com', 'de', 'co.uk', 'example'))}"


NAMES = (
    *("password", "Password", "db_password", "userPassword", "token", "access_token", "refreshToken", "client_secret"),
    *("secret", "api_key", "X-Api-Key", "apiKey", "Authorization", "Cookie", "Set-Cookie", "passphrase", "credential"),
    *("aws_secret_access_key", "x-amz-security-token", "private_key", "jwt", "csrf_token", "session_id", "pwd"),
)
# Anything is a secret under one of these names; these alone are known by their looks.
ANY: tuple[Make, ...] = (password, word, jwt, opaque, aws_key, aws_secret, api_key)
SHAPED: tuple[Make, ...] = (jwt, opaque, aws_key, api_key, email)


def _name(random: Random) -> str:
    return random.choice(NAMES)


def raised(logger: logging.Logger, error: Exception) -> None:
    try:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("it failed") from cause
    except RuntimeError:
        logger.exception("failed")


NAMED: dict[str, Write] = {
    "name=value": lambda r, v, log: log.info("with %s=%s of three", _name(r), v),
    "name: value": lambda r, v, log: log.info("%s: %s", _name(r), v),
    "dict": lambda r, v, log: log.info("event %s", {"a": 1, _name(r): v, "z": [1]}),
    "dict as a message": lambda r, v, log: log.info({"a": 1, _name(r): v}),
    "json": lambda r, v, log: log.warning("body %s", json.dumps({"a": {"b": 1}, _name(r): v, "z": 1})),
    "compact json": lambda r, v, log: log.info(json.dumps({_name(r): v, "z": "y"}, separators=(",", ":"))),
    "json in json": lambda r, v, log: log.info(json.dumps({"body": json.dumps({_name(r): v, "z": 1})})),
    "json in a dict": lambda r, v, log: log.info("%s", {"body": json.dumps({_name(r): v, "z": 1})}),
    "list": lambda r, v, log: log.info("event %s", {_name(r): ["x", v]}),
    "query": lambda r, v, log: log.info("GET /a?x=1&%s&y=2", urlencode({_name(r): v})),
    "extra": lambda r, v, log: log.info("m", extra={_name(r): v, "order_id": 7}),
    "extra, deep": lambda r, v, log: log.info("m", extra={"event": {"headers": [{_name(r): v}], "n": 1}}),
    "extra, a list": lambda r, v, log: log.info("m", extra={"headers": {_name(r): [v, v]}}),
    "bearer": lambda r, v, log: log.info("sent %s", {"h": f"Bearer {quote(v)}"}),
    "basic": lambda r, v, log: log.info("Authorization: Basic %s", base64.b64encode(f"u:{v}".encode()).decode()),
    "database url": lambda r, v, log: log.info("to postgresql://app:%s@db.example.com:6432/app", v),
    "url": lambda r, v, log: log.info("to https://app:%s@example.com/x", quote(v, safe="")),
    "conninfo": lambda r, v, log: log.info("host=db user=app password=%s connect_timeout=2", v),
    "exception": lambda r, v, log: raised(log, ValueError(f"{_name(r)}={v}")),
    "exception's dict": lambda r, v, log: raised(log, KeyError(str({_name(r): v}))),
    "statement's detail": lambda r, v, log: raised(log, StatementFailed("23505", "duplicate", f"Key (a)=({v})", v)),
    "statement's value": lambda r, v, log: raised(
        log, StatementFailed("22P02", f'invalid input syntax for type uuid: "{v.replace(chr(34), "")}"')
    ),
    "wrong arguments": lambda r, v, log: log.info("%d rows", v),
}
BARE: dict[str, Write] = {
    "alone": lambda r, v, log: log.info(v),
    "in words": lambda r, v, log: log.info("of %s, and more", v),
    "in a path": lambda r, v, log: log.info("GET /invites/%s answered", v),
    "in quotes": lambda r, v, log: log.info("of %r", [v]),
    "in a field": lambda r, v, log: log.info("m", extra={"reference": v}),
    "in a list": lambda r, v, log: log.info("m", extra={"references": [1, v]}),
    "as a key": lambda r, v, log: log.info("m", extra={"by": {v: 1}}),
    "in an exception": lambda r, v, log: raised(log, ValueError(f"no {v} here")),
}


class Login(Model):
    password: str
    email: str


def app() -> App:
    made = App("soak")

    @made.post("/login/{code}", allow=TOKEN)
    def login(code: str, body: Login) -> None:
        log.get_logger("soak").debug("step %s", body)
        raise RuntimeError(f"password={body.password} of {body.email}")

    @made.post("/refused", allow=PUBLIC)
    def refused(body: Login) -> None:
        raise OrgError from StatementFailed("22001", f'value "{body.email}" too long', body.password)

    return made


class Watcher:
    """Stands at the end of the way, and looks at each line for what was hidden in it."""

    def __init__(self) -> None:
        self.hidden: tuple[str, ...] = ()
        self.kind = ""
        self.lines = 0
        self.leaks: Counter[str] = Counter()
        self.shown: list[str] = []

    def log(self, line: str, frame_type: bytes | None = None) -> None:
        self.lines += 1
        json.loads(line)
        for secret in self.hidden:
            if secret[:END] in line or secret[-END:] in line:
                self.leaks[self.kind] += 1
                if len(self.shown) < 20:
                    self.shown.append(f"{self.kind}: {secret!r} in {line}")


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    monkeypatch.setenv("ORG_COMMON_LOG_FORM", "json")
    with untouched_logging():
        watcher = Watcher()
        handler = logging.NullHandler()
        handler.log_sink = watcher  # type: ignore[attr-defined]
        logging.getLogger().addHandler(handler)
        log.configure()
        yield watcher


class Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.mark.parametrize("kind", sorted((NAMED | BARE).keys() - {"basic"}))
def test_secret_is_there_to_be_shown(kind: str) -> None:
    """What is logged holds it: a form that loses it by itself would prove nothing."""
    kept = Keeper()
    logger = logging.Logger("apart")  # noqa: LOG001 - below no other, so nobody else sees its lines
    logger.addHandler(kept)

    (NAMED | BARE)[kind](Random(SEED), "hunter2hunter2", logger)

    [record] = kept.records
    cause = record.exc_info[1].__cause__ if record.exc_info and record.exc_info[1] else None
    assert "hunter2hunter2" in f"{vars(record)} {cause!r} {vars(cause) if cause else None}"


def test_no_line_shows_what_was_hidden_in_it(watcher: Watcher, figures: Figures) -> None:
    # pytest's own would keep a million records, and raise at wrong arguments.
    logging.getLogger().handlers[:] = [each for each in [log.active()] if each is not None]
    random = Random(SEED)
    logger = log.get_logger("soak")
    named, bare = list(NAMED.items()), list(BARE.items())
    client = Client(app(), person=Person("local|alice"))

    while watcher.lines < LINES:
        for _ in range(20):
            watcher.kind, write = random.choice(named)
            secret = random.choice(ANY)(random)
            watcher.hidden = (secret,)
            write(random, secret, logger)
        for _ in range(10):
            watcher.kind, write = random.choice(bare)
            secret = random.choice(SHAPED)(random)
            watcher.hidden = (secret,)
            write(random, secret, logger)
        watcher.kind = "request"
        body = {"password": password(random), "email": email(random)}
        token, address = jwt(random), email(random)
        watcher.hidden = (*body.values(), token, address)
        headers = {"authorization": f"Bearer {token}", "cookie": f"sid={token}", "x-forwarded-for": "203.0.113.7"}
        client.as_(Person("local|alice", email=address)).post(f"/login/{quote(token)}", body, headers=headers)
        client.post("/refused", body, headers=headers)

    figures.note(
        "log lines without their secrets",
        watcher.lines - watcher.leaks.total(),
        watcher.lines,
        leaks=dict(watcher.leaks),
    )
    assert not watcher.leaks, "\n".join(watcher.shown)
