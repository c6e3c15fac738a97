import json

import jsonschema

from robustkd.reporting.report import Report
from robustkd.reporting.statement.as_json import statement_json, statement_schema


def test_the_statement_is_what_the_schema_describes(report: Report) -> None:
    validator = jsonschema.Draft202012Validator
    validator.check_schema(statement_schema())

    validator(statement_schema()).validate(json.loads(statement_json(report)))


def test_every_field_of_the_schema_is_explained() -> None:
    def unexplained(part: object, place: str) -> list[str]:
        if not isinstance(part, dict):
            return []
        own = part.get("properties", {})
        lacking = [f"{place}.{name}" for name, each in own.items() if "description" not in each]
        inner = [found for name, each in part.items() for found in unexplained(each, f"{place}.{name}")]
        return lacking + inner

    assert unexplained(statement_schema(), "") == []


def test_a_line_has_its_numbers_and_null_for_those_that_there_are_none_of(report: Report) -> None:
    content = json.loads(statement_json(report))

    [line] = content["students"][0]["retained"]
    assert line["difference"] == 0.012
    assert (line["ci_low"], line["ci_high"]) == (0.002, 0.022)
    assert line["significant"] is True
    assert line["teacher"] is None
    assert content["students"][0]["not_known"][0]["value"] is None


def test_what_restricts_the_statement_is_in_it(report: Report) -> None:
    content = json.loads(statement_json(report))

    assert content["warnings"] == ["There is one seed.", "Each method was trained once."]
    assert [check["name"] for check in content["failed_checks"]] == ["attack works"]
    assert content["not_evaluated"] == {"minority": "needs classes of different sizes"}
    assert content["damaged"] == {"selective": "damaged (EOF)"}
    assert content["data"]["limited"] is True
    assert content["members"][0]["digest"] == "ab" * 32
