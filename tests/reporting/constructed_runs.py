"""Small runs whose numbers are written by hand, and their files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.results.records import Check, Records
from robustkd.results.result import PartResult
from robustkd.results.storage import save_result
from robustkd.results.tidy import tidy

ROLES = {"teacher": "teacher", "baseline": "baseline"}


def method(
    name: str, metric: str, value: float, low: float = np.nan, high: float = np.nan, **more: Any
) -> dict[str, Any]:
    """A row of a method; its role follows from its name."""
    row = {"level": "method", "member": name, "method": name, "role": ROLES.get(name, "student")}
    row |= {"architecture": "net", "condition": "clean", "metric": metric, "n_seeds": 1}
    return row | {"value": value, "ci_low": low, "ci_high": high} | more


def network(name: str, metric: str, value: float, seed: int = 0, **more: Any) -> dict[str, Any]:
    """A row of one network of a method."""
    return method(name, metric, value) | {"level": "network", "member": f"{name}-{seed}", "seed": seed} | more


def members_of(names: Iterable[str], condition: str = "clean") -> pd.DataFrame:
    rows = [
        {"member": f"{name}-0", "role": ROLES.get(name, "student"), "method": name, "architecture": "net", "seed": 0}
        for name in names
    ]
    return pd.DataFrame(rows).assign(condition=condition, digest="").astype({"seed": "Int64"})


def write_result(
    run: Path,
    evaluation: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    checks: tuple[Check, ...] = (),
    arrays: Mapping[str, np.ndarray] | None = None,
    settings: Mapping[str, Any] | None = None,
    condition: str = "clean",
) -> None:
    """Write the results of an evaluation; the members of its records are the methods in order of their rows."""
    members = members_of(dict.fromkeys(row["method"] for row in rows), condition)
    records = Records(members, dict(arrays or {}), checks)
    records.save(run / "results" / f"{evaluation}.npz", "key")
    part = PartResult(evaluation, "key", condition, "", records, {})
    about = EVALUATIONS[evaluation]().settings() | dict(settings or {})
    save_result(evaluation, about, [part], [tidy([dict(row) for row in rows])], run / "results")


MEMBER = {
    "member": "kd-0",
    "role": "student",
    "method": "kd",
    "architecture": "net",
    "condition": "clean",
    "seed": 0,
    "parameters": 100,
    "digest": "abc",
    "normalisation": None,
    "notes": [],
}
"""What ``run.json`` says of a network."""


def write_facts(run: Path, name: str, evaluations: Sequence[str], **more: Any) -> Path:
    """Write ``run.json``."""
    facts = {
        "name": name,
        "study": f"name: {name}\n",
        "evaluations": list(evaluations),
        "members": [],
        "seeds": [0],
        "data": {
            "name": "digits",
            "digest": "d1",
            "train_images": 100,
            "test_images": 100,
            "classes": 10,
            "limited": False,
            "remarks": [],
        },
        "device": "cpu",
        "precision": "float32",
        "versions": {"robustkd": "1.0"},
        "selection": "the last epoch",
        "git": None,
        "finished": "2026-01-01 00:00 UTC",
        "missing": {},
        "skipped": {},
    }
    facts |= more | {"data": facts["data"] | dict(more.get("data", {}))}
    facts["members"] = [MEMBER | member for member in facts["members"]]
    run.mkdir(parents=True, exist_ok=True)
    (run / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return run


def write_run(run: Path, rows: Sequence[Mapping[str, Any]], *, name: str = "study", **more: Any) -> Path:
    """Write a run of the evaluation ``generalization``; further values are those of `write_result` or of run.json."""
    of_result = {key: more.pop(key) for key in ("checks", "arrays", "settings", "condition") if key in more}
    write_result(run, "generalization", rows, **of_result)
    return write_facts(run, name, more.pop("evaluations", ["generalization"]), **more)
