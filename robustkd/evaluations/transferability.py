"""Does what fools one network fool the others?

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), section VI and Figure 1:
PGD (Madry et al. 2018), L∞, ε = 0.031, step 0.003, 20 steps, random start, cross-entropy, on a source s; on a target t,

    TS(s→t) = Σ 1[f_s(x)=y ∧ f_t(x)=y ∧ f_t(x_adv)≠y] / Σ 1[f_s(x)=y ∧ f_t(x)=y].

Sources stand in columns, targets in rows; row and column means include the diagonal; the teacher is a source only. The
independent baseline is always beside the students: transfer from the teacher to a student tells something only in
excess of the transfer from the teacher to a network that never saw it.

Each source is attacked once, by torchattacks, on all images; every target then looks at the same examples. The random
starts are drawn for the images in their order from the seed alone, so that on a CPU an image's start depends neither
on the batch size nor on the other members. Needs the networks and their gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from robustkd.errors import EvaluationError
from robustkd.evaluations.charts import heatmap
from robustkd.evaluations.evaluation import EVALUATIONS, Evaluation, Metric, Predict, Requirements
from robustkd.evaluations.records import Check, Records, members_frame
from robustkd.evaluations.statistics import (
    BOOTSTRAP_IMAGES,
    WILSON_IMAGES,
    bootstrap_ratio_difference,
    wilson,
)
from robustkd.evaluations.tidy import baseline_of, groups_of, student_findings, tidy
from robustkd.evaluations.wording import Phrases, findings, join
from robustkd.progress import progress

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member, ModelPool, PixelModel

MASKING_POINTS = 0.02
"""A transferred attack this much stronger than the target's own is a sign of masked gradients."""

ROUNDING = 1e-6


@dataclass(frozen=True)
class TransferabilityOptions:
    """How the sources are attacked; the defaults are the paper's.

    Attributes:
        epsilon: Largest change of a pixel, of the range [0, 1].
        step_size: Change of a pixel in one step.
        steps: How many.
        random_start: Begin at a uniformly random point within epsilon.
        images: How many test images, drawn with `seed`; None for all.
        networks: ``first``: the first seed of each method, as in the paper; ``all``: every network.
        batch_size: Images attacked at once.
        seed: Of the random starts and the choice of images.
    """

    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.031
    step_size: Annotated[float, Field(gt=0, le=1)] = 0.003
    steps: Annotated[int, Field(ge=1)] = 20
    random_start: bool = True
    images: Annotated[int, Field(ge=1)] | None = None
    networks: Literal["first", "all"] = "first"
    batch_size: Annotated[int, Field(ge=1)] = 250
    seed: int = 0


