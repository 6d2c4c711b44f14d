import pytest

from org_common.tools.prove.kill import Kills
from org_common.tools.prove.page import page
from org_common.tools.prove.proof import Proof

pytestmark = pytest.mark.db


def test_page_is_self_contained_and_escapes(leaky_proof: Proof) -> None:
    html = page(leaky_proof, Kills())

    assert '<td class="bad">s!</td>' in html
    assert "set local role &quot;authenticated&quot;" in html
    assert "<script" not in html
    assert "http://" not in html
    assert "https://" not in html
