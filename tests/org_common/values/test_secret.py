"""A secret tells itself to nobody but who asks by name; a reference tells where it is."""

import copy
import json
import logging
import pickle
import string
import traceback
from dataclasses import asdict, dataclass
from inspect import getmembers

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from org_common.values.secret import Reference, Secret
from tests.support.names import name_of

TEXT = "hunter2-of-the-test"
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/app-AbCdEf"
PARAMETER_ARN = "arn:aws:ssm:eu-central-1:123456789012:parameter/prod/app"


class Login(BaseModel):
    user: str
    password: Secret


@dataclass(frozen=True)
class Pair:
    first: Secret
    second: Secret


def test_it_is_told_to_who_asks() -> None:
    assert Secret(TEXT).reveal() == TEXT


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(TEXT)),
        str(Secret(TEXT)),
        f"{Secret(TEXT)}",
        f"{Secret(TEXT)!r:>80}",
        f"{Secret(TEXT):>80}",
        "%s %r" % (Secret(TEXT), Secret(TEXT)),  # noqa: UP031 - as logging does it
        repr([Secret(TEXT)]),
        repr({"password": Secret(TEXT)}),
        repr(Pair(Secret(TEXT), Secret(TEXT))),
        repr(asdict(Pair(Secret(TEXT), Secret(TEXT)))),
        repr(Login(user="app", password=Secret(TEXT))),
        repr(Login(user="app", password=Secret(TEXT)).model_dump()),
        Login(user="app", password=Secret(TEXT)).model_dump_json(),
        json.dumps({"password": Secret(TEXT)}, default=str),
        orjson.dumps({"password": Secret(TEXT)}, default=str).decode(),
        repr(getmembers(Secret(TEXT))),
        repr(Secret(TEXT).__getstate__()),
    ],
    ids=name_of,
)
def test_it_is_masked_wherever_it_is_shown(shown: str) -> None:
    assert TEXT not in shown


def test_json_refuses_it_by_itself() -> None:
    for dumps in (json.dumps, orjson.dumps):
        with pytest.raises(TypeError) as raised:
            dumps({"password": Secret(TEXT)})
        assert TEXT not in str(raised.value)


def test_it_has_no_dict() -> None:
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(TEXT), protocol)


def test_a_traceback_with_variables_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    def fail(password: Secret) -> None:
        at_hand = {"password": password}
        raise RuntimeError(f"{password} did not do: {at_hand}")

    try:
        fail(Secret(TEXT))
    except RuntimeError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        logging.getLogger("test").exception("it failed")

    assert "***" in told
    assert TEXT not in told
    assert TEXT not in caplog.text


def test_a_wrong_type_is_refused_without_being_shown() -> None:
    with pytest.raises(TypeError, match="a Secret takes a str, got bytes") as raised:
        Secret(TEXT.encode())  # type: ignore[arg-type]  # that is the point

    told = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    # The line of the test itself is in it, not its value.
    assert TEXT not in told


def test_a_copy_is_the_same_object() -> None:
    secret = Secret(TEXT)

    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_equal_texts_are_equal_secrets() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert hash(Secret(TEXT)) == hash(Secret(TEXT))
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT
    assert not Secret("")
    assert Secret("x")


def test_it_does_not_change() -> None:
    secret = Secret(TEXT)

    with pytest.raises(AttributeError):
        secret._reveal = str
    with pytest.raises(AttributeError):
        del secret._reveal


def test_a_model_takes_texts_and_secrets() -> None:
    assert Login.model_validate({"user": "app", "password": TEXT}).password == Secret(TEXT)
    assert Login(user="app", password=Secret(TEXT)).password == Secret(TEXT)
    assert Login.model_json_schema()["properties"]["password"]["format"] == "password"


def test_a_model_does_not_repeat_what_it_refuses() -> None:
    with pytest.raises(ValidationError):
        Login.model_validate({"user": "app", "password": 17})


@pytest.mark.parametrize(
    ("text", "service", "id", "key"),
    [
        ("prod/app/database", "secretsmanager", "prod/app/database", None),
        ("secretsmanager:prod/app", "secretsmanager", "prod/app", None),
        (ARN, "secretsmanager", ARN, None),
        (f"{ARN}#password", "secretsmanager", ARN, "password"),
        ("ssm:/prod/app/url", "ssm", "/prod/app/url", None),
        (PARAMETER_ARN, "ssm", PARAMETER_ARN, None),
        ("ssm:plain.name#url", "ssm", "plain.name", "url"),
        ("env:MY_PASSWORD", "env", "MY_PASSWORD", None),
        ("prod/app?stage=AWSPREVIOUS#key with blanks", "secretsmanager", "prod/app", "key with blanks"),
    ],
)
def test_references_are_read(text: str, service: str, id: str, key: str | None) -> None:
    reference = Reference.parse(text)

    assert (reference.service, reference.id, reference.key) == (service, id, key)
    assert Reference.parse(str(reference)) == reference
    assert hash(Reference.parse(text)) == hash(reference)
    assert str(reference) in repr(reference)


