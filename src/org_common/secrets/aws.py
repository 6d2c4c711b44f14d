"""Fetches secrets from Secrets Manager and Parameter Store. The only user of botocore, imported on the first fetch."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from org_common.lifecycle.timeout import run_with_timeout
from org_common.secrets.counters import SecretCounters
from org_common.secrets.source import AWS_PAUSES_S, Failed, Refused, retry
from org_common.values.secret import Reference, Secret

CONNECT_S, READ_S = 1.0, 2.0
# Error codes of temporary failures. All others are final.
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
_REMEDIES = {
    "AccessDeniedException": "allow the function's role {action} on it, and kms:Decrypt if it has its own KMS key",
    "ResourceNotFoundException": "no secret has this name (and stage) in this region and account",
    "ParameterNotFound": "no parameter has this name in this region and account",
    "ParameterVersionNotFound": "the parameter has no such version",
    "DecryptionFailure": "allow the function's role kms:Decrypt on its key",
    "InvalidRequestException": "the secret is scheduled for deletion, or has no value yet",
}


class Aws:
    """The AWS API: used without the extension, when the extension fails, and when the value must not be cached."""

    name = "aws"

    def __init__(self, counters: SecretCounters) -> None:
        self._counters = counters
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str | None], Any] = {}

    def serves(self, reference: Reference) -> bool:
        """True: its APIs have every secret, of each region."""
        return True

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        """The stored secret; `Refused` or `Failed`. Temporary failures are retried until `deadline_s`."""

        def attempt() -> Secret:
            return _with_timeout(lambda: _get(self.client(reference.service, reference.region), reference), deadline_s)

        return retry(attempt, AWS_PAUSES_S, self._counters, deadline_s)

    def token(self, host: str, port: int, user: str, deadline_s: float) -> Secret:
        """An RDS token to use as the user's password, signed locally; `Refused` or `Failed`."""
        arguments = {"DBHostname": host, "Port": port, "DBUsername": user}
        return _with_timeout(lambda: Secret(_call(self.client("rds").generate_db_auth_token, arguments)), deadline_s)

    def client(self, service: str, region: str | None = None) -> Any:
        """A client with short timeouts and no retries of its own; `Refused` without botocore, region or credentials."""
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._create_client(service, region)
            return client

    def forget(self) -> None:
        """Drop the clients and their connections."""
        self._lock = threading.Lock()
        self._session, self._clients = None, {}

    def _create_client(self, service: str, region: str | None) -> Any:
        try:
            import botocore.config  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
            import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
            from botocore.exceptions import (  # type: ignore[import-untyped]
                BotoCoreError,
                CredentialRetrievalError,
            )
        except ImportError:
            raise Refused(
                "boto3 is not installed: Lambda's runtime contains it; elsewhere run `pip install 'org-common[aws]'`"
            ) from None
        if self._session is None:
            self._session = botocore.session.Session()
        config = botocore.config.Config(
            connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": 1}
        )
        # botocore reads only AWS_DEFAULT_REGION; Lambda sets both.
        region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        try:
            return self._session.create_client(service, region_name=region, config=config)
        except CredentialRetrievalError as error:
            # The endpoint that provides the credentials of a task or a machine does not respond.
            raise Failed(f"no credentials: {type(error).__name__}") from None
        except BotoCoreError as error:
            raise Refused(f"{error} Set AWS_REGION, or use the secret's ARN") from None


def _with_timeout(attempt: Callable[[], Secret], deadline_s: float) -> Secret:
    """Limits the complete call: botocore's timeouts are per client, and fetching credentials has its own."""
    try:
        return run_with_timeout(attempt, deadline_s)
    except TimeoutError:
        raise Failed("AWS did not respond in time") from None


def _get(client: Any, reference: Reference) -> Secret:
    if reference.service == "ssm":
        name = f"{reference.id}:{reference.version}" if reference.version else reference.id
        response = _call(client.get_parameter, {"Name": name, "WithDecryption": True}, reference)
        return Secret(response["Parameter"]["Value"])
    version = {"VersionStage": reference.stage, "VersionId": reference.version}
    arguments = {"SecretId": reference.id, **{key: value for key, value in version.items() if value}}
    response = _call(client.get_secret_value, arguments, reference)
    if "SecretString" not in response:
        raise Refused(f"{reference} is binary: store it as a string")
    return Secret(response["SecretString"])


def _call(method: Callable[..., Any], arguments: dict[str, Any], reference: Reference | None = None) -> Any:
    """Call botocore, and translate its errors to `Refused` and `Failed`. `reference` is None for a local call."""
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
        BotoCoreError,
        ClientError,
        NoCredentialsError,
    )

    try:
        return method(**arguments)
    except ClientError as error:
        raise _secret_error(error, reference) from None
    except NoCredentialsError:
        remedy = "" if reference is None else ": on your own machine, use a reference env:NAME"
        raise Refused(f"there are no AWS credentials{remedy}") from None
    except BotoCoreError as error:
        raise Failed(f"AWS: {type(error).__name__}") from None


def _secret_error(error: Any, reference: Reference | None) -> Refused | Failed:
    code = str(error.response.get("Error", {}).get("Code"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in TEMPORARY or status >= 500 or status == 429:
        return Failed(f"AWS responded {code or status}")
    action = "ssm:GetParameter" if reference and reference.service == "ssm" else "secretsmanager:GetSecretValue"
    remedy = _REMEDIES.get(code)
    return Refused(f"AWS responded {code}" + (f": {remedy.format(action=action)}" if remedy else ""))
