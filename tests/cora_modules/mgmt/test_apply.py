"""What a change sends is asserted through the route in test_lambda_config.py; here, what happens when it fails."""

from typing import Any

import pytest

from cora_modules.mgmt.apply import Applier
from cora_modules.mgmt.models.lambda_config import Change
from tests.cora_modules.mgmt.test_plan import BERLIN, NOW, deployed, wanted


class Broken:
    """A client of which every call fails, as after the process lost its network."""

    def __getattr__(self, name: str) -> Any:
        from botocore.exceptions import EndpointConnectionError  # type: ignore[import-untyped]

        raise EndpointConnectionError(endpoint_url="https://lambda.test")


class Bug:
    """A client whose call fails in our own code."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@pytest.mark.parametrize("field", ["memoryMb", "provisioned", "schedule"])
def test_failure_of_aws_is_the_reason(field: str) -> None:
    applier = Applier(lambda service: Broken(), wanted(memory_mb=1024, schedule=BERLIN), deployed(), NOW)
    change = Change.model_validate({"function": "orders", "field": field, "before": "1", "after": "2"})

    failed = applier.apply(change)

    assert (failed.status, failed.field, failed.after) == ("failed", field, "2")
    assert "https://lambda.test" in (failed.reason or "")


def test_bug_is_no_failed_change() -> None:
    applier = Applier(lambda service: Bug(), wanted(memory_mb=1024), deployed(), NOW)

    with pytest.raises(AssertionError, match="update_function_configuration"):
        applier.apply(Change(function="orders", field="memoryMb"))
