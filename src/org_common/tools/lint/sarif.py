"""A report in SARIF 2.1.0, which code scanning of GitHub and others show next to the code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from org_common.tools.lint.finding import Finding, Rule
from org_common.tools.lint.report import Report
from org_common.tools.lint.sources import Place, Sources

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# A file that each project has. GitHub refuses a result without a file, and a role has none.
ANY_FILE = Place("pyproject.toml", 1)


def document(report: Report, rules: Mapping[str, Rule], sources: Sources, version: str) -> dict[str, Any]:
    """The SARIF log. `version` is that of org-common."""
    used = sorted({*rules, *(finding.rule for finding in report.findings)})
    driver = {
        "name": "org-common db lint",
        "version": version,
        "rules": [_descriptor(id, rules.get(id)) for id in used],
    }
    waived = [(finding, waiver.reason) for finding, waiver in report.waived]
    results = [_result(finding, used, sources, None) for finding in report.findings]
    results += [_result(finding, used, sources, reason) for finding, reason in waived]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _descriptor(id: str, rule: Rule | None) -> dict[str, Any]:
    if rule is None:
        return {"id": id, "shortDescription": {"text": "A waiver that does not hold"}}
    return {
        "id": id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": ["security"]},
    }


def _result(finding: Finding, rules: list[str], sources: Sources, waived: str | None) -> dict[str, Any]:
    file, line = sources.find(finding.object) or ANY_FILE
    location = {"artifactLocation": {"uri": file}, "region": {"startLine": line}}
    # The same finding at another line is the same alert.
    identity = hashlib.sha256(f"{finding.rule}\n{finding.object}\n{finding.message}".encode()).hexdigest()
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": finding.severity,
        "message": {"text": f"{finding.object}: {finding.message}. Fix: {finding.fix}"},
        "locations": [
            {"physicalLocation": location, "logicalLocations": [{"fullyQualifiedName": finding.object}]},
        ],
        "partialFingerprints": {"orgCommonLint/v1": identity},
    }
    return result | ({"suppressions": [{"kind": "external", "justification": waived}]} if waived else {})
