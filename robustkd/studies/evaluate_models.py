"""Ask evaluations of a pool of trained models, and write the run directory that a report is built from."""

import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from filelock import FileLock

from robustkd.atomic import remove_partials, write_text
from robustkd.data import Clean, Condition, Dataset
from robustkd.devices import resolve_device
from robustkd.distillation import given_selection_sentence
from robustkd.errors import BadInputError, ModelError, StorageError, StudyError, nearest
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.models import ModelPool
from robustkd.reporting import build_report
from robustkd.reporting.compose import RUN_FILE
from robustkd.results.predictions import PredictionCache
from robustkd.results.result import PartResult, Result
from robustkd.studies.measuring import collect, measure
from robustkd.studies.provenance import provenance
from robustkd.studies.study import condition_named, evaluation_options

STUDY_FILE = "study.yaml"
LONGEST_NAME = 200

SUITES: dict[str, dict[str, dict[str, Any]]] = {
    "quick": {
        "generalization": {},
        "fidelity": {},
        "calibration": {},
        "transferability": {"images": 500, "steps": 10, "step_size": 0.006},
    },
    "full": {"generalization": {}, "fidelity": {}, "calibration": {}, "corruption": {}, "transferability": {}},
}
"""``quick`` ends in minutes on a laptop: it attacks 500 images in 10 steps; ``full`` does as the papers did."""

ASKED_UNDER: dict[str, tuple[str, ...]] = {"label_noise": ("label_noise",), "class_imbalance": ("minority",)}
"""Evaluations that every suite adds for models that were trained under a condition."""


@dataclass(frozen=True)
class Evaluated:
    """What came of an evaluation.

    Attributes:
        results: For each evaluation its tidy results.
        path: The run directory.
        missing: Networks of the study and evaluations that are not there, and why.
    """

    results: dict[str, pd.DataFrame]
    path: Path
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> Path:
        """The report, to open in a browser."""
        return self.path / "report" / "index.html"

    def save(self, path: Path | str) -> Path:
        """Copy the run directory to a place that does not exist yet, or is empty.

        Args:
            path: Where to.

        Returns:
            The copied report's page.

        Raises:
            StudyError: There is something already.
        """
        target = Path(path)
        if target.exists() and any(target.iterdir()):
            raise StudyError(f"{target}: not empty; choose another place")
        shutil.copytree(self.path, target, dirs_exist_ok=True)
        return target / "report" / "index.html"


