import botocore.exceptions  # type: ignore[import-untyped]
import pytest

from cora_modules.mgmt import aws
from org_common import Unavailable


def test_prefix_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(aws.PREFIX, raising=False)
    assert aws.prefix() == ""
    monkeypatch.setenv(aws.PREFIX, "prod-")
    assert aws.prefix() == "prod-"


def test_error_of_aws_is_unavailable_and_its_reason_goes_to_the_log() -> None:
    reason = botocore.exceptions.ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListFunctions")

    with pytest.raises(Unavailable) as caught, aws.aws_errors():
        raise reason

    assert (caught.value.code, caught.value.__cause__) == ("aws_unavailable", reason)
    assert "AccessDenied" not in caught.value.detail


def test_other_error_passes() -> None:
    with pytest.raises(KeyError), aws.aws_errors():
        raise KeyError


def test_clients_are_shared(unreachable_cloud: None) -> None:
    assert aws.client("lambda") is aws.client("lambda")
    assert aws.client("lambda") is not aws.client("logs")
