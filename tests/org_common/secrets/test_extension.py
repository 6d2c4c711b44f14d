"""The extension, with every fault that it is known for; the server is a real one."""

import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest

from org_common.secrets import extension as module
from org_common.secrets.counters import SecretCounters
from org_common.secrets.extension import Extension
from org_common.secrets.source import Failed, Refused
from org_common.values.secret import Reference, Secret
from tests.support.extension import TOKEN, FakeExtension

DATABASE = Reference.parse("prod/app/database")
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/app+x@y=z-AbCdEf"


def soon() -> float:
    return time.monotonic() + 5


@pytest.fixture
def ours(extension: FakeExtension, counters: SecretCounters) -> Extension:
    extension.secrets[DATABASE.id] = "the secret ü"
    return Extension(extension.port, extension.environ, counters)


def test_a_secret_is_fetched(ours: Extension, extension: FakeExtension) -> None:
    assert ours.fetch(DATABASE, soon()) == Secret("the secret ü")
    assert extension.asked == ["/secretsmanager/get?secretId=prod%2Fapp%2Fdatabase"]


def test_names_arrive_as_they_are(ours: Extension, extension: FakeExtension) -> None:
    extension.secrets |= {ARN: "by arn", "prod/app?stage=AWSPREVIOUS": "old"}
    extension.parameters |= {"/prod/app": "current", "/prod/app?version=3": "third", "/prod/app?version=blue": "blue"}
    found = {
        text: ours.fetch(Reference.parse(text), soon()).reveal()
        for text in (
            ARN,
            "prod/app?stage=AWSPREVIOUS",
            "ssm:/prod/app",
            "ssm:/prod/app?version=3",
            "ssm:/prod/app?version=blue",
        )
    }

    assert list(found.values()) == ["by arn", "old", "current", "third", "blue"]
    assert "version=3" in extension.asked[3]
    assert "label=blue" in extension.asked[4]


def test_a_version_of_a_secret_is_asked_for(ours: Extension, extension: FakeExtension) -> None:
    ours.fetch(Reference.parse("prod/app/database?version=aa-bb"), soon())

    assert extension.asked == ["/secretsmanager/get?secretId=prod%2Fapp%2Fdatabase&versionId=aa-bb"]


@pytest.mark.parametrize("length", [0, 10, 65_536])
@pytest.mark.parametrize("chunked", [False, True])
def test_answers_of_any_length_and_form_are_read(
    ours: Extension, extension: FakeExtension, length: int, *, chunked: bool
) -> None:
    extension.chunked = chunked
    extension.secrets[DATABASE.id] = "é" * length

    assert len(ours.fetch(DATABASE, soon()).reveal()) == length


@pytest.mark.parametrize("faults", [[400], [400, 400, 400], [503, 429], ["junk"], ["half", "junk"]], ids=str)
def test_what_passes_is_waited_for(
    ours: Extension, extension: FakeExtension, counters: SecretCounters, faults: list[int | str]
) -> None:
    extension.faults[:] = faults

    assert ours.fetch(DATABASE, soon()) == Secret("the secret ü")
    assert counters.retries == len(faults)


@pytest.mark.parametrize("always", [400, 500, "junk", "half"], ids=str)
def test_what_does_not_pass_is_given_up(ours: Extension, extension: FakeExtension, always: int | str) -> None:
    extension.always = always

    with pytest.raises(Failed) as raised:
        ours.fetch(DATABASE, soon())

    assert len(extension.asked) == 4
    assert "the secret" not in f"{raised.value!r} {raised.value.__context__!r}"


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"Sthe secret\r\n0\r\n\r\n',
        b"HTTP/1.1 200 OK\r\nContent-Length: the secret\r\n\r\n{}",
    ],
    ids=["chunk", "length"],
)
def test_what_could_not_be_read_is_not_repeated(ours: Extension, extension: FakeExtension, answer: bytes) -> None:
    extension.always = answer

    with pytest.raises(Failed, match="the extension: ValueError") as raised:
        ours.fetch(DATABASE, soon())

    assert "the secret" not in "".join(traceback.format_exception(raised.value))
    assert raised.value.__context__ is None


def test_who_is_silent_is_not_asked_by_the_next(ours: Extension, extension: FakeExtension) -> None:
    extension.always = 400
    for _ in range(3):
        with pytest.raises(Failed):
            ours.fetch(DATABASE, soon())
    assert len(extension.asked) == 4

    extension.always = None
    ours.forget()
    assert ours.fetch(DATABASE, soon()) == Secret("the secret ü")


def test_who_had_no_time_does_not_call_it_silent(ours: Extension) -> None:
    with pytest.raises(Failed):
        ours.fetch(DATABASE, time.monotonic() - 1)

    assert ours.fetch(DATABASE, soon()).reveal() == "the secret ü"


