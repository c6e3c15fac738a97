"""All evaluations of a run: measured part by part, recorded, and reported."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from robustkd.atomic import remove_partials, write_text
from robustkd.data import Clean, Condition, Dataset
from robustkd.errors import ModelError, StorageError, printable
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.models import ModelPool
from robustkd.reporting import build_report
from robustkd.reporting.run_file import RUN_FILE, TO_COME
from robustkd.reporting.trust import trust_in
from robustkd.results.predictions import PredictionCache
from robustkd.results.result import PartResult, Result
from robustkd.studies.evaluated import Evaluated
from robustkd.studies.measuring import collect, measure
from robustkd.studies.provenance import provenance
from robustkd.validity.admission import Admitted, admit, without_gradients

LONGEST_NAME = 150
"""The characters of the longest name of a part, which is that of a file."""


@dataclass(frozen=True, eq=False)
class EvaluatedPart:
    """Networks that are evaluated together.

    Attributes:
        pool: The networks.
        condition: The condition of their training set.
        architecture: The architecture of the students; names the part where a study has several.
    """

    pool: ModelPool
    condition: Condition = field(default_factory=Clean)
    architecture: str = ""


def evaluate_parts(
    parts: Sequence[EvaluatedPart],
    data: Dataset,
    options: Mapping[str, Any],
    run: Path,
    device: torch.device,
    about: Mapping[str, Any],
    *,
    limited: bool = False,
) -> Evaluated:
    """Measure, record and report; only one process at a time works in a directory.

    Args:
        parts: The networks.
        data: The images, before any condition.
        options: The options of each evaluation, by its name.
        run: The run directory.
        device: The device that computes.
        about: What the report says about the study: name, study, selection, missing.
        limited: Whether `data` holds only a sample of the test images.

    Returns:
        The results and their place.

    Raises:
        StorageError: The run directory cannot be written to.
    """
    data = replace(data, test=data.test.to(device))
    predict = PredictionCache(data, device, run / "predictions")
    try:
        with FileLock(run / ".evaluating"):  # another process may have trained its share of the same study
            for folder in (run, run / "results", run / "predictions"):
                remove_partials(folder)

            def record(found: _Answers, to_come: Sequence[str]) -> None:
                """Write what is known so far, so that a report can be built while the rest is measured."""
                facts = provenance([part.pool for part in parts], data, device, limited) | dict(about)
                facts |= {"evaluations": list(found.results), "skipped": found.skipped}
                facts |= {"missing": dict(about.get("missing", {})) | found.failed}
                facts |= {TO_COME: list(to_come)} if to_come else {}
                write_text(run / RUN_FILE, json.dumps(facts, indent=2, sort_keys=True) + "\n")

            found = _answered(parts, data, options, device, predict, run / "results", record)
            record(found, ())
            build_report(run)
    except OSError as error:
        raise StorageError(f"{run}: cannot be written to ({error.strerror or error})") from error
    results = list(found.results.values())
    frames = {
        result.evaluation: trust_in(result, results).marked(result.frame, EVALUATIONS[result.evaluation].metrics)
        for result in results
    }
    return Evaluated(frames, run, dict(about.get("missing", {})) | found.failed)


@dataclass(frozen=True)
class _Answers:
    """For each evaluation its result, or why it does not apply to these networks, or why it failed."""

    results: dict[str, Result]
    skipped: dict[str, str]
    failed: dict[str, str]


def _answered(
    parts: Sequence[EvaluatedPart],
    data: Dataset,
    options: Mapping[str, Any],
    device: torch.device,
    predict: PredictionCache,
    folder: Path,
    record: Callable[[_Answers, Sequence[str]], None],
) -> _Answers:
    found = _Answers({}, {}, {})
    errors: list[Exception] = []
    names = part_names(parts)
    admitted = [admit(part.pool, replace(data, condition=part.condition), predict, device) for part in parts]
    found.failed.update(_refused(admitted, names))
    for place, (name, chosen) in enumerate(options.items()):
        record(found, list(options)[place:])
        evaluation = EVALUATIONS[name](chosen)
        try:
            measured = [
                _measured(evaluation, part, known, told, data, predict, folder)
                for part, known, told in zip(parts, admitted, names, strict=True)
            ]
        except OSError:
            raise
        except Exception as error:  # an evaluation that fails must not take the others along
            errors.append(error)
            found.failed[f"evaluation {name}"] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            print(f"{name}: failed: {error}", file=sys.stderr)
            continue
        reasons = [why for why in measured if isinstance(why, str)]
        answers = [answer for answer in measured if isinstance(answer, PartResult)]
        if answers:
            found.results[name] = collect(evaluation, answers, folder)
        if reasons:
            found.skipped[name] = reasons[0] + (f" ({len(reasons)} of {len(parts)} parts)" if answers else "")
    for name, reason in found.skipped.items():
        print(f"{name}: skipped, {reason}", file=sys.stderr)
    if not found.results and errors:
        raise errors[0]
    return found


def _refused(admitted: Sequence[Admitted], names: Sequence[str]) -> dict[str, str]:
    """Say on standard error which members are not measured, and why, and which are near chance."""
    refused = {}
    for known, part in zip(admitted, names, strict=True):
        for member, why in known.refused.items():
            refused[f"network {member}{f' ({part})' if part else ''}"] = why
    for name, why in refused.items():
        print(printable(f"{name}: {why}"), file=sys.stderr)
    for hint in dict.fromkeys(hint for known in admitted for hint in known.hints):
        print(printable(hint), file=sys.stderr)
    if all(known.pool is None for known in admitted):
        name, why = next(iter(refused.items()))
        raise ModelError(f"no network can be measured; {name}: {why}")
    return refused


def _measured(
    evaluation: Evaluation,
    part: EvaluatedPart,
    known: Admitted,
    name: str,
    data: Dataset,
    predict: PredictionCache,
    folder: Path,
) -> PartResult | str:
    """The answer for one part, or why there is none."""
    pool, checks = known.pool, known.checks
    if evaluation.requires.gradients and known.no_gradient:
        names = tuple(metric.name for metric in evaluation.metrics)
        pool, checks = known.with_gradients(), (*checks, *without_gradients(known, names))
    if pool is None:
        return "no network can be measured"
    if evaluation.requires.teacher and pool.teacher is None:
        return "needs a teacher"
    if all(member.role == "teacher" for member in pool):
        return "needs a student or baseline"
    asked = replace(data, condition=part.condition)
    if why := _inapplicable(evaluation, pool, asked):
        return why
    return measure(
        evaluation,
        pool,
        asked,
        predict,
        folder,
        checks=checks,
        notes=known.notes,
        architecture=part.architecture,
        part=name,
    )


def _inapplicable(evaluation: Evaluation, pool: ModelPool, data: Dataset) -> str:
    """Return why an evaluation cannot be asked of these networks and images; empty if it can."""
    needed = evaluation.requires.condition
    if needed and data.condition.name != needed:
        return (
            f"needs networks trained under the condition {needed}, and these were trained under {data.condition.label}"
        )
    return evaluation.inapplicable(pool, data)


def part_names(parts: Sequence[EvaluatedPart]) -> list[str]:
    """Return a name for the files of each part; a single part has an empty name."""
    if len(parts) == 1:
        return [""]
    told = [f"{part.architecture}-{part.condition.label}" for part in parts]
    names = [re.sub(r"[^\w.]+", "-", text).strip("-")[:LONGEST_NAME] for text in told]
    return [name if names.count(name) == 1 else f"{name}-{index}" for index, name in enumerate(names)]
