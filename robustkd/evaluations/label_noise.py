"""What do wrong training labels do to them, and can they find the wrong labels?

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), Table V: accuracy on the
clean test set after training on noisy labels, against the independent baseline trained on the same labels.

**Memorisation** (Liu et al., *Early-learning regularization*, NeurIPS 2020, Figure 1): of the training images whose
label is wrong, how many a network classifies as that wrong label, as the true one, or as neither.

**Audit** (confident learning; see `label_audit`): how well a network's probabilities tell the wrong labels. Only labels
that it was not trained on are audited: those of the images that the condition held out, or all of them by a network
that was trained on clean ones. Without either there is no audit, and a check says so. The label errors that people
found in test sets (Northcutt, Athalye, Mueller, *Pervasive label errors*, NeurIPS 2021) can be looked for by any
network.

Needs predictions for the test images, and for the training images where some of their labels are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field
from scipy.special import softmax

from robustkd.evaluations.evaluation import EVALUATIONS, Evaluation, Metric, Predict, Requirements
from robustkd.evaluations.generalization import negative_log_likelihood
from robustkd.evaluations.judged_labels import JudgedLabels, read_judged_labels, refused_labels_found
from robustkd.evaluations.label_audit import audit, detection, transition_error, transition_matrix
from robustkd.evaluations.noise_charts import noise_panels
from robustkd.evaluations.records import Check, Records, members_frame
from robustkd.evaluations.resampling import Statistics, estimate, estimate_rows, ratio, seed_rows, value_rows
from robustkd.evaluations.tidy import per_image_rows, student_findings, tidy
from robustkd.evaluations.wording import grouped, quantity

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.evaluations.predictions import Predictions
    from robustkd.models import ModelPool

REALISED_WITHIN = 0.005
"""The realised rate of wrong labels may be this far from the expected one; in a small set, as far as chance goes."""

CHANCE = 0.999

CHANCE_AUROC = 0.5


@dataclass(frozen=True)
class LabelNoiseOptions:
    """What is audited.

    Attributes:
        audit_images: At most this many labels are audited, drawn with `seed`; None for all.
        test_errors: A ``.npy`` file of label errors in the test set that people judged, whole numbers (J, 7): test
            index, given label, suggested label, and how many of five people chose given, suggested, neither, both.
        seed: Draws the audited labels.
    """

    audit_images: Annotated[int, Field(ge=1)] | None = 10_000
    test_errors: str | None = None
    seed: int = 0


@EVALUATIONS.register("label_noise")
class LabelNoise(Evaluation):
    """Accuracy under label noise, memorisation, and the audit of labels."""

    name = "label_noise"
    title = "Label noise"
    question = "What do wrong training labels do to them, and can they find the wrong labels?"
    version = 1
    requires = Requirements(training=True)
    summary = ("memorised", "audit_auroc")
    across_conditions = True
    Options = LabelNoiseOptions
    metrics = (
        Metric("requested_rate", "Requested", "fraction", None, "The rate of label noise asked for."),
        Metric("realised_rate", "Wrong labels", "fraction", None, "Share of training labels that are really wrong."),
        Metric("accuracy", "Accuracy", "fraction", True, "Share of clean test images classified as labelled."),
        Metric(
            "accuracy_gain",
            "Accuracy against baseline",
            "points",
            True,
            "Accuracy minus the independent baseline's, on the same images.",
            difference_of="accuracy",
        ),
        Metric(
            "accuracy_over_seeds",
            "Accuracy over seeds",
            "fraction",
            True,
            "The same with the t-interval of the variation between three trainings or more.",
        ),
        Metric("memorised", "Memorised", "fraction", False, "Of the wrong training labels, the share it predicts."),
        Metric(
            "memorised_difference",
            "Memorised against baseline",
            "points",
            False,
            "Share of memorised wrong labels minus the independent baseline's.",
            difference_of="memorised",
        ),
        Metric(
            "recovered",
            "Recovered",
            "fraction",
            True,
            "Of the training images with a wrong label, the share classified as the true class nevertheless.",
        ),
        Metric(
            "neither",
            "Neither",
            "fraction",
            None,
            "Of the training images with a wrong label, the share classified as neither that label nor the true class.",
        ),
        Metric(
            "clean_fit", "Fit of right labels", "fraction", None, "Of the right training labels, the share it predicts."
        ),
        Metric(
            "audit_auroc",
            "Audit AUROC",
            "fraction",
            True,
            "Out of sample: chance that a wrong label gets less of its probability than a right one.",
        ),
        Metric(
            "audit_auroc_gain",
            "Audit AUROC against baseline",
            "points",
            True,
            "Audit AUROC minus the independent baseline's, on the same labels.",
            difference_of="audit_auroc",
        ),
        Metric(
            "audit_precision", "Audit precision", "fraction", True, "Of the labels it flags, the share that are wrong."
        ),
        Metric("audit_recall", "Audit recall", "fraction", True, "Of the wrong labels, the share that it flags."),
        Metric(
            "estimated_rate", "Estimated wrong", "fraction", None, "Share of wrong labels that the audit estimates."
        ),
        Metric(
            "transition_error",
            "Transition error",
            "fraction",
            False,
            "Distance of the estimated from the true probabilities of given labels; mean total variation over classes.",
        ),
        Metric(
            "test_error_auroc",
            "Test errors AUROC",
            "fraction",
            True,
            "Chance that a test label which people refuse gets less of its probability than one which they confirm.",
        ),
        Metric(
            "test_error_auroc_gain",
            "Test errors against baseline",
            "points",
            True,
            "Test errors AUROC minus the independent baseline's, on the same labels.",
            difference_of="test_error_auroc",
        ),
        Metric(
            "test_error_recall",
            "Test errors found",
            "fraction",
            True,
            "Of the test labels which people refuse, the share among its least probable, as many as people looked at.",
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Look at the test images, and at the training images if some of their labels are wrong."""
        tested = [predict(member) for member in pool]
        arrays = {"correct": np.stack([seen.correct for seen in tested])}
        checks: list[Check] = []
        if data.train is not None:
            trained, never_saw = _trained_labels(pool, data), _never_saw(pool, data)
            rates, rate_checks = _rates(data, trained)
            checks += rate_checks
            if "realised" in rates:
                arrays |= rates | {"realised": np.where(never_saw, np.nan, rates["realised"])}
            if "realised" in rates and rates["realised"].any():
                seen = [predict(member, data.train) for member in pool]
                arrays |= _memorised(trained, never_saw, seen)
                audited, check = self._audited(pool, data, trained, seen)
                arrays |= audited
                checks.append(check)
        if self.options.test_errors is not None:
            quality = np.stack([np.exp(-negative_log_likelihood(seen)) for seen in tested])
            judged = read_judged_labels(Path(self.options.test_errors).expanduser(), tested[0].labels)
            arrays |= {"judged": judged.judged, "refused": judged.refused, "test_quality": quality}
        return Records(members_frame(pool), arrays, tuple(checks))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Accuracy, memorisation, audits; what cannot be told of these networks is left out."""
        members, arrays = records.members, records.arrays
        rows = per_image_rows(
            members, {"accuracy": arrays["correct"]}, (self.metric("accuracy"), self.metric("accuracy_gain"))
        )
        rows += seed_rows(members, arrays["correct"].mean(axis=1), self.metric("accuracy_over_seeds"))
        if "realised" in arrays:
            rows += value_rows(members, arrays["realised"], self.metric("realised_rate"))
            rows += value_rows(
                members,
                np.where(np.isnan(arrays["realised"]), np.nan, arrays["requested"]),
                self.metric("requested_rate"),
            )
        if "predicted" in arrays:
            fits = [_fits(arrays, row) for row in range(len(members))]
            rows += estimate_rows(members, estimate(fits, arrays["predicted"].shape[1]), self.metrics)
        if "inspectors" in arrays:
            rows += self._audit_rows(records)
        if "judged" in arrays:
            people = JudgedLabels(arrays["judged"], arrays["refused"])
            looks = [refused_labels_found(people, quality) for quality in arrays["test_quality"]]
            rows += estimate_rows(members, estimate(looks, arrays["test_quality"].shape[1]), self.metrics)
        return tidy(rows)

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Accuracy by the share of wrong labels, what becomes of these labels, and who finds them."""
        return noise_panels(of_noise(frame))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """For each condition the students' gains; who memorises most and least; who finds wrong labels best."""
        frame = of_noise(frame)
        known = frame[frame["metric"] == "realised_rate"]["value"]
        alone = [] if (frame["role"] == "baseline").any() else [ALONE]
        if not known.any() and not (frame["metric"] == "estimated_rate").any():
            nothing = "No training label is known to be wrong, so there is nothing to memorise or to find."
            return [nothing, *alone, *self._test_errors(frame)]
        sentences = []
        for condition, rows in frame.groupby("condition", sort=False):
            found = student_findings(rows, "accuracy", "accuracy_gain")
            said = grouped(found, self.metric("accuracy"), self.metric("accuracy_gain"), VERDICTS)
            if said:
                against = "" if np.isnan(found[0].difference) else " against the independent baseline"
                sentences.append(f"{_named(str(condition), rows)}: accuracy{against} {said}.")
        return [*sentences, *alone, *self._memory(frame), *self._inspectors(frame), *self._test_errors(frame)]

    def _audited(
        self, pool: ModelPool, data: Dataset, trained: list[TrainedLabels], seen: list[Predictions]
    ) -> tuple[dict[str, np.ndarray], Check]:
        """The labels that some members were not trained on, and what these members say of the images."""
        from robustkd.data import Clean

        clean = Clean().label
        held_out = all(len(part.held_out) for part in trained)
        inspectors = [row for row, member in enumerate(pool) if held_out or member.condition == clean]
        if not inspectors:
            detail = "no audit: every network was trained on these labels; let the condition hold some out (held_out)"
            return {}, Check("labels audited out of sample", True, detail, metrics=AUDIT)
        random = np.random.default_rng(self.options.seed)
        places = np.arange(len(trained[0].held_out if held_out else trained[0].indices))
        if self.options.audit_images is not None and self.options.audit_images < len(places):
            places = np.sort(random.choice(places, self.options.audit_images, replace=False))
        given, true, logits = [], [], []
        for row in inspectors:
            part = trained[row]
            indices = (part.held_out if held_out else part.indices)[places]
            given.append((part.held_out_given if held_out else part.given)[places])
            true.append(seen[row].labels[indices])
            logits.append(seen[row].logits[indices])
        detail = f"{len(places)} labels audited, " + (
            "of images held out of the training"
            if held_out
            else f"by {len(inspectors)} of {len(pool)} networks, which were trained on the true labels of these "
            "images: an upper bound"
        )
        arrays = {
            "inspectors": np.array(inspectors),
            "audit_given": np.stack(given),
            "audit_true": np.stack(true),
            "audit_logits": np.stack(logits).astype(np.float32),
        }
        return arrays, Check("labels audited out of sample", True, detail, metrics=AUDIT)

    def _audit_rows(self, records: Records) -> list[dict[str, Any]]:
        arrays = records.arrays
        members = records.members.iloc[arrays["inspectors"]].reset_index(drop=True)
        given, true, logits = (arrays[f"audit_{name}"] for name in ("given", "true", "logits"))
        classes = logits.shape[2]
        judgements = [
            audit(labels, softmax(z.astype(np.float64), axis=1)) for labels, z in zip(given, logits, strict=True)
        ]
        scores = [
            detection(judged.quality, labels != truth, judged.flagged)
            for judged, labels, truth in zip(judgements, given, true, strict=True)
        ]
        errors = [
            transition_error(judged.transition, transition_matrix(truth, labels, classes))
            for judged, labels, truth in zip(judgements, given, true, strict=True)
        ]
        rows = estimate_rows(members, estimate(scores, given.shape[1]), self.metrics)
        rates = np.array([judged.noise_rate for judged in judgements])
        rows += value_rows(members, rates, self.metric("estimated_rate"))
        return rows + value_rows(members, np.array(errors), self.metric("transition_error"))

    def _memory(self, frame: pd.DataFrame) -> list[str]:
        metric = self.metric("memorised")
        known, condition = _noisiest(frame, metric.name)
        if len(known) < 2:
            return []
        if known["ties_best"].all():
            return [
                f"Under {condition}, no network memorises significantly fewer wrong labels than another "
                "(over test images)."
            ]
        fewest, most = (known.iloc[place] for place in (-1, 0))
        return [
            f"Under {condition}, {most['member']} memorises most of the wrong labels "
            f"({quantity(most['value'], metric)}), {fewest['member']} fewest ({quantity(fewest['value'], metric)})."
        ]

    def _inspectors(self, frame: pd.DataFrame) -> list[str]:
        known, condition = _noisiest(frame, "audit_auroc")
        if not len(known) and (frame["metric"] == "audit_auroc").any():
            return ["Who finds wrong labels cannot be told: the labels audited are all right, or all wrong."]
        if not len(known) and (frame["metric"] == "memorised").any():
            return ["Who finds wrong labels cannot be told: every network was trained on them, none were held out."]
        return self._best(known, f"Under {condition}", "labels that they never saw")

    def _test_errors(self, frame: pd.DataFrame) -> list[str]:
        known, condition = _noisiest(frame, "test_error_auroc")
        return self._best(known, f"Under {condition}", "test labels that people judged")

    def _best(self, known: pd.DataFrame, where: str, what: str) -> list[str]:
        """Say which networks inspect labels best, if any does so significantly better than another."""
        if len(known) < 2:
            return []
        best = known[known["ties_best"].astype(bool)]
        if not known["ci_low"].iloc[0] > CHANCE_AUROC:
            return [f"{where}, no network is significantly better than chance at finding wrong {what}."]
        if len(best) == len(known):
            return [
                f"{where}, no network is a significantly better inspector of {what} than another (over these images)."
            ]
        metric = self.metric(str(known["metric"].iloc[0]))
        values = [f"{row['member']} ({quantity(row['value'], metric)} AUROC)" for _, row in best.iterrows()]
        return [f"{where}, the best inspectors of {what}: {', '.join(values)}."]


