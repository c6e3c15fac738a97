import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robustkd.evaluations import EVALUATIONS
from robustkd.results.records import Check, Records
from robustkd.results.result import PartResult
from robustkd.results.storage import save_result

Build = Callable[..., Path]

IMAGES = 24


def members(names: Sequence[str], condition: str) -> pd.DataFrame:
    """A teacher, a baseline, and one student for each name, once each."""
    roles = {"teacher": "teacher", "baseline": "baseline", **dict.fromkeys(names, "student")}
    rows = [
        {
            "member": name,
            "role": role,
            "method": name,
            "architecture": "cifar_resnet8",
            "seed": 0,
            "condition": condition,
            "digest": f"{index:064x}",
        }
        for index, (name, role) in enumerate(roles.items())
    ]
    return pd.DataFrame(rows).astype({"seed": "Int64"})


def arrays_of(evaluation: str, networks: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    correct = random.random((networks, IMAGES)) < 0.7
    if evaluation == "generalization":
        return {"correct": correct, "nll": random.random((networks, IMAGES))}
    if evaluation == "selective":
        return {"correct": correct, "confidence": random.random((networks, IMAGES))}
    return {
        "agreed": random.random((networks, 2, IMAGES)) < 0.9,
        "kinds": np.array(["shift", "shift"]),
        "strengths": np.array([1.0, 2.0]),
        "shown": np.array(["unchanged", "shift 2"]),
        "shown_0": random.integers(0, 255, (2, 8, 8, 3), dtype=np.uint8),
        "shown_1": random.integers(0, 255, (2, 8, 8, 3), dtype=np.uint8),
    }


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Write a run of constructed results: any names of students, conditions and checks."""

    def write(
        students: Sequence[str] = ("hinton", "at"),
        conditions: Sequence[str] = ("clean",),
        evaluations: Sequence[str] = ("generalization", "selective", "invariance"),
        checks: Sequence[Check] = (),
        name: str = "a study",
    ) -> Path:
        run = tmp_path / "run"
        found = {condition: members(students, condition) for condition in conditions}
        for evaluation in evaluations:
            asked = EVALUATIONS[evaluation]()
            parts, frames = [], []
            for index, (condition, who) in enumerate(found.items()):
                records = Records(who, arrays_of(evaluation, len(who)), tuple(checks))
                part = PartResult(
                    f"{evaluation}-{index}", "0" * 64, condition, "cifar_resnet8", records, dict.fromkeys(who["member"])
                )
                records.save(run / "results" / f"{part.name}.npz")
                parts.append(part)
                frames.append(asked.summarise(records))
            save_result(evaluation, asked.settings(), parts, frames, run / "results")
        (run / "run.json").write_text(json.dumps(facts(name, evaluations, pd.concat(found.values()))))
        return run

    return write


def facts(name: str, evaluations: Sequence[str], who: pd.DataFrame) -> dict[str, object]:
    listed = [
        {**row, "seed": 0, "parameters": 78042, "normalisation": None, "notes": [], "lineage": None}
        for row in who.astype(object).to_dict("records")
    ]
    data = {"name": "cifar10", "test_images": IMAGES, "train_images": 96, "classes": 10}
    return {
        "name": name,
        "data": {**data, "limited": True, "digest": "d" * 64, "remarks": []},
        "members": listed,
        "evaluations": list(evaluations),
        "missing": {},
        "skipped": {},
        "seeds": [0],
        "versions": {"robustkd": "0.2"},
        "study": "name: a study\n",
        "finished": "2026-01-01 00:00 UTC",
        "device": "cpu",
        "precision": "float32",
        "selection": "the last epoch",
        "git": None,
    }
