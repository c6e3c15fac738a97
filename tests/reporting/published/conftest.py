from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from robustkd.reporting.run import Run
from robustkd.reporting.trust import trust_in
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.tidy import tidy

SARFRAZ = {"epochs": 200, "batch_size": 128, "optimiser": "sgd", "learning_rate": 0.1, "schedule": "step"}

CIFAR10 = {"name": "cifar10", "train_images": 50_000, "test_images": 10_000, "classes": 10}


class RunOf(Protocol):
    """What builds a run of one part from the numbers of its networks."""

    def __call__(
        self,
        numbers: Mapping[str, Sequence[float]],
        *,
        student: str = "cifar_wrn_16_2",
        teacher: str = "cifar_wrn_40_2",
        condition: str = "clean",
        recipe: Mapping[str, Any] = SARFRAZ,
        data: Mapping[str, Any] = CIFAR10,
        options: Mapping[str, Mapping[str, Any]] = {},
        methods: Mapping[str, str] = {},
        entries: Mapping[str, Any] = {},
        gains: Mapping[str, tuple[float, float]] = {},
        checks: tuple[Check, ...] = (),
        measured: tuple[str, str] = ("generalization", "accuracy"),
        group: str = "",
    ) -> Run: ...


@pytest.fixture
def run_of(tmp_path: Path) -> RunOf:
    def build(
        numbers: Mapping[str, Sequence[float]],
        *,
        student: str = "cifar_wrn_16_2",
        teacher: str = "cifar_wrn_40_2",
        condition: str = "clean",
        recipe: Mapping[str, Any] = SARFRAZ,
        data: Mapping[str, Any] = CIFAR10,
        options: Mapping[str, Mapping[str, Any]] = {},
        methods: Mapping[str, str] = {},
        entries: Mapping[str, Any] = {},
        gains: Mapping[str, tuple[float, float]] = {},
        checks: tuple[Check, ...] = (),
        measured: tuple[str, str] = ("generalization", "accuracy"),
        group: str = "",
    ) -> Run:
        """A run with, for each name of a method, the number of each of its networks (one a seed), in percent."""
        evaluation, metric = measured
        part = {"group": group or student, "condition": condition, "metric": metric, "n": 10_000}
        own = {"member": "teacher", "role": "teacher", "method": "teacher", "architecture": teacher}
        rows: list[dict[str, Any]] = [{**part, **own, "level": "network", "value": 0.95}]
        members = [{**own, "condition": condition, "lineage": {"method": "baseline"}}]
        for name, values in numbers.items():
            who = {"role": "baseline" if name == "baseline" else "student", "method": name, "architecture": student}
            lineage = {"method": methods.get(name, name), "options": options.get(name, {})}
            for seed, value in enumerate(values):
                own = {**who, "member": f"{name}-{seed}", "seed": seed}
                ends = {"ci_low": value / 100 - 0.005, "ci_high": value / 100 + 0.005}
                rows.append({**part, **own, "level": "network", "value": value / 100, **ends, "n_seeds": 1})
                members.append({**own, "condition": condition, "lineage": lineage})
            if name in gains:
                ends = dict(zip(("ci_low", "ci_high"), gains[name], strict=True))
                rows.append({**part, **who, "member": name, "level": "method", "metric": f"{metric}_gain", **ends})
        study = {
            "training": dict(recipe),
            "students": [{"architecture": [student], "methods": {name: entries.get(name, {}) for name in numbers}}],
        }
        result = Result(evaluation, tidy(rows), checks, {"options": {}})
        provenance = {
            "name": "a run",
            "data": dict(data),
            "members": members,
            "study": yaml.safe_dump(study) if recipe else "members: []",
        }
        return Run(tmp_path, provenance, (result,), {evaluation: trust_in(result, [result])}, {})

    return build