def response(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


# What one secret can do wrong, and how often it is asked for.
OF_ONE_SECRET: dict[str, tuple[int | str | bytes | None, int]] = {
    "unknown": (None, 1),
    "named in the response": (response(400, b"ResourceNotFoundException: no such secret"), 1),
    "not allowed": (response(400, b"operation error SSM: GetParameter, api error AccessDeniedException: x"), 1),
    "no such parameter": (response(400, b"ParameterNotFound"), 1),
    "not decrypted": (response(400, b"DecryptionFailure"), 1),
    "binary": (response(200, b'{"Name": "x", "SecretBinary": "AAAA", "VersionStages": ["AWSCURRENT"]}'), 1),
    "null": (response(200, b'{"SecretString": null}'), 1),
    "a list": (response(200, b"[]"), 1),
    "forbidden": (403, 1),
}
# These say nothing about the extension once it has served a secret.
OF_ONE_SECRET_ONCE_READY: dict[str, tuple[int | str | bytes | None, int]] = {
    "another 400": (response(400, b"of a later version"), 1),
    "500": (500, 4),
    "502": (response(502, b"bad gateway"), 4),
    "throttled": (429, 4),
    "junk": ("junk", 4),
    "half": ("half", 4),
    "not ready": (400, 4),
}


@pytest.mark.parametrize("service", ["", "ssm:"])
@pytest.mark.parametrize(
    ("fault", "ready"),
    [(fault, ready) for fault in OF_ONE_SECRET for ready in (False, True)]
    + [(fault, True) for fault in OF_ONE_SECRET_ONCE_READY],
)
def test_a_failing_secret_leaves_the_others_to_the_extension(
    ours: Extension, extension: FakeExtension, fault: str, service: str, *, ready: bool
) -> None:
    if ready:
        ours.fetch(DATABASE, soon())
    before = len(extension.asked)
    extension.always, asked = (OF_ONE_SECRET | OF_ONE_SECRET_ONCE_READY)[fault]
    for _ in range(2):
        with pytest.raises((Failed, Refused)):
            ours.fetch(Reference.parse(f"{service}/not/this"), soon())
    # It is asked again for a secret that it refused, and not after it was retried.
    assert len(extension.asked) - before == (2 if asked == 1 else 4)

    extension.always = None
    extension.parameters["/other"] = "other"
    assert ours.fetch(Reference.parse("ssm:/other"), soon()).reveal() == "other"
    assert ours.fetch(DATABASE, soon()) == Secret("the secret ü")


@pytest.mark.parametrize("fault", ["junk", "half"])
def test_two_secrets_in_a_row_that_get_no_response_are_the_extension(
    ours: Extension, extension: FakeExtension, fault: str
) -> None:
    ours.fetch(DATABASE, soon())
    extension.always = fault
    for name in ("one", "two"):
        with pytest.raises(Failed):
            ours.fetch(Reference.parse(name), soon())
    extension.always, before = None, len(extension.asked)

    with pytest.raises(Failed, match="skipped"):
        ours.fetch(DATABASE, soon())
    assert len(extension.asked) == before


@pytest.mark.parametrize("service", ["secretsmanager", "ssm"])
def test_an_arn_of_another_region_is_not_the_extensions(
    extension: FakeExtension, counters: SecretCounters, service: str
) -> None:
    kind = "secret:" if service == "secretsmanager" else "parameter/"
    near, far = (
        Reference.parse(f"arn:aws:{service}:{region}:123456789012:{kind}a") for region in ("eu-west-1", "us-east-1")
    )
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        ours = Extension(extension.port, {**extension.environ, variable: "eu-west-1"}, counters)
        assert (ours.serves(near), ours.serves(far), ours.serves(DATABASE)) == (True, False, True)
    # Without a region it is asked, and knows.
    assert Extension(extension.port, extension.environ, counters).serves(far)


def test_slow_extension_is_not_waited_for(extension: FakeExtension, counters: SecretCounters) -> None:
    impatient = Extension(extension.port, extension.environ, counters, total_s=0.2)
    extension.always = "slow"

    with pytest.raises(Failed, match="TimeoutError"):
        impatient.fetch(DATABASE, soon())


def test_nobody_there_is_a_failure(counters: SecretCounters) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        absent = Extension(taken.getsockname()[1], {"AWS_SESSION_TOKEN": TOKEN}, counters)

        with pytest.raises(Failed, match="ConnectionRefusedError"):
            absent.fetch(DATABASE, soon())

    # It may have begun to listen in the meantime.
    assert counters.retries == 3


def test_a_wrong_token_is_a_refusal(extension: FakeExtension, counters: SecretCounters) -> None:
    with pytest.raises(Refused, match="401"):
        Extension(extension.port, {"AWS_SESSION_TOKEN": "old"}, counters).fetch(DATABASE, soon())


def test_an_endless_answer_is_cut_off(extension: FakeExtension, counters: SecretCounters) -> None:
    limited = Extension(extension.port, extension.environ, counters, max_bytes=10_000)
    extension.secrets[DATABASE.id] = "x" * 20_000

    with pytest.raises(Failed, match="the extension: ValueError"):
        limited.fetch(DATABASE, soon())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ],
)
def test_half_an_answer_is_none(answer: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int() has words of its own
        module._parse(answer)


def test_it_is_there_only_with_its_program_and_a_token(tmp_path: Path, counters: SecretCounters) -> None:
    program = tmp_path / "extension"
    token = {"AWS_SESSION_TOKEN": "x"}
    assert Extension.detect(token, counters, str(program)) is None

    program.touch()
    assert Extension.detect(token, counters, str(program)) is not None
    assert Extension.detect({}, counters, str(program)) is None
    # The variable for the port implies the extension.
    assert Extension.detect({**token, module.PORT_VARIABLE: "2999"}, counters, str(tmp_path / "none")) is not None


def test_it_loads_no_client_libraries() -> None:
    """`email`, `http` and `ssl` are what http.client and urllib would bring."""
    code = "import sys, org_common.secrets.extension; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {"email", "http", "ssl", "urllib", "urllib.parse", "asyncio", "botocore", "boto3"} & set(loaded) == set()
