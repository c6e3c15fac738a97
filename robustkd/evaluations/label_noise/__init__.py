"""What do wrong training labels do to the networks, and can the networks find these labels?

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), Table V: accuracy on the
clean test set after training on noisy labels, against the independent baseline trained on the same labels.

**Memorisation** (Liu et al., *Early-learning regularization*, NeurIPS 2020, Figure 1): of the training images whose
label is wrong, how many a network classifies as that wrong label, as the true one, or as neither.

**Audit** (confident learning; see `audit`): how well a network's probabilities identify the wrong labels. Only labels
that it was not trained on are audited: those of the images that the condition held out, or all labels by a network
trained on clean ones. Otherwise there is no audit, and a check says so. The label errors that people found in test sets
(Northcutt, Athalye, Mueller, *Pervasive label errors*, NeurIPS 2021) can be searched for by any network. The matrices
of given labels by true class, the true one and the estimates of each method, are rows of level ``detail`` for up to 20
classes.

The evaluation needs predictions for the test images, and for the training images if some of their labels are wrong.

The files, in reading order: `options`; `measurement`, from networks and images to records; `audit`, the audit of one
network's probabilities; `judged_labels`, the label errors that people judged; `transitions`, the matrices of given
labels by true class; `rows`, from records to tidy results; `metrics`, what each number means; `charts`, which calls
`transition_charts`; `sentences`, the headline.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.label_noise.judged_labels import read_judged_labels
from robustkd.evaluations.label_noise.measurement import (
    audit_notes,
    labels_to_audit,
    noise_rates,
    trained_labels,
    training_answers,
)
from robustkd.evaluations.label_noise.metrics import METRICS
from robustkd.evaluations.label_noise.options import LabelNoiseOptions
from robustkd.evaluations.label_noise.rows import noise_rows
from robustkd.evaluations.label_noise.sentences import of_noise, sentences
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.records import Check, Records, members_frame, trained_clean
from robustkd.results.tidy import tidy
from robustkd.results.value_rows import seed_rows

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("label_noise")
class LabelNoise(Evaluation):
    """Accuracy under label noise, memorisation, and the audit of labels."""

    name = "label_noise"
    title = "Label noise"
    question = "What do wrong training labels do to the networks, and can the networks find these labels?"
    cites = "Sarfraz et al. 2020, Table V; Northcutt et al. 2021"
    reading = (
        "The memorisation rate is the share of wrongly labelled training images for which a network predicts the wrong "
        "label. The audit asks how well a network's doubts find these images."
    )
    chance = "Doubts at random find wrong labels with an AUROC of 50 %."
    control = "The independent baseline, trained on the same wrong labels."
    caveats = (
        "The rate that is asked for may differ from the realised one, where a redrawn label may be the true one; the "
        "audit finds labels that a network doubts, which hard but right labels are, too."
    )
    cost = "One forward pass of the training images by every network."
    version = 5
    requires = Requirements(training=True)
    summary = ("memorised", "audit_auroc")
    across_conditions = True
    Options = LabelNoiseOptions
    metrics = METRICS

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Predict the test images, and the training images if some of their labels are wrong."""
        tested = [predict(member) for member in pool]
        arrays = {"correct": np.stack([seen.correct for seen in tested])}
        checks: list[Check] = []
        if data.train is not None:
            trained, clean = trained_labels(pool, data), trained_clean(pool, data)
            rates, rate_checks = noise_rates(data, trained)
            checks += rate_checks
            if "realised" in rates:
                arrays |= rates | {"realised": np.where(clean, np.nan, rates["realised"])}
            if "realised" in rates and rates["realised"].any():
                seen = [predict(member, data.train) for member in pool]
                arrays |= training_answers(trained, clean, seen)
                options = self.options
                audited, found = labels_to_audit(pool, data, trained, seen, options.audit_images, options.seed)
                arrays |= audited
                checks += found
        if self.options.test_errors is not None:
            quality = np.stack([np.exp(-seen.nll) for seen in tested])
            judged = read_judged_labels(Path(self.options.test_errors).expanduser(), tested[0].labels)
            arrays |= {"judged": judged.judged, "refused": judged.refused, "test_quality": quality}
        members = members_frame(pool)
        notes = audit_notes(members, arrays) if "inspectors" in arrays else ()
        return Records(members, arrays, tuple(checks), notes)

    def summarise(self, records: Records) -> pd.DataFrame:
        """Accuracy, memorisation and audits, as far as they can be measured for these networks."""
        members, arrays = records.members, records.arrays
        rows = per_image_rows(
            members, {"accuracy": arrays["correct"]}, (self.metric("accuracy"), self.metric("accuracy_gain"))
        )
        rows += seed_rows(members, arrays["correct"].mean(axis=1), self.metric("accuracy_over_seeds"))
        return tidy(rows + noise_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Accuracy by the share of wrong labels, their predictions, how well they are found, and their pattern."""
        from robustkd.evaluations.label_noise.charts import noise_panels

        return noise_panels(of_noise(frame))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """For each condition the students' gains; the fewest memorised wrong labels; the best at finding them."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})
