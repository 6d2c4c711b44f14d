import pytest

from org_common.tools.prove.kill import Kills
from org_common.tools.prove.page import page
from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


def test_page_is_self_contained_and_escapes(proved: Prove) -> None:
    html = page(proved("alter table shop.orders disable row level security"), Kills())

    assert '<td class="bad">s!</td>' in html
    assert "set local role &quot;authenticated&quot;" in html
    assert "<script" not in html
    assert "http://" not in html
    assert "https://" not in html
