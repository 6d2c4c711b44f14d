"""Secrets Manager and Parameter Store: moto's for what works, a server that refuses for what does not."""

import sys
import time

import pytest

from org_common.secrets.aws import TEMPORARY, Aws
from org_common.secrets.counters import SecretCounters
from org_common.secrets.source import Failed, Refused
from org_common.values.secret import Reference, Secret
from tests.support.aws import FakeAws
from tests.support.store import FakeStore

APP = Reference.parse("prod/app")


def soon() -> float:
    return time.monotonic() + 5


def fetch(text: str, counters: SecretCounters) -> str:
    return Aws(counters).fetch(Reference.parse(text), soon()).reveal()


@pytest.fixture
def store(aws_store: FakeStore) -> FakeStore:
    aws_store.secrets["prod/app"] = "of the store"
    return aws_store


def test_secrets_of_secrets_manager(aws: FakeAws, counters: SecretCounters) -> None:
    client = aws.client("secretsmanager")
    arn = client.create_secret(Name="prod/app", SecretString="first")["ARN"]
    old = client.get_secret_value(SecretId="prod/app")["VersionId"]
    client.put_secret_value(SecretId="prod/app", SecretString="second")

    assert [fetch(text, counters) for text in ("prod/app", arn)] == ["second", "second"]
    assert fetch("prod/app?stage=AWSPREVIOUS", counters) == "first"
    assert fetch(f"prod/app?version={old}", counters) == "first"


def test_parameters_of_parameter_store(aws: FakeAws, counters: SecretCounters) -> None:
    client = aws.client("ssm")
    for value in ("first", "second"):
        client.put_parameter(Name="/prod/app", Value=value, Type="SecureString", Overwrite=True)

    assert fetch("ssm:/prod/app", counters) == "second"
    assert fetch("ssm:/prod/app?version=1", counters) == "first"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prod/none", r"ResourceNotFoundException: no secret has this name \(and stage\) in this region"),
        ("ssm:/prod/none", "ParameterNotFound: no parameter has this name in this region"),
    ],
)
def test_what_is_not_there_is_told(aws: FakeAws, counters: SecretCounters, text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        fetch(text, counters)


def test_what_is_binary_is_told(aws: FakeAws, counters: SecretCounters) -> None:
    aws.client("secretsmanager").create_secret(Name="prod/app", SecretBinary=b"\x00\x01")

    with pytest.raises(Refused, match="is binary: store it as a string"):
        fetch("prod/app", counters)


def test_who_may_not_is_told_what_to_allow(store: FakeStore, client_of_store: Aws) -> None:
    store.always = "AccessDeniedException"

    with pytest.raises(Refused, match="allow the function's role secretsmanager:GetSecretValue on it"):
        client_of_store.fetch(APP, soon())

    assert store.reads == 1


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServiceError", "RequestLimitExceeded"])
def test_what_passes_is_waited_for(store: FakeStore, client_of_store: Aws, counters: SecretCounters, code: str) -> None:
    assert code in TEMPORARY
    store.faults[:] = [code, code]

    assert client_of_store.fetch(APP, soon()) == Secret("of the store")
    assert (store.reads, counters.retries) == (3, 2)


def test_what_does_not_pass_is_given_up(store: FakeStore, client_of_store: Aws) -> None:
    store.always = "ThrottlingException"

    with pytest.raises(Failed, match="ThrottlingException"):
        client_of_store.fetch(APP, soon())

    assert store.reads == 5


def test_nobody_there_is_a_failure(store: FakeStore, counters: SecretCounters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(Failed, match="EndpointConnectionError"):
        Aws(counters).fetch(APP, soon())


def test_a_store_that_is_mute_takes_no_more_than_there_is(store: FakeStore, client_of_store: Aws) -> None:
    """botocore's own timeout would be 2 seconds, and its error another one."""
    with store.lock, pytest.raises(Failed, match="AWS did not respond in time"):
        client_of_store.fetch(APP, time.monotonic() + 0.3)


def test_without_a_region_it_is_told(counters: SecretCounters, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

    with pytest.raises(Refused, match="Set AWS_REGION"):
        Aws(counters).fetch(APP, soon())


def test_an_arn_brings_its_region(store: FakeStore, counters: SecretCounters, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    arn = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:prod/app-AbCdEf"
    store.secrets[arn] = "elsewhere"

    assert fetch(arn, counters) == "elsewhere"


def test_without_credentials_it_is_told(
    store: FakeStore, counters: SecretCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(Refused, match="there are no AWS credentials: on your own machine, use a reference env:NAME"):
        Aws(counters).fetch(APP, soon())


def test_without_boto3_it_is_told(counters: SecretCounters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)

    with pytest.raises(Refused, match=r"pip install 'org-common\[aws\]'"):
        Aws(counters).fetch(APP, soon())


def test_one_client_serves_all_until_it_is_forgotten(store: FakeStore, counters: SecretCounters) -> None:
    ours = Aws(counters)
    first = ours.client("secretsmanager")

    assert ours.client("secretsmanager") is first
    ours.forget()
    assert ours.client("secretsmanager") is not first
