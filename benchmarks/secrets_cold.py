"""Reading a secret in a fresh process: from the extension, and with boto3 by hand, both on loopback."""

import json
import os
import sys
import time
from pathlib import Path

import harness

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.extension import FakeExtension
from tests.support.store import FakeStore

PROCESSES = 11
NAME = "prod/app"
WAYS = {
    "the extension": "from org_common import get_secret; get_secret('prod/app').reveal()",
    "boto3": "import boto3; boto3.client('secretsmanager').get_secret_value(SecretId='prod/app')['SecretString']",
    "org_common without an extension": "from org_common import get_secret; get_secret('prod/app').reveal()",
}
PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"


def child(way: str) -> None:
    if way != "the extension":
        del os.environ[PORT]
    # A handler that uses JSON and a database has already loaded these.
    import orjson  # noqa: F401
    import psycopg  # noqa: F401

    start = time.perf_counter()
    exec(WAYS[way])  # noqa: S102 - one of the three constants above
    print(json.dumps(time.perf_counter() - start))


def main() -> None:
    with FakeExtension() as extension, FakeStore() as store:
        extension.secrets[NAME] = store.secrets[NAME] = "of the benchmark"
        environ = {**extension.environ, **store.environ, "AWS_DEFAULT_REGION": store.environ["AWS_REGION"]}
        os.environ |= environ
        times: dict[str, list[float]] = {name: [] for name in WAYS}
        # The first run of each only writes bytecode.
        for index in range(-1, PROCESSES):
            for name, took in times.items():
                seconds = json.loads(harness.run([sys.executable, __file__, "child", name]))
                if index >= 0:
                    took.append(seconds)
    harness.report(
        "Reading a secret in a fresh process",
        [times],
        [
            harness.Ratio("the extension / boto3", "the extension", "boto3", 0.05),
            harness.Ratio("ours with botocore / boto3", "org_common without an extension", "boto3", 1.1),
        ],
    )


if __name__ == "__main__":
    child(sys.argv[2]) if "child" in sys.argv else main()
