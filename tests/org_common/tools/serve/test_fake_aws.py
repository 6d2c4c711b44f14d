"""The fake of AWS of the local server: queues and buckets on loopback, and no variable of the user's account."""

import socket
import subprocess
import sys
import threading
import time

import pytest

from org_common.tools.serve.fake_aws import REGION, start_fake_aws


def test_queue_and_bucket_work_and_end_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the user's own")
    with start_fake_aws() as fake:
        url = fake.client("sqs").create_queue(QueueName="ingest")["QueueUrl"]
        fake.client("s3").create_bucket(
            Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": fake.environ["AWS_REGION"]}
        )
        assert fake.client("s3").list_buckets()["Buckets"][0]["Name"] == "uploads"

    assert url == f"{fake.url}/123456789012/ingest"
    assert fake.url.startswith("http://127.0.0.1:")
    assert fake.environ["AWS_ACCESS_KEY_ID"] == "local"
    assert fake.environ["AWS_DEFAULT_REGION"] == REGION


def test_fake_ends_with_the_process_that_started_it() -> None:
    code = """
import os
from org_common.tools.serve.fake_aws import start_fake_aws
with start_fake_aws() as fake:
    print(fake.url.rpartition(":")[2], flush=True)
    os._exit(1)
"""
    port = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout)

    end_s = time.monotonic() + 60
    while is_open(port):
        assert time.monotonic() < end_s
        threading.Event().wait(0.02)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