def _noisiest(frame: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, str]:
    """Rows of students and baselines under the condition of most wrong labels, falling, and that condition."""
    rows = frame[(frame["level"] == "method") & (frame["role"] != "teacher")]
    known = rows[(rows["metric"] == metric) & rows["value"].notna()]
    if not len(known):
        return known, ""
    realised = rows[rows["metric"] == "realised_rate"].groupby("condition")["value"].mean().fillna(0)
    noisiest = max(dict.fromkeys(known["condition"]), key=lambda condition: float(realised.get(condition, 0)))
    return known[known["condition"] == noisiest].sort_values("value", ascending=False, kind="stable"), str(noisiest)


AUDIT = ("audit_auroc", "audit_auroc_gain", "audit_precision", "audit_recall", "estimated_rate", "transition_error")

RATES = ("requested_rate", "realised_rate")

ALONE = "There is no independent baseline to hold the students against."

VERDICTS = ("better", "no significant difference", "worse")


@dataclass(frozen=True)
class TrainedLabels:
    """The labels that a network was trained on; attributes as of `Conditioned`, without the images.

    Attributes:
        indices: int64 (N,), of the images in the whole training set.
        given: int64 (N,).
        true: int64 (N,).
        held_out: int64 (M,), of images kept out.
        held_out_given: int64 (M,).
    """

    indices: np.ndarray
    given: np.ndarray
    true: np.ndarray
    held_out: np.ndarray
    held_out_given: np.ndarray


