"""Waivers: comments on objects in the database that accept a finding, with a reason and until a date.

    comment on index shop.coupons_code_key is
      'org-common lint: allow unique-key-without-tenant until 2027-06-30: codes are printed on vouchers of all shops';

They are in the catalog, so they are found by URL too, without the migrations that wrote them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from org_common.tools.lint.catalog import Catalog
from org_common.tools.lint.finding import Finding

MARK = "org-common lint:"
_WAIVER = re.compile(r"allow (?P<rule>[a-z-]+) until (?P<until>\d{4}-\d{2}-\d{2}):(?P<reason>.*)")
EXAMPLE = f"{MARK} allow RULE until YYYY-MM-DD: REASON"

INVALID, EXPIRED, UNUSED = "waiver-invalid", "waiver-expired", "waiver-unused"


@dataclass(frozen=True)
class Waiver:
    """A comment that accepts the findings of one rule on one object, or on the objects of one table."""

    object: str
    """The object that has the comment."""
    rule: str
    until: datetime.date
    """The last day on which it holds."""
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether it accepts a finding."""
        return finding.rule == self.rule and self.object in (finding.object, finding.table)


def apply(
    catalog: Catalog, findings: Sequence[Finding], rules: Sequence[str], today: datetime.date
) -> tuple[list[Finding], list[tuple[Finding, Waiver]]]:
    """The findings that remain, with those about the waivers, and the ones that are waived, each with its waiver."""
    waivers: list[Waiver] = []
    about: list[Finding] = []
    for object, comment in comments(catalog).items():
        for line in comment.splitlines():
            if line.strip().startswith(MARK):
                parsed = _parse(object, line.strip().removeprefix(MARK).strip(), rules)
                (waivers if isinstance(parsed, Waiver) else about).append(parsed)  # type: ignore[arg-type]
    valid = [waiver for waiver in waivers if waiver.until >= today]
    covering = {finding: next((each for each in valid if each.covers(finding)), None) for finding in findings}
    about += [_expired(waiver) for waiver in waivers if waiver.until < today]
    about += [_unused(waiver) for waiver in valid if not any(map(waiver.covers, findings))]
    waived = [(finding, waiver) for finding, waiver in covering.items() if waiver is not None]
    return [*(finding for finding in findings if covering[finding] is None), *about], waived


def comments(catalog: Catalog) -> Mapping[str, str]:
    """The comments of all objects that findings name, by the object's name."""
    return {object: comment for object, comment in _comments(catalog) if comment}


def _comments(catalog: Catalog) -> Iterator[tuple[str, str | None]]:
    yield f"database {catalog.database}", catalog.database_comment
    for role in catalog.roles.values():
        yield role.label, role.comment
    for schema in catalog.schemas.values():
        yield schema.label, schema.comment
    for function in catalog.functions.values():
        yield function.label, function.comment
    for relation in catalog.relations.values():
        yield relation.label, relation.comment
        for column in relation.columns:
            yield f"column {column.name} of {relation.label}", column.comment
        for key in relation.keys:
            yield f"constraint {key.name} on {relation.label}", key.comment
        for index in relation.indexes:
            yield f"index {index.name}", index.comment
        for policy in relation.policies:
            yield f"policy {policy.name} on {relation.label}", policy.comment


def _parse(object: str, text: str, rules: Sequence[str]) -> Waiver | Finding:
    match = _WAIVER.fullmatch(text)
    if match is None:
        return _invalid(object, f"this waiver is not of the form {EXAMPLE}")
    rule, reason = match["rule"], match["reason"].strip()
    if rule not in rules:
        return _invalid(object, f"this waiver names {rule}, which is not a rule")
    if not reason:
        return _invalid(object, f"this waiver of {rule} gives no reason")
    try:
        until = datetime.date.fromisoformat(match["until"])
    except ValueError:
        return _invalid(object, f"{match['until']} is not a date")
    return Waiver(object, rule, until, reason)


def _invalid(object: str, message: str) -> Finding:
    return Finding(INVALID, "error", object, message, f"comment on … is '{EXAMPLE}'")


def _expired(waiver: Waiver) -> Finding:
    message = f"the waiver of {waiver.rule} held until {waiver.until}: {waiver.reason}"
    return Finding(EXPIRED, "error", waiver.object, message, "repair the fault, or extend the date after a review")


def _unused(waiver: Waiver) -> Finding:
    message = f"the waiver of {waiver.rule} accepts nothing: {waiver.reason}"
    return Finding(UNUSED, "warning", waiver.object, message, "remove it from the comment")