# All characters that Secrets Manager names in its own error for a name; it creates `SERVICE!…` only for other services.
SECRET_NAMES = st.text(string.ascii_letters + string.digits + "-/_+=.@!", min_size=1, max_size=512)
PARAMETER_NAMES = st.text(string.ascii_letters + string.digits + "-/_.", min_size=1, max_size=1011)
PARTITIONS = st.sampled_from(["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc"])
REGIONS = st.sampled_from(["eu-central-1", "us-gov-east-1", "cn-north-1", "ap-southeast-7", "eusc-de-east-1"])


@given(SECRET_NAMES, PARAMETER_NAMES, PARTITIONS, REGIONS)
@example("rds!db-1234", "/aws/reference/secretsmanager/app", "aws", "eu-central-1")
@example("rds!cluster-1a2b3c4d-AbCdEf", "plain", "aws-us-gov", "us-gov-east-1")
@example("appflow!x", "/a", "aws-cn", "cn-north-1")
@example("events!connection/orders/1a2b", "/a", "aws", "eu-central-1")
@example("!", "/", "aws", "eu-central-1")
def test_every_name_of_aws_is_read(secret: str, parameter: str, partition: str, region: str) -> None:
    secret_arn = f"arn:{partition}:secretsmanager:{region}:123456789012:secret:{secret}"
    parameter_arn = f"arn:{partition}:ssm:{region}:123456789012:parameter/{parameter}"
    for text, service, id, own_region in (
        (secret, "secretsmanager", secret, None),
        (f"secretsmanager:{secret}", "secretsmanager", secret, None),
        (secret_arn, "secretsmanager", secret_arn, region),
        (f"ssm:{parameter}", "ssm", parameter, None),
        (parameter_arn, "ssm", parameter_arn, region),
    ):
        reference = Reference.parse(f"{text}#user.name")
        assert (reference.service, reference.id, reference.key, reference.region) == (
            service, id, "user.name", own_region,
        )  # fmt: skip
        assert Reference.parse(str(reference)) == reference


def test_versions_are_read() -> None:
    assert Reference.parse("prod/app?stage=AWSPENDING").stage == "AWSPENDING"
    assert Reference.parse("prod/app?version=a-b-c").version == "a-b-c"
    assert Reference.parse("ssm:/prod/app?version=3").version == "3"
    assert str(Reference.parse("ssm:/prod/app?version=3#x")) == "ssm:/prod/app?version=3#x"


def test_region_is_that_of_the_arn() -> None:
    assert Reference.parse(ARN).region == "eu-central-1"
    assert Reference.parse("prod/app").region is None


def test_references_to_one_secret_are_fetched_as_one() -> None:
    assert Reference.parse(f"{ARN}#user").stored == Reference.parse(f"{ARN}#password").stored
    assert Reference.parse(ARN).stored != Reference.parse(f"{ARN}?stage=AWSPENDING").stored


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("postgresql://app:pw@host/db", "not a valid reference"),
        ('{"password": "x"}', "not a valid reference"),
        ("two words", "not a valid reference"),
        ("", "not a valid reference"),
        ("vault:prod/app", "not a valid reference"),
        ("env:not-a-name", "name of a variable"),
        ("arn:aws:s3:::bucket", "of neither a secret"),
        ("prod/app#", "ends with a #"),
        ("prod/app?stag=AWSCURRENT", "neither stage= nor version="),
        ("ssm:/prod/app?stage=AWSCURRENT", "only Secrets Manager supports"),
        ("x" * 3000, "not a valid reference"),
        ("ssm:/prod/app:3", r"write \?version= instead"),
        ("ssm:/prod/app:blue", r"write \?version= instead"),
        (f"{PARAMETER_ARN}:3", r"write \?version= instead"),
        (f"{ARN}:password::", "write #KEY"),
        (f"{ARN}::AWSPREVIOUS:", "write #KEY"),
        (f"{ARN}:::a-b-c", "write #KEY"),
        ("arn:aws:ssm:eu-central-1:123456789012:document/x", "of neither a secret"),
        ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:", "of neither a secret"),
        ("ssm:a:b c", "not a valid reference"),
    ],
)
def test_invalid_reference_is_rejected(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Reference.parse(text)


@given(st.text(min_size=8, max_size=60))
def test_a_refused_reference_is_not_repeated(text: str) -> None:
    try:
        Reference.parse(text)
    except ValueError as error:
        assert text not in str(error)  # noqa: PT017 - most texts are refused, some are not
