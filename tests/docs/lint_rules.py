"""The rules of `org-common db lint` as the reference has them: `python -m tests.docs.lint_rules` writes them there."""

from pathlib import Path

from org_common.tools.lint.finding import Rule
from org_common.tools.lint.registry import RULES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lint.md"
START = "<!-- Written by tests/docs/lint_rules.py from the code. -->\n"
END = "<!-- The end of what is written from the code. -->\n"


def rules() -> str:
    """The sections of all rules."""
    return "\n".join(_section(rule) for rule in RULES)


def _section(rule: Rule) -> str:
    covers = f" It covers splinter's {', '.join(rule.splinter)}." if rule.splinter else ""
    return f"### `{rule.id}`\n\n**{rule.title}** ({rule.severity}). {rule.why}{covers}\n\nFix: {rule.fix}\n"


def main() -> None:
    before, rest = PAGE.read_text().split(START)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{START}\n{rules()}\n{END}{after}")


if __name__ == "__main__":
    main()
