"""A model card for each student, as the Hugging Face hub reads it: results for its index, then the statement."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from robustkd.reporting.escaping import fenced, markdown_text
from robustkd.reporting.file_names import file_name, unique_names
from robustkd.reporting.report import Report
from robustkd.reporting.statement.content import LISTS, StudentStatement
from robustkd.reporting.table import Cell, Column


def model_cards(report: Report) -> dict[str, str]:
    """Return a model card for each student.

    Args:
        report: The report.

    Returns:
        The cards by their place in the report's folder: ``MODEL_CARD.md`` for the only student, else
        ``model_cards/<student>.md``.
    """
    students = report.statement.students
    if len(students) == 1:
        return {"MODEL_CARD.md": model_card(report, students[0])}
    names = unique_names([file_name(_title(each)) for each in students])
    return {f"model_cards/{name}.md": model_card(report, each) for name, each in zip(names, students, strict=True)}


def model_card(report: Report, student: StudentStatement) -> str:
    """Return the model card of a student.

    Args:
        report: The report.
        student: The student's statement.

    Returns:
        Markdown with a front matter in YAML, both safe for any name.
    """
    front = yaml.safe_dump(_front_matter(report, student), sort_keys=False, allow_unicode=False, width=10**6)
    parts = [
        f"# {markdown_text(_title(student))}",
        markdown_text(student.verdict),
        *_lists(student),
        "## Training\n\n" + "\n".join(_training(report, student)),
        "## Limits\n\n" + "\n".join(_limits(report)),
        "## Reproduce\n\n" + _reproduction(report),
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(parts) + "\n"


def _title(student: StudentStatement) -> str:
    return f"{student.student} ({student.part})" if student.part else student.student


def _front_matter(report: Report, student: StudentStatement) -> dict[str, Any]:
    facts = report.provenance
    metrics = [_metric(column, cell) for column, cell in _scores(report, student)]
    name = str(facts["data"]["name"])
    dataset = {"name": name, "type": _on_hub(name) or file_name(name), "split": "test"}
    results = [{"task": {"type": "image-classification"}, "dataset": dataset, "metrics": metrics}] if metrics else []
    base = next((hub for teacher in _of_role(report, "teacher") if (hub := _on_hub(teacher.get("source")))), None)
    return {
        "library_name": "robustkd",
        "pipeline_tag": "image-classification",
        "tags": ["knowledge-distillation", "robustkd"],
        "datasets": [dataset["type"]],
        **({"base_model": base} if base else {}),
        **({"metrics": list(dict.fromkeys(metric["type"] for metric in metrics))} if metrics else {}),
        **({"model-index": [{"name": _title(student), "results": results}]} if results else {}),
    }


def _scores(report: Report, student: StudentStatement) -> Iterator[tuple[Column, Cell]]:
    """The numbers of a student in the first table, without those whose checks failed."""
    for table in report.summaries:
        if table.name != "overview" and table.title == student.part:
            cells = next((cells for label, cells in table.rows if label == student.student), ())
            for column, cell in zip(table.columns, cells, strict=False):
                if not cell.untrusted and math.isfinite(cell.value):
                    yield column, cell


def _metric(column: Column, cell: Cell) -> dict[str, Any]:
    args: dict[str, Any] = {"unit": column.unit, "seeds": cell.seeds}
    if math.isfinite(cell.low) and math.isfinite(cell.high):
        args["interval_95"] = [round(cell.low, 6), round(cell.high, 6)]
    name = column.head if not column.group else f"{column.group}: {column.head}"
    return {"type": _identifier(column.title), "value": round(cell.value, 6), "name": name, "args": args}


def _identifier(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "metric"


def _on_hub(source: Any) -> str | None:
    """The name of a data set or a network on the hub, without the options after it."""
    found = re.match(r"(?:hf:|hf-hub:)([\w.-]+/[\w.-]+)", str(source or ""))
    return found[1] if found else None


def _lists(student: StudentStatement) -> Iterator[str]:
    for name, heading in LISTS.items():
        lines = student.lines(name)
        said = "\n".join(f"- {markdown_text(line.text)}" for line in lines) or "Nothing that was measured."
        yield f"## {heading}\n\n{said}"


def _training(report: Report, student: StudentStatement) -> Iterator[str]:
    own = [member for member in _of_role(report, "student") if member["method"] == student.student]
    own = [member for member in own if _in_part(member, student.part)] or own
    for member in own:
        seed = "" if member.get("seed") is None else f", seed {member['seed']}"
        yield (
            f"- {markdown_text(str(member['member']))}: {markdown_text(str(member['architecture']))}{seed}, "
            f"{member.get('parameters') or 0:,} parameters, trained on {markdown_text(str(member['condition']))} data, "
            f"SHA-256 `{str(member['digest'])[:16]}`"
        )
    conditions = {member["condition"] for member in own}
    teachers = _of_role(report, "teacher")
    for teacher in [each for each in teachers if each["condition"] in conditions] or teachers:
        yield (
            f"- Teacher: {markdown_text(str(teacher['member']))}, {markdown_text(str(teacher['architecture']))}, "
            f"SHA-256 `{str(teacher['digest'])[:16]}`"
        )
    lineage: Mapping[str, Any] = (own[0].get("lineage") or {}) if own else {}
    for title, settings in (("Method", lineage.get("options")), ("Recipe", lineage.get("recipe"))):
        if settings:
            yield f"- {title}: " + ", ".join(markdown_text(f"{key} {value}") for key, value in settings.items())
    yield f"- Checkpoint: {markdown_text(str(report.provenance.get('selection', 'unknown')))}"


def _limits(report: Report) -> Iterator[str]:
    data = report.provenance["data"]
    sample = ", a sample of the data set" if data.get("limited") else ""
    yield f"- Tested on {data['test_images']:,} images of {markdown_text(str(data['name']))}{sample}."
    yield from (f"- {markdown_text(warning)}" for warning in report.statement.warnings)
    for check in report.checks:
        if not check.passed:
            yield f"- A validity check failed: {markdown_text(f'{check.name}: {check.detail}')}"


def _reproduction(report: Report) -> str:
    facts = report.provenance
    study = str(facts.get("study", ""))
    given = "members:" in study.splitlines()
    command = (
        "These checkpoints were given to `robustkd evaluate`; the settings were:"
        if given
        else "Save this study as `study.yaml`, then run `robustkd run study.yaml`:"
    )
    version = markdown_text(str(facts.get("versions", {}).get("robustkd", "")))
    return f"{command}\n\n{fenced(study)}\n\nMeasured with robustkd {version}, {facts.get('finished', '')}."


def _of_role(report: Report, role: str) -> list[Mapping[str, Any]]:
    return [member for member in report.provenance["members"] if member["role"] == role]


def _in_part(member: Mapping[str, Any], part: str) -> bool:
    """Whether a network belongs to a part of a study, whose title names its architecture, its condition, or both."""
    architecture, condition = str(member["architecture"]), str(member["condition"])
    return part in ("", architecture, condition, f"{architecture}, {condition}")
