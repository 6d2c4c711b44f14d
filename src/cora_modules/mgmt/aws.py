"""Clients of AWS. They use botocore, which boto3 wraps and Lambda's runtime contains; the first call imports it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from org_common import Unavailable

PREFIX = "CORA_FUNCTION_PREFIX"
"""The environment variable with the prefix of the functions' names: `prod-` for `prod-access-orgs`."""
ATTEMPTS = 5
"""How often a call is sent, if it is throttled or AWS fails."""


def prefix() -> str:
    """The prefix of the functions' names."""
    return os.environ.get(PREFIX, "")


@lru_cache
def client(service: str) -> Any:
    """A client of a service. It sends throttled and failed calls again, with growing, jittered pauses."""
    import botocore.config  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    config = botocore.config.Config(connect_timeout=1, read_timeout=5, retries=retries)
    # botocore reads only AWS_DEFAULT_REGION; Lambda sets both.
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return botocore.session.Session().create_client(service, region_name=region, config=config)


def rejections(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """What a failed call raises, whether AWS rejects it or does not respond; and `more`."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    return BotoCoreError, ClientError, *more


@contextmanager
def aws_errors() -> Iterator[None]:
    """Raises `Unavailable` for a failed call; the log has AWS's reason, such as a permission that the role lacks."""
    try:
        yield
    except rejections() as error:
        detail = "AWS did not respond as expected. Try again in a moment."
        raise Unavailable(detail, code="aws_unavailable") from error
