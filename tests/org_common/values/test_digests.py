"""The digests are hashlib's, and come without OpenSSL."""

import hashlib
import subprocess
import sys

import pytest

from org_common.values.digests import blake2b, sha256


@pytest.mark.parametrize("data", [b"", b"a", bytes(range(256)) * 1000])
def test_digests_are_hashlibs(data: bytes) -> None:
    assert sha256(data).hexdigest() == hashlib.sha256(data).hexdigest()
    assert blake2b(data, digest_size=12).digest() == hashlib.blake2b(data, digest_size=12).digest()


def test_openssl_is_not_loaded() -> None:
    code = "import sys; import org_common.values.digests; print('_hashlib' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