def _trained_labels(pool: ModelPool, data: Dataset) -> list[TrainedLabels]:
    known: dict[int | None, TrainedLabels] = {}
    for seed in {member.seed for member in pool}:
        part = data.trained_on(seed)
        labels = (part.indices, part.images.labels, part.true_labels, part.held_out, part.held_out_labels)
        known[seed] = TrainedLabels(*(numbers.cpu().numpy() for numbers in labels))
    return [known[member.seed] for member in pool]


def _never_saw(pool: ModelPool, data: Dataset) -> np.ndarray:
    """Which members were trained on the clean labels though the others were not: bool (M,)."""
    from robustkd.data import Clean

    clean = Clean().label
    return np.array([member.condition == clean != data.condition.label for member in pool])


def of_noise(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out conditions that have nothing to do with label noise, such as class imbalance, if there are others."""
    known = frame[frame["metric"] == "realised_rate"]["condition"].unique()
    return frame[frame["condition"].isin(known)] if len(known) else frame


def _named(condition: str, rows: pd.DataFrame) -> str:
    realised = rows[rows["metric"] == "realised_rate"]["value"].to_numpy(dtype=np.float64)
    wrong = f" ({100 * realised.mean():.1f}% of the labels wrong)" if len(realised) and realised.any() else ""
    return f"{condition[0].upper()}{condition[1:]}{wrong}"


def _rates(data: Dataset, trained: list[TrainedLabels]) -> tuple[dict[str, np.ndarray], list[Check]]:
    """The share of wrong labels asked for, NaN if none was, and that of each training set; a check of the latter.

    Nothing where no noise was asked for and none is there, as under class imbalance; of the clean training set, zeros.
    """
    from scipy.stats import binom

    from robustkd.data import Clean
    from robustkd.data.label_noise import LabelNoise as Noise

    realised = np.array([(part.given != part.true).mean() for part in trained])
    condition, name = data.condition, "realised noise rate"
    came = f"{100 * realised.mean():.2f}% of the training labels are wrong"
    if not isinstance(condition, Noise):
        if not (realised.any() or isinstance(condition, Clean)):
            return {}, []
        check = Check(name, not realised.any(), f"{came}, none were asked for", metrics=RATES)
        return {"realised": realised, "requested": np.array(0.0)}, [check]
    expected = condition.expected_rate(data.training)
    if expected is None:
        check = Check(name, True, f"{came}; they are what people said, no rate was asked for", metrics=RATES)
        return {"realised": realised, "requested": np.array(np.nan)}, [check]
    requested = expected if condition.kind == "matrix" else condition.rate
    images = min(len(part.true) for part in trained)
    low, high = np.array(binom.interval(CHANCE, images, expected)) / images
    passed = bool(
        (realised >= min(low, expected - REALISED_WITHIN)).all()
        and (realised <= max(high, expected + REALISED_WITHIN)).all()
    )
    detail = f"{100 * requested:g}% asked for, {100 * expected:.2f}% expected, {came}"
    mend = (
        "" if passed else "; that is further off than chance goes, so these labels are not what they were meant to be"
    )
    check = Check(name, passed, detail + mend, metrics=RATES)
    return {"realised": realised, "requested": np.array(requested)}, [check]


def _memorised(trained: list[TrainedLabels], never_saw: np.ndarray, seen: list[Predictions]) -> dict[str, np.ndarray]:
    """True label, trained label and prediction of every training image; −1 for one that was not trained on."""
    images = len(seen[0].labels)
    given = np.full((len(seen), images), -1, dtype=np.int32)
    for row, part in enumerate(trained):
        if not never_saw[row]:
            given[row, part.indices] = part.given
    predicted = np.stack([one.predicted for one in seen]).astype(np.int32)
    return {"true": seen[0].labels.astype(np.int32), "given": given, "predicted": predicted}


def _fits(arrays: Mapping[str, np.ndarray], row: int) -> Statistics:
    true, given, predicted = arrays["true"], arrays["given"][row], arrays["predicted"][row]
    wrong, right = (given >= 0) & (given != true), given == true
    memorised, recovered = predicted == given, predicted == true
    fates = [memorised & wrong, recovered & wrong, ~memorised & ~recovered & wrong, wrong, memorised & right, right]
    columns = np.stack(fates, axis=1).astype(np.float32)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        memorised, recovered, neither, wrong, fitted, right = (weights @ columns).T
        return {
            "memorised": ratio(memorised, wrong),
            "recovered": ratio(recovered, wrong),
            "neither": ratio(neither, wrong),
            "clean_fit": ratio(fitted, right),
        }

    return statistics
