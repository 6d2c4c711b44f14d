#!/usr/bin/env bash
# moto: a FIFO queue forgets a deduplication id as soon as its message is deleted.
#
# SQS keeps a deduplication id for five minutes, deleted or not: "if a message with a particular message deduplication ID
# is sent successfully, any messages sent with the same ID are accepted but not delivered during the 5-minute interval"
# (SQS developer guide, "Exactly-once processing"). With moto the second message is delivered, so a test of a sender that
# retries after a crash counts duplicates that AWS would have dropped.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[sqs]==5.2.5' 'boto3>=1.40'
cd "$folder"
env AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=eu-central-1 venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import boto3
from moto import mock_aws

print(f"Python {sys.version.split()[0]}, moto {version('moto')}, boto3 {version('boto3')}")


def receive(sqs, queue: str) -> list[dict[str, str]]:
    return sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])


@mock_aws
def delivered(*, delete_first: bool) -> int:
    """How many of two messages with one deduplication id are delivered."""
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    count = 0
    for _ in range(2):
        sqs.send_message(QueueUrl=queue, MessageBody="{}", MessageGroupId="a", MessageDeduplicationId="1")
        for message in receive(sqs, queue) if delete_first else []:
            count += 1
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return count + len(receive(sqs, queue))


found = {
    "delivered of two, if the first is deleted before the second is sent": delivered(delete_first=True),
    "delivered of two, if it is not": delivered(delete_first=False),
}
for what, value in found.items():
    print(f"{what}: {value}")

expected = [2, 1]
print("as expected" if list(found.values()) == expected else f"CHANGED: expected {expected}")
sys.exit(list(found.values()) != expected)
PYTHON
