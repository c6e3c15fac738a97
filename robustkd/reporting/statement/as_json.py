"""The distillation statement for programs: `statement.json`, whose form `schema.json` describes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from robustkd.reporting.report import Report
from robustkd.reporting.statement.content import LISTS, Line, StudentStatement

SCHEMA_VERSION = 1
"""Raised whenever a program that reads the file would have to change."""

_OF_DATA = ("name", "test_images", "train_images", "classes", "limited", "digest")
_OF_MEMBER = ("member", "role", "method", "architecture", "condition", "seed", "parameters", "source", "digest")


def statement_schema() -> dict[str, Any]:
    """Return the JSON Schema of `statement.json`."""
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
    return schema


def statement_json(report: Report) -> str:
    """Return the distillation statement of a report as JSON.

    Args:
        report: The report.

    Returns:
        Strict JSON in ASCII, as `statement_schema` describes it; a number that there is none of is null.
    """
    facts = report.provenance
    content = {
        "schema_version": SCHEMA_VERSION,
        "title": report.title,
        "finished": str(facts.get("finished", "")),
        "data": _chosen(facts.get("data", {}), _OF_DATA),
        "members": [_chosen(member, _OF_MEMBER) for member in facts.get("members", ())],
        "warnings": list(report.statement.warnings),
        "students": [_student(each) for each in report.statement.students],
        "failed_checks": [
            {"name": check.name, "member": check.member, "condition": check.condition, "detail": check.detail}
            for check in report.checks
            if not check.passed
        ],
        "missing": {str(name): str(why) for name, why in facts.get("missing", {}).items()},
        "not_evaluated": {str(name): str(why) for name, why in facts.get("skipped", {}).items()},
        "damaged": dict(report.damaged),
        "versions": {str(name): str(version) for name, version in facts.get("versions", {}).items()},
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _chosen(facts: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: facts.get(name) for name in names}


def _student(each: StudentStatement) -> dict[str, Any]:
    lists: dict[str, Any] = {name: [_line(line) for line in each.lines(name)] for name in LISTS}
    return {"student": each.student, "part": each.part, "verdict": each.verdict, **lists}


def _line(line: Line) -> dict[str, Any]:
    return {field.name: _or_null(getattr(line, field.name)) for field in fields(line)}


def _or_null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
