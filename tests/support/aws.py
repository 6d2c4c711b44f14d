"""The fake of AWS that the local server has, with what tests need in addition."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from org_common.tools.serve.fake_aws import REGION, start_fake_aws
from org_common.tools.serve.fake_aws import FakeAws as LocalAws

__all__ = ["REGION", "FakeAws", "fake_aws"]


class FakeAws(LocalAws):
    """A running fake that tests share."""

    def reset(self) -> None:
        """Forget everything, between two tests."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=10).close()


@contextmanager
def fake_aws() -> Iterator[FakeAws]:
    with start_fake_aws() as fake:
        yield FakeAws(fake.url)
