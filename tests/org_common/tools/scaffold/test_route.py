import re

import pytest

from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import ScaffoldError
from org_common.tools.scaffold.route import SIGNED_IN, NewRoute, files


def test_usual_path_of_a_route() -> None:
    assert NewRoute.of("close_all").path == "/orgs/{org_id}/close-all"
    assert NewRoute.of("my_orgs", role=SIGNED_IN).path == "/my-orgs"


@pytest.mark.parametrize(
    ("name", "path", "role", "message"),
    [
        ("models", None, "org_user", "has a file or a class of that name"),
        ("app", None, "org_user", "has a file or a class of that name"),
        ("close", "/close", "org_user", "behind /orgs/{org_id}. For example: /orgs/{org_id}/close-all"),
        ("close", "/orgs/{org_id}/x/{id}", "org_user", "is not a path for this rule"),
        ("close", "/orgs/{org_id}/x", SIGNED_IN, "without parameters. For example: /close-all"),
        ("close", '/x"', SIGNED_IN, "is not a path for this rule"),
    ],
)
def test_route_that_cannot_be_written(name: str, path: str | None, role: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        NewRoute.of(name, "GET", path, role)


def test_writing_route_has_a_transaction_and_a_body(layout: Layout) -> None:
    text = files(layout, NewRoute.of("close_all", "POST"))["src/help_desk/close_all.py"]

    assert "def close_all(tx: Transaction, org_id: UUID, body: CloseAllRequest) -> CloseAll:" in text
