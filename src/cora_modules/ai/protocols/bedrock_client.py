"""Clients of Bedrock and what they raise. The one user of botocore in module ai."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from org_common import Deadline

from cora_modules.ai.provider import ErrorKind, ProviderError

CONNECT_S = 5.0
GAPS_S = (60, 30, 15, 8, 4, 2, 1)
"""How long Bedrock may send nothing: the largest of these that is not more than the time left.

botocore's timeout belongs to the client, so there is a client for each.
"""
# Codes of errors, case-folded and without their suffix: those in streams begin with a lower-case letter.
_KINDS: dict[str, ErrorKind] = {
    "throttling": "throttled",
    "toomanyrequests": "throttled",
    "servicequotaexceeded": "throttled",
    "modelnotready": "unavailable",
    "serviceunavailable": "unavailable",
    "internalserver": "unavailable",
    "internalfailure": "unavailable",
    "modelstreamerror": "unavailable",
    "modelerror": "unavailable",
    "modeltimeout": "timeout",
}


def connect(service: str, region: str | None, endpoint_url: str | None, deadline: Deadline) -> Any:
    """A client of `bedrock` or `bedrock-runtime`, whose timeout is not after the deadline."""
    left_s = deadline.left_s()
    gap_s = next((gap_s for gap_s in GAPS_S if gap_s <= left_s), GAPS_S[-1])
    return _client(service, region, endpoint_url, gap_s)


def reset() -> None:
    """Forget all clients. For tests."""
    _client.cache_clear()


@lru_cache
def _client(service: str, region: str | None, endpoint_url: str | None, gap_s: float) -> Any:
    import botocore.config  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    # The attempts are ours: `max_attempts: 1` would be two.
    config = botocore.config.Config(
        connect_timeout=CONNECT_S, read_timeout=gap_s, retries={"mode": "standard", "total_max_attempts": 1}
    )
    return botocore.session.Session().create_client(
        service,
        # botocore reads only AWS_DEFAULT_REGION; Lambda sets both.
        region_name=region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        endpoint_url=endpoint_url,
        config=config,
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turns what botocore and urllib3 raise into a ProviderError. A stream raises errors of both."""
    import urllib3.exceptions
    from botocore.eventstream import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        ParserError,
    )
    from botocore.exceptions import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        HTTPClientError,
        ReadTimeoutError,
    )
    from botocore.parsers import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        ResponseParserError,
    )

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise ProviderError(_kind_of(code, status), f"Bedrock responded {status} {code[:64]}") from error
    except (ReadTimeoutError, ConnectTimeoutError, urllib3.exceptions.TimeoutError) as error:
        raise ProviderError("timeout", f"Bedrock sent nothing for too long: {type(error).__name__}") from error
    except ParserError as error:
        raise ProviderError("invalid_response", f"a frame of the stream is damaged: {type(error).__name__}") from error
    except (urllib3.exceptions.HTTPError, ConnectionError) as error:
        raise ProviderError("cut", f"the connection was closed: {type(error).__name__}") from error
    except (EndpointConnectionError, HTTPClientError) as error:
        raise ProviderError("unavailable", f"no connection to Bedrock: {type(error).__name__}") from error
    except (ResponseParserError, ValueError, TypeError, AttributeError, KeyError) as error:
        # botocore's parser does not expect other JSON than AWS's.
        raise ProviderError("invalid_response", f"the answer has an unknown form: {type(error).__name__}") from error
    except BotoCoreError as error:
        # Such as missing credentials or a missing region.
        raise ProviderError("refused", f"the call cannot be made: {type(error).__name__}") from error


def _kind_of(code: str, status: int) -> ErrorKind:
    kind = _KINDS.get(code.casefold().removesuffix("exception"))
    if kind is not None:
        return kind
    # An error of a stream has no status, and one that botocore does not know has no code either.
    return "throttled" if status == 429 else "unavailable" if status >= 500 or not code else "refused"
