"""Evaluate a pool of trained models: choose the evaluations, measure, and write the report."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from robustkd.data import Clean, Condition, Dataset
from robustkd.data.remarks import with_remarks
from robustkd.devices import resolve_device
from robustkd.distillation import given_selection_sentence
from robustkd.errors import BadInputError, nearest
from robustkd.evaluations import EVALUATIONS
from robustkd.models import ModelPool
from robustkd.studies.answers import EvaluatedPart, evaluate_parts
from robustkd.studies.evaluated import Evaluated
from robustkd.studies.photographs import fit_to_photographs
from robustkd.studies.run_directory import claim
from robustkd.studies.validation import evaluation_options
from robustkd.studies.values import condition_named

SUITES: dict[str, dict[str, dict[str, Any]]] = {
    "quick": {
        "generalization": {},
        "fidelity": {},
        "knowledge": {},
        "calibration": {},
        "selective": {},
        "confidence": {},
        "transferability": {"images": 500, "steps": 10, "step_size": 0.006, "square_queries": 100},
    },
    "full": {
        name: {}
        for name in (
            *("generalization", "fidelity", "knowledge", "calibration", "selective", "confidence", "provenance"),
            *("course", "groups", "similarity", "localisation", "decision_boundary", "invariance", "domains", "ood"),
            *("shape_bias", "corruption", "adversarial_inheritance", "transferability"),
        )
    },
}
"""``quick`` takes minutes on a laptop: it needs predictions, and attacks 500 images in 10 steps. ``full`` asks all
questions, with the settings of the papers."""

ASKED_UNDER: dict[str, tuple[str, ...]] = {
    "label_noise": ("label_noise",),
    "class_imbalance": ("minority",),
    "backdoor": ("backdoor",),
    "spurious": ("spurious",),
    "membership": ("membership",),
}
"""The evaluations that every suite adds for models trained under a condition."""


def evaluate(
    pool: ModelPool,
    data: Dataset,
    suite: str | Sequence[str] = "quick",
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    condition: str | Mapping[str, Any] = "clean",
    limit: int | None = None,
    out: Path | str | None = None,
    device: str = "auto",
) -> Evaluated:
    """Measure what the students inherited, and write the report.

    Args:
        pool: The models, wherever they were trained.
        data: The images; most evaluations use the test set only. Images of different sizes are resized as each network
            needs them (`fit_to_photographs`).
        suite: ``quick`` or ``full``; or the names of the evaluations to ask and no other, such as
            ``["generalization", "fidelity"]``.
        options: Evaluations to add to the suite, and options that replace the suite's own, such as
            ``{"transferability": {"epsilon": 0.01}}``.
        condition: What was done to the training set of the models, as in a study file:
            ``{"label_noise": {"kind": "human", "labels": "labels.npy"}}``. A member whose own condition is ``clean``
            was trained on the original training set.
        limit: The number of test images to use, drawn at random; None for all.
        out: The run directory; a temporary one if None.
        device: ``auto``, ``cpu``, ``cuda``, …

    Returns:
        The results; prints as a summary, shows as the scoreboard in a notebook.

    Raises:
        BadInputError: The suite, an option or the directory is not valid, models and data do not fit, or a member was
            trained under another condition.

    >>> import robustkd as rk
    >>> model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    >>> fast = {"transferability": {"images": 5, "steps": 1}}
    >>> pool = rk.ModelPool(baseline=model)
    >>> report = rk.evaluate(pool, rk.load_dataset("digits"), options=fast, limit=50, device="cpu")
    >>> report.results["generalization"]["metric"].iloc[0]
    'accuracy'
    >>> "accuracy" in str(report).lower()
    True
    """
    given = options or {}
    trained_under = condition_named(condition)
    asked = _asked(suite, trained_under)
    choices = {name: {**asked.get(name, {}), **given.get(name, {})} for name in {**asked, **given}}
    if not choices:
        raise BadInputError("there is nothing to measure: name an evaluation")
    chosen = evaluation_options(choices)
    pool, data = fit_to_photographs(pool, with_remarks(data))
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
        "suite": suite if isinstance(suite, str) else list(suite),
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


def _asked(suite: str | Sequence[str], condition: Condition) -> dict[str, dict[str, Any]]:
    """The evaluations of a suite with its options, or those that are named with their defaults."""
    if not isinstance(suite, str):
        return {name: {} for name in suite}
    if suite in EVALUATIONS.names():
        raise BadInputError(f"unknown suite {suite!r}: name evaluations in a list, as [{suite!r}]")
    if suite not in SUITES:
        raise BadInputError(f"unknown suite {suite!r}: {nearest(suite, SUITES)}")
    return SUITES[suite] | {name: {} for name in ASKED_UNDER.get(condition.name, ())}


def _under(condition: Condition, pool: ModelPool) -> ModelPool:
    """Set the condition of all members that have none; the others must have the same condition, or be clean.

    A member that was trained under what the condition is for its role has that condition.
    """
    known = (condition.label, Clean().label)
    own = {member.name: ("", condition.for_role(member.role).label) for member in pool}
    for member in pool:
        if member.condition and member.condition not in known:
            raise BadInputError(
                f"{member.name} was trained under {member.condition!r}, not under {condition.label!r}: evaluate "
                "it with its own condition, together with models trained under it or on clean data"
            )
    return ModelPool(
        members=[
            replace(member, condition=condition.label if member.condition in own[member.name] else member.condition)
            for member in pool
        ]
    )


def evaluation_name(pool: ModelPool, data: Dataset) -> str:
    """Return a name for an evaluation that depends on its models and images only."""
    content = repr([(member.name, member.role, member.digest) for member in pool]) + data.test.digest
    return f"evaluate-{data.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