@EVALUATIONS.register("transferability")
class Transferability(Evaluation):
    """The matrix of transfer success between all students, baselines and the teacher."""

    name = "transferability"
    title = "Adversarial transferability"
    question = "Does what fools one network fool the others?"
    version = 1
    requires = Requirements(networks=True)
    summary = ("white_box_accuracy", "teacher_transfer_excess")
    Options = TransferabilityOptions
    metrics = (
        Metric(
            "transfer_success",
            "Transfer success",
            "fraction",
            None,
            "Of the images that source and target both classify correctly, the share on which the attack on the "
            "source makes the target wrong.",
        ),
        Metric("mean_on_target", "Mean over sources", "fraction", None, "How easily a target is fooled."),
        Metric("mean_from_source", "Mean over targets", "fraction", None, "How well a source's attacks travel."),
        Metric(
            "teacher_transfer_excess",
            "From the teacher, in excess",
            "points",
            None,
            "Transfer success from the teacher minus that from the teacher to the independent baseline.",
            difference_of="transfer_success",
        ),
        Metric(
            "white_box_accuracy",
            "White-box accuracy",
            "fraction",
            True,
            "Accuracy on the examples made against the network itself.",
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Attack each source once; show every target the same examples."""
        members = chosen(list(pool), self.options.networks)
        targets = [member for member in members if member.role != "teacher"]
        if not targets:
            raise EvaluationError("transferability needs a student or baseline beside the teacher")
        indices = data.test.sample_indices(self.options.images, self.options.seed)
        images = data.test.subset(indices)
        adversarial, checks = [], []
        with progress("attack", len(members) * len(images)) as advance:
            for source in members:
                examples = list(attack(source.model, images, self.options, advance, targets))
                adversarial.append(np.concatenate([predicted for predicted, _, _ in examples], axis=1))
                checks += _checks(source.name, examples, self.options.epsilon)
        names = [member.name for member in members]
        arrays = {
            "image": indices.numpy(),
            "label": images.labels.numpy(),
            "clean": np.stack([predict(member).predicted[indices.numpy()] for member in members]),
            "adversarial": np.stack(adversarial).astype(np.int16),
            "target": np.array([names.index(member.name) for member in targets]),
        }
        return Records(members_frame(members), arrays, (*checks, *_masking_checks(names, arrays)))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Pairs, means by source and target, excess over the baseline, white-box accuracy."""
        pairs = list(_pair_rows(records))
        return tidy([*pairs, *_mean_rows(records), *_excess_rows(records), *_white_box_rows(records)])

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The matrix, sources in columns, targets in rows, with means."""
        return heatmap(
            frame,
            self.metric("transfer_success"),
            self.metric("mean_on_target"),
            self.metric("mean_from_source"),
        )

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """For each student, transfer from the teacher against the baseline's; then masked gradients."""
        pairs = frame[frame["level"] == "pair"]
        teacher = set(pairs["source"]) - set(pairs["member"])
        seen = frame[(frame["level"] != "pair") | frame["source"].isin(teacher)]
        found = student_findings(seen, "transfer_success", "teacher_transfer_excess")
        metrics = self.metric("transfer_success"), self.metric("teacher_transfer_excess")
        return findings(found, *metrics, PHRASES) + _masking_sentence(pairs)


PHRASES = Phrases(
    one="Attacks on the teacher fool {student} on {value} of the images both get right",
    against="against the independent baseline",
    many="Success of attacks on the teacher, against the independent baseline",
    verdicts=(
        "shares more of the teacher's weaknesses",
        "no significant difference",
        "shares fewer of the teacher's weaknesses",
    ),
    alone="there is no independent baseline to hold it against",
)


def chosen(members: list[Member], networks: str) -> list[Member]:
    """Choose the members of the matrix: every one, or the first of each method."""
    if networks == "all":
        return members
    groups = groups_of(members_frame(members))
    return [members[group.rows[0]] for group in groups]


def transfer_success(
    clean_source: np.ndarray, clean_target: np.ndarray, adversarial_target: np.ndarray, labels: np.ndarray
) -> tuple[int, int]:
    """Count one cell of the matrix, as the text of sarfraz2020, section VI, defines it.

    Args:
        clean_source: (N,) classes that the source predicts for the clean images.
        clean_target: (N,) classes that the target predicts for them.
        adversarial_target: (N,) classes that the target predicts for the source's adversarial images.
        labels: (N,) true classes.

    Returns:
        On how many images the target is fooled, and how many both classify correctly.
    """
    eligible = (clean_source == labels) & (clean_target == labels)
    return int((eligible & (adversarial_target != labels)).sum()), int(eligible.sum())


def attack(
    source: PixelModel,
    images: ImageSet,
    options: TransferabilityOptions,
    advance: Any,
    targets: list[Member],
) -> Iterator[tuple[np.ndarray, float, bool]]:
    """Attack a source batch by batch, and show each batch to all targets at once, so that none is stored.

    Args:
        source: The network to attack, in evaluation mode.
        images: The images.
        options: The attack.
        advance: Called with the number of images of each batch.
        targets: The networks to show the examples to.

    Yields:
        For each batch the targets' predictions, int64 (T, B); the largest change of a pixel; and whether all pixels are
        in [0, 1] and source and targets still in evaluation mode.
    """
    import torch
    from torchattacks import PGD

    device = source.mean.device
    cuda = [device] if device.type == "cuda" else []
    models = (source, *(target.model for target in targets))
    pgd = PGD(source, options.epsilon, options.step_size, options.steps, options.random_start)
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(options.seed)
        for start in range(0, len(images), options.batch_size):
            pixels = images.pixels(start, start + options.batch_size, device)
            labels = images.labels[start : start + options.batch_size].to(device)
            sound = _in_evaluation_mode(models)
            with torch.enable_grad():
                adversarial: Tensor = pgd(pixels, labels)
            sound = sound and _in_evaluation_mode(models)
            with torch.inference_mode():
                predicted = torch.stack([target.model(adversarial).argmax(1) for target in targets])
                largest = float((adversarial - pixels).abs().max())
                sound = sound and bool(((adversarial >= 0) & (adversarial <= 1)).all())
            advance(len(labels))
            yield predicted.cpu().numpy(), largest, sound


def _in_evaluation_mode(models: tuple[PixelModel, ...]) -> bool:
    return not any(part.training for model in models for part in model.modules())


def _checks(name: str, examples: list[tuple[np.ndarray, float, bool]], epsilon: float) -> list[Check]:
    largest = max(change for _, change, _ in examples)
    within = largest <= epsilon + ROUNDING
    valid = all(sound for _, _, sound in examples)
    return [
        Check("perturbation within ε", within, f"largest change of a pixel {largest:.4f}, ε {epsilon:.4f}", name),
        Check(
            "pixels in [0, 1], networks in evaluation mode",
            valid,
            "before and after each attack" if valid else "violated during the attack: the numbers are void",
            name,
        ),
    ]


def _masking_checks(names: list[str], arrays: dict[str, np.ndarray]) -> Iterator[Check]:
    rates = success_matrix(arrays)
    for column, target in enumerate(arrays["target"]):
        own = rates[target, column]
        strongest = int(np.nanargmax(rates[:, column])) if not np.isnan(rates[:, column]).all() else target
        excess = rates[strongest, column] - own
        masked = bool(excess > MASKING_POINTS)
        detail = f"own attack {own:.1%}, strongest transferred {rates[strongest, column]:.1%} (from {names[strongest]})"
        if masked:
            detail += ": gradients are masked, true robustness is lower than its own attack shows"
        yield Check("own attack is the strongest", not masked, detail, names[target], ("white_box_accuracy",))


def success_matrix(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Give the transfer success of all pairs, float64 (sources, targets); NaN where no image is jointly correct."""
    clean, labels = arrays["clean"], arrays["label"]
    rates = np.full(arrays["adversarial"].shape[:2], np.nan)
    for source, column in np.ndindex(*rates.shape):
        seen = arrays["adversarial"][source, column]
        fooled, eligible = transfer_success(clean[source], clean[arrays["target"][column]], seen, labels)
        if eligible:
            rates[source, column] = fooled / eligible
    return rates


def _pair_rows(records: Records) -> Iterator[dict[str, Any]]:
    arrays, members = records.arrays, records.members
    for source, column in np.ndindex(*arrays["adversarial"].shape[:2]):
        target = arrays["target"][column]
        fooled, eligible = transfer_success(
            arrays["clean"][source],
            arrays["clean"][target],
            arrays["adversarial"][source, column],
            arrays["label"],
        )
        row = {**_who(members, int(target)), "level": "pair", "source": members["member"][source], "n": eligible}
        row["metric"] = "transfer_success"
        if eligible:
            low, high = wilson(fooled, eligible)
            row |= {"value": fooled / eligible, "ci_low": low, "ci_high": high, "interval": WILSON_IMAGES}
        yield row


def _mean_rows(records: Records) -> Iterator[dict[str, Any]]:
    rates = success_matrix(records.arrays)
    for column, target in enumerate(records.arrays["target"]):
        yield {**_who(records.members, target), "metric": "mean_on_target", "value": _mean(rates[:, column])}
    for source in range(len(rates)):
        yield {**_who(records.members, source), "metric": "mean_from_source", "value": _mean(rates[source])}


def _white_box_rows(records: Records) -> Iterator[dict[str, Any]]:
    arrays = records.arrays
    for column, target in enumerate(arrays["target"]):
        robust = arrays["adversarial"][target, column] == arrays["label"]
        low, high = wilson(int(robust.sum()), len(robust))
        yield {
            **_who(records.members, target),
            "metric": "white_box_accuracy",
            "value": float(robust.mean()),
            "ci_low": low,
            "ci_high": high,
            "interval": WILSON_IMAGES,
            "n": len(robust),
        }


def _excess_rows(records: Records) -> Iterator[dict[str, Any]]:
    arrays, members = records.arrays, records.members
    teachers = [index for index, role in enumerate(members["role"]) if role == "teacher"]
    groups = groups_of(members)
    columns = {int(target): column for column, target in enumerate(arrays["target"])}
    for group in groups:
        baseline = baseline_of(group, groups)
        if group.who["role"] != "student" or baseline is None or not teachers:
            continue
        for target in group.rows:
            events, eligible = zip(
                *(_seen_from(arrays, teachers[0], columns[int(row)]) for row in (target, baseline.rows[0])),
                strict=True,
            )
            if not (eligible[0].any() and eligible[1].any()):
                continue
            low, high = bootstrap_ratio_difference(events, eligible)
            yield {
                **_who(members, int(target)),
                "source": members["member"][teachers[0]],
                "metric": "teacher_transfer_excess",
                "value": events[0].sum() / eligible[0].sum() - events[1].sum() / eligible[1].sum(),
                "ci_low": low,
                "ci_high": high,
                "interval": BOOTSTRAP_IMAGES,
                "n": int((eligible[0] | eligible[1]).sum()),
            }


def _seen_from(arrays: dict[str, np.ndarray], source: int, column: int) -> tuple[np.ndarray, np.ndarray]:
    labels, clean = arrays["label"], arrays["clean"]
    eligible = (clean[source] == labels) & (clean[arrays["target"][column]] == labels)
    return eligible & (arrays["adversarial"][source, column] != labels), eligible


def _who(members: pd.DataFrame, index: int) -> dict[str, Any]:
    keys = ("member", "role", "method", "architecture", "condition", "seed")
    return {"level": "network", **{key: members[key][index] for key in keys}}


def _mean(rates: np.ndarray) -> float | None:
    defined = rates[~np.isnan(rates)]
    return float(defined.mean()) if len(defined) else None


def _masking_sentence(pairs: pd.DataFrame) -> list[str]:
    own = pairs[pairs["source"] == pairs["member"]].set_index("member")["value"]
    strongest = pairs.groupby("member", sort=False)["value"].max()
    masked = [str(member) for member in own.index if strongest[member] - own[member] > MASKING_POINTS]
    if not masked:
        return []
    return [
        f"Masked gradients: a transferred attack beats the own attack of {join(masked)}, so white-box accuracy "
        "flatters there."
    ]
