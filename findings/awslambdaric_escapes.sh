#!/usr/bin/env bash
# awslambdaric: whether a response is escaped, and so how large it is, depends on an environment variable.
#
# Lambda limits a response to 6 MB, and counts what the runtime client sends. Where `AWS_EXECUTION_ENV` names a managed
# runtime from Python 3.12 on, the client writes letters outside ASCII as UTF-8. For an older runtime, for one that its
# list does not have yet, and without the variable, it writes `\uXXXX`, whatever the version of Python is: 6 bytes
# instead of 2 for an accented letter, 12 instead of 4 for an emoji. A response that fits in one may be too large in the
# other. The change itself is https://github.com/aws/aws-lambda-python-runtime-interface-client/pull/88.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'awslambdaric==4.2.2'
cd "$folder"
venv/bin/python - <<'PYTHON'
import os
import sys
from importlib.metadata import version

from awslambdaric.lambda_runtime_marshaller import to_json

LETTERS = 1_000_000
EXPECTED = {
    None: 6,
    "AWS_Lambda_python3.11": 6,
    "AWS_Lambda_python3.12": 2,
    "AWS_Lambda_python3.13": 2,
    "AWS_Lambda_python3.14": 2,
    "AWS_Lambda_python3.99": 6,
}


def bytes_per_letter(runtime: str | None) -> int:
    os.environ.pop("AWS_EXECUTION_ENV", None)
    if runtime:
        os.environ["AWS_EXECUTION_ENV"] = runtime
    return len(to_json({"statusCode": 200, "body": "é" * LETTERS}).encode()) // LETTERS


print(f"Python {sys.version.split()[0]}, awslambdaric {version('awslambdaric')}")
found = {runtime: bytes_per_letter(runtime) for runtime in EXPECTED}
for runtime, size in found.items():
    print(f"AWS_EXECUTION_ENV={runtime or '(not set)':22} {size} bytes for each of {LETTERS:,} accented letters")

print("as expected" if found == EXPECTED else f"CHANGED: expected {EXPECTED}")
sys.exit(found != EXPECTED)
PYTHON
