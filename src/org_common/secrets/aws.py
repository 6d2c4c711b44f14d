"""Secrets Manager and Parameter Store themselves. The only home of botocore, which is imported when it is reached."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from org_common.lifecycle.timeout import run_with_timeout
from org_common.secrets.counters import Counters
from org_common.secrets.source import FAR_PAUSES_S, Failed, Refused, again
from org_common.values.secret import Reference, Secret

CONNECT_S, READ_S = 1.0, 2.0
# What the store says when it cannot now. All else that it says is final.
TEMPORARY = frozenset(
    {
        "InternalFailure",
        "InternalServiceError",
        "InternalServerError",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_MENDS = {
    "AccessDeniedException": "allow the function's role {action} on it, and kms:Decrypt if it has a key of its own",
    "ResourceNotFoundException": "there is none of this name (and stage) in this region and account",
    "ParameterNotFound": "there is none of this name in this region and account",
    "ParameterVersionNotFound": "there is no such version of it",
    "DecryptionFailure": "allow the function's role kms:Decrypt on its key",
    "InvalidRequestException": "it is marked as deleted, or has no value yet",
}


class Aws:
    """Asked where there is no extension, where that one has failed, and where an answer must not be a cached one."""

    name = "aws"

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str | None], Any] = {}

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        def attempt() -> Secret:
            return _in_time(lambda: _ask(self.client(reference.service, reference.region), reference), deadline_s)

        return again(attempt, FAR_PAUSES_S, self._counters, deadline_s)

    def token(self, host: str, port: int, user: str, deadline_s: float) -> Secret:
        """What RDS takes for the user's password, signed here; `Refused` or `Failed`."""
        asked = {"DBHostname": host, "Port": port, "DBUsername": user}
        return _in_time(lambda: Secret(_called(self.client("rds").generate_db_auth_token, asked)), deadline_s)

    def client(self, service: str, region: str | None = None) -> Any:
        """A client with short timeouts and without retries of its own; `Refused` without botocore, region or login."""
        with self._lock:
            found = self._clients.get((service, region))
            if found is None:
                found = self._clients[service, region] = self._made(service, region)
            return found

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._session, self._clients = None, {}

    def _made(self, service: str, region: str | None) -> Any:
        try:
            import botocore.config  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
            import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
            from botocore.exceptions import (  # type: ignore[import-untyped]
                BotoCoreError,
                CredentialRetrievalError,
            )
        except ImportError:
            raise Refused(
                "there is no boto3 here: it is part of Lambda's runtime, elsewhere `pip install 'org-common[aws]'`"
            ) from None
        if self._session is None:
            self._session = botocore.session.Session()
        config = botocore.config.Config(
            connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": 1}
        )
        # botocore itself knows only the second of these; Lambda sets both.
        region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        try:
            return self._session.create_client(service, region_name=region, config=config)
        except CredentialRetrievalError as error:
            # Whoever gives them to a task or a machine does not answer.
            raise Failed(f"the credentials: {type(error).__name__}") from None
        except BotoCoreError as error:
            raise Refused(f"{error} Set AWS_REGION, or name the secret by its ARN") from None


def _in_time(attempt: Callable[[], Secret], deadline_s: float) -> Secret:
    """Botocore's timeouts are its client's and not those of a call, and whoever gives credentials has his own."""
    try:
        return run_with_timeout(attempt, deadline_s)
    except TimeoutError:
        raise Failed("the store: no answer in time") from None


def _ask(client: Any, reference: Reference) -> Secret:
    if reference.service == "ssm":
        name = f"{reference.id}:{reference.version}" if reference.version else reference.id
        answer = _called(client.get_parameter, {"Name": name, "WithDecryption": True}, reference)
        return Secret(answer["Parameter"]["Value"])
    which = {"VersionStage": reference.stage, "VersionId": reference.version}
    asked = {"SecretId": reference.id, **{key: value for key, value in which.items() if value}}
    answer = _called(client.get_secret_value, asked, reference)
    if "SecretString" not in answer:
        raise Refused(f"{reference} is binary: store a text")
    return Secret(answer["SecretString"])


def _called(method: Callable[..., Any], asked: dict[str, Any], reference: Reference | None = None) -> Any:
    """What botocore answers; `Refused` or `Failed` for whatever it raises. Without `reference` it asks nobody."""
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
        BotoCoreError,
        ClientError,
        NoCredentialsError,
    )

    try:
        return method(**asked)
    except ClientError as error:
        raise _told(error, reference) from None
    except NoCredentialsError:
        mend = "" if reference is None else ": on a machine of yours, refer to env:NAME"
        raise Refused(f"there are no AWS credentials here{mend}") from None
    except BotoCoreError as error:
        raise Failed(f"the store: {type(error).__name__}") from None


def _told(error: Any, reference: Reference | None) -> Refused | Failed:
    code = str(error.response.get("Error", {}).get("Code"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in TEMPORARY or status >= 500 or status == 429:
        return Failed(f"the store said {code or status}")
    action = "ssm:GetParameter" if reference and reference.service == "ssm" else "secretsmanager:GetSecretValue"
    mend = _MENDS.get(code)
    return Refused(f"the store said {code}" + (f": {mend.format(action=action)}" if mend else ""))
