"""Calls of AWS APIs: clients, retries of throttled calls, and errors as text. The only user of botocore in sinks."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from org_common.lifecycle.fork import reset_in_child

Entry = TypeVar("Entry")

CONNECT_S, READ_S = 2.0, 10.0
# botocore's own attempts of a call that was throttled or got no response, with exponential backoff and jitter.
ATTEMPTS = 4
# Before another attempt with the entries of a batch that AWS could not accept at the moment.
PAUSES_S = (0.2, 0.8, 3.2)


class AwsError(Exception):
    """AWS refused a call, an entry of a batch, or could not be reached. `code` is AWS's error code, if it responded."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code: str = code


class Client:
    """A client of one service, created at its first call, and in a forked process again: sockets cannot be shared."""

    def __init__(self, service: str, region: str | None, endpoint_url: str | None) -> None:
        self._service, self._region, self._endpoint_url = service, region, endpoint_url
        self._lock = threading.Lock()
        self._client: Any = None
        reset_in_child(self.forget)

    def forget(self) -> None:
        """Drop the client and its connections."""
        self._lock = threading.Lock()
        self._client = None

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The response of one operation, named as in boto3. Raises `AwsError`."""
        try:
            from botocore.exceptions import (  # type: ignore[import-untyped]
                BotoCoreError,
                ClientError,
            )
        except ImportError:
            raise AwsError(
                "boto3 is not installed: Lambda's runtime contains it; elsewhere run `pip install 'org-common[aws]'`"
            ) from None
        try:
            response: dict[str, Any] = getattr(self._get(), operation)(**arguments)
        except ClientError as error:
            found = error.response.get("Error", {})
            raise AwsError(f"{found.get('Code')}: {found.get('Message')}", str(found.get("Code"))) from None
        except BotoCoreError as error:
            raise AwsError(f"{type(error).__name__}: {error}") from None
        return response

    def _get(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._create()
            return self._client

    def _create(self) -> Any:
        import botocore.config  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

        return botocore.session.Session().create_client(
            self._service,
            # botocore reads only AWS_DEFAULT_REGION; Lambda sets both.
            region_name=self._region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
            endpoint_url=self._endpoint_url,
            config=botocore.config.Config(
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            ),
        )


def send_all(
    entries: Sequence[Entry],
    send: Callable[[Sequence[Entry]], Sequence[tuple[Entry, Exception, bool]]],
    pauses_s: Sequence[float],
) -> dict[Entry, Exception]:
    """Send a batch, and its entries that failed temporarily again after each pause. Returns why the others failed.

    `send` returns the entries that failed, each with its error and whether the failure may be temporary.
    """
    failed: dict[Entry, Exception] = {}
    left: Sequence[Entry] = entries
    for pause_s in (*pauses_s, None):
        results = send(left)
        failed |= {entry: error for entry, error, temporary in results if not temporary or pause_s is None}
        left = [entry for entry, _, temporary in results if temporary]
        if not left or pause_s is None:
            break
        time.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 - jitter
    return failed
