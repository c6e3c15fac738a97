"""`run.json`: what a report needs of how the results were obtained."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from robustkd.errors import StudyError

RUN_FILE = "run.json"

TO_COME = "to_come"
"""The key in `RUN_FILE` of the evaluations that are not measured yet; absent when the study is finished."""


class _Facts(BaseModel):
    """Further entries may be there."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Data(_Facts):
    name: str
    test_images: int
    train_images: int | None
    classes: int
    limited: bool
    digest: str
    remarks: list[str]


class _Member(_Facts):
    member: str
    role: str
    method: str
    architecture: str
    condition: str
    seed: int | None
    parameters: int
    digest: str
    normalisation: str | None
    notes: list[str]


class _RunFile(_Facts):
    name: str
    data: _Data
    members: list[_Member]
    evaluations: list[str]
    missing: dict[str, str]
    skipped: dict[str, str]
    seeds: list[int]
    versions: dict[str, str]
    study: str
    finished: str
    device: str
    selection: str
    git: str | None
    precision: str | None


def read_run_file(run: Path) -> dict[str, Any]:
    """Read how the results of a run were obtained.

    Args:
        run: The run directory.

    Returns:
        The content of ``run.json``.

    Raises:
        StudyError: There is no such file, or its content is not what a run writes.
    """
    about = run / RUN_FILE
    if not about.is_file():
        raise StudyError(f"{run}: not a finished run (it has no {RUN_FILE})")
    try:
        content: dict[str, Any] = json.loads(about.read_text(encoding="utf-8"))
        _RunFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StudyError(_damaged(about, f"{place}: {first['msg']}" if place else first["msg"])) from error
    except (ValueError, RecursionError) as error:
        raise StudyError(_damaged(about, str(error))) from error
    return content


def to_come(path: Path) -> tuple[str, ...]:
    """Return the evaluations of a run that are not measured yet.

    Args:
        path: The run directory.

    Returns:
        Their names; empty if the study is finished, or nothing is known of it.
    """
    try:
        return tuple(json.loads((path / RUN_FILE).read_text(encoding="utf-8")).get(TO_COME, ()))
    except (OSError, ValueError, AttributeError):
        return ()


def _damaged(about: Path, reason: str) -> str:
    return f"{about}: damaged ({reason}); run the study again, which repeats only what is missing"
