"""The ids of findings, and the page that documents them."""

import re
from pathlib import Path

from org_common.tools.doctor.finding import LEVELS, Finding

PAGE = (Path(__file__).parents[4] / "docs" / "operations" / "doctor.md").read_text()


def test_level_comes_with_the_id() -> None:
    finding = Finding("role.lacks", "orders", "reason", "fix")

    assert finding.level == "fault"
    assert finding.as_dict() == {
        "id": "role.lacks",
        "level": "fault",
        "subject": "orders",
        "reason": "reason",
        "fix": "fix",
    }


def test_page_has_every_id_with_its_level() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (fault|warning) \|", PAGE, re.MULTILINE)

    assert dict(rows) == LEVELS


def test_every_id_is_used_by_a_check() -> None:
    sources = Path(__file__).parents[4] / "src" / "org_common" / "tools" / "doctor"
    texts = "".join(path.read_text() for path in sources.glob("*.py") if path.name != "finding.py")

    assert [id for id in LEVELS if f'"{id}"' not in texts] == []