def evaluate(
    pool: ModelPool,
    data: Dataset,
    suite: str = "quick",
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    condition: str | Mapping[str, Any] = "clean",
    limit: int | None = None,
    out: Path | str | None = None,
    device: str = "auto",
) -> Evaluated:
    """Measure what the students inherited, and write the report.

    Args:
        pool: The models, trained anywhere.
        data: The images; most evaluations look at the test set alone.
        suite: ``quick`` or ``full``.
        options: Evaluations to add to the suite, and options that replace its own, as in
            ``{"transferability": {"epsilon": 0.01}}``.
        condition: What the training set was when the models were trained on it, as a study file would say it:
            ``{"label_noise": {"kind": "human", "labels": "labels.npy"}}``. A member that says ``clean`` of itself was
            trained on the training set as it is.
        limit: Look at this many test images, drawn at random.
        out: The run directory; a temporary one if None.
        device: ``auto``, ``cpu``, ``cuda``, …

    Returns:
        The results and where they are.

    Raises:
        BadInputError: The suite, an option, or the directory is not usable, or models and data do not fit, or a member
            was trained under another condition.
    """
    if suite not in SUITES:
        raise BadInputError(f"unknown suite {suite!r}: {nearest(suite, SUITES)}")
    given = options or {}
    trained_under = condition_named(condition)
    asked = SUITES[suite] | {name: {} for name in ASKED_UNDER.get(trained_under.name, ())}
    choices = {name: {**asked.get(name, {}), **given.get(name, {})} for name in {**asked, **given}}
    chosen = evaluation_options(choices)
    run = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="robustkd-"))
    sampled = data
    if limit is not None:
        if limit < 1:
            raise BadInputError(f"limit must be at least 1, got {limit}")
        sampled = replace(data, test=data.test.subset(data.test.sample_indices(limit)))
    pool = _under(trained_under, pool)
    name = evaluation_name(pool, sampled)
    content = {
        "name": name,
        "data": data.name,
        "limit": limit,
        "suite": suite,
        "condition": {trained_under.name: trained_under.options()},
        "members": [
            {
                "name": member.name,
                "role": member.role,
                "architecture": member.architecture,
                "condition": member.condition,
                "digest": member.digest,
            }
            for member in pool
        ],
        "evaluations": choices,
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    claim(run, name, text)
    return evaluate_parts(
        [EvaluatedPart(pool, trained_under)],
        sampled,
        chosen,
        run,
        resolve_device(device),
        {
            "name": f"Evaluation on {data.name}",
            "study": text,
            "selection": given_selection_sentence({member.name: member.selection for member in pool}),
        },
        limited=len(sampled.test) < len(data.test),
    )


def _under(condition: Condition, pool: ModelPool) -> ModelPool:
    """Give the condition to all members that say none of their own; theirs must be that one, or clean."""
    known = (condition.label, Clean().label)
    for member in pool:
        if member.condition and member.condition not in known:
            raise BadInputError(
                f"{member.name} was trained under {member.condition!r}: evaluate it with that condition, "
                f"beside models that were trained under it or on clean data; here it is {condition.label!r}"
            )
    return ModelPool(members=[replace(member, condition=member.condition or condition.label) for member in pool])


def evaluation_name(pool: ModelPool, data: Dataset) -> str:
    """Name an evaluation after its models and images: the same again gets the same name."""
    content = repr([(member.name, member.role, member.digest) for member in pool]) + data.test.digest
    return f"evaluate-{data.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def claim(run: Path, name: str, study: str) -> None:
    """Take a directory for a study, unless it holds something else.

    Args:
        run: The directory; need not exist.
        name: The study's name.
        study: The resolved study, written as ``study.yaml``.

    Raises:
        StudyError: It is a file, holds another study, or holds files that are no study; nothing is changed.
    """
    if len(run.name) > LONGEST_NAME:
        raise StudyError(f"{run.name[:40]}…: too long a name for a directory; give another --out")
    if run.exists() and not run.is_dir():
        raise StudyError(f"{run}: is a file, not a directory; give another --out")
    # what a killed process left half-written is nothing that anybody holds
    if run.is_dir() and any(path for path in run.iterdir() if not path.name.endswith(".partial")):
        held = run / STUDY_FILE
        if not held.is_file():
            raise StudyError(f"{run}: holds files but no study; give another --out")
        try:
            holder = yaml.safe_load(held.read_text(encoding="utf-8"))["name"]
        except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise StudyError(f"{held}: not readable as a study; give another --out") from error
        if holder != name:
            raise StudyError(f"{run}: holds another study, {holder!r}; give another --out, nothing was changed")
    try:
        write_text(run / STUDY_FILE, study)
    except (OSError, ValueError) as error:
        raise StudyError(f"{run}: cannot be written to ({getattr(error, 'strerror', None) or error})") from error


@dataclass(frozen=True, eq=False)
class EvaluatedPart:
    """Networks that are evaluated together.

    Attributes:
        pool: The networks.
        condition: What was done to their training set.
        architecture: Of the students; names the part where a study has several.
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
    """Measure, record and report; one process at a time for each directory.

    Args:
        parts: The networks.
        data: The images, before any condition.
        options: For each evaluation its options.
        run: The run directory.
        device: Where to compute.
        about: What the report says of the study: name, study, selection, missing.
        limited: Whether `data` holds a sample of its test images.

    Returns:
        The results and where they are.

    Raises:
        StorageError: The run directory cannot be written to.
    """
    data = replace(data, test=data.test.to(device))
    predict = PredictionCache(data, device, run / "predictions")
    try:
        with FileLock(run / ".evaluating"):  # another run may have trained its share of the same study
            for folder in (run, run / "results", run / "predictions"):
                remove_partials(folder)
            found = _answered(parts, data, options, device, predict, run / "results")
            missing = dict(about.get("missing", {})) | found.failed
            facts = provenance([part.pool for part in parts], data, device, limited) | dict(about)
            facts |= {"evaluations": list(found.results), "skipped": found.skipped, "missing": missing}
            write_text(run / RUN_FILE, json.dumps(facts, indent=2, sort_keys=True) + "\n")
            build_report(run)
    except OSError as error:
        raise StorageError(f"{run}: cannot be written to ({error.strerror or error})") from error
    frames = {name: result.frame for name, result in found.results.items()}
    return Evaluated(frames, run, missing)


@dataclass(frozen=True)
class _Answers:
    """By evaluation: results, why some are not for these networks, and why others could not be computed."""

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
) -> _Answers:
    found = _Answers({}, {}, {})
    errors: list[Exception] = []
    names = part_names(parts)
    for name, chosen in options.items():
        evaluation = EVALUATIONS[name](chosen)
        try:
            measured = [
                _measured(evaluation, part, told, data, device, predict, folder)
                for part, told in zip(parts, names, strict=True)
            ]
        except OSError:
            raise
        except Exception as error:  # one question that cannot be answered must not take the others' answers along
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


def _measured(
    evaluation: Evaluation,
    part: EvaluatedPart,
    name: str,
    data: Dataset,
    device: torch.device,
    predict: PredictionCache,
    folder: Path,
) -> PartResult | str:
    """One part's answer, or why there is none."""
    _refuse_misfit(part.pool, data)
    if evaluation.requires.teacher and part.pool.teacher is None:
        return "needs a teacher"
    if all(member.role == "teacher" for member in part.pool):
        return "needs a student or baseline"
    for member in part.pool:
        member.model.to(device)
    asked = replace(data, condition=part.condition)
    return measure(evaluation, part.pool, asked, predict, folder, architecture=part.architecture, part=name)


def part_names(parts: Sequence[EvaluatedPart]) -> list[str]:
    """Name parts for their files; a single one needs no name."""
    if len(parts) == 1:
        return [""]
    told = [f"{part.architecture}-{part.condition.label}" for part in parts]
    return [re.sub(r"[^\w.]+", "-", text).strip("-") for text in told]


def _refuse_misfit(pool: ModelPool, data: Dataset) -> None:
    for member in pool:
        classes = member.model.num_classes
        if classes is not None and classes != data.num_classes:
            raise ModelError(f"{member.name} has {classes} classes, {data.name} has {data.num_classes}")
