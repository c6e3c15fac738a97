"""Can a network tell when to abstain?

A network that may leave images to somebody else accepts those of which it is confident. The confidence is the largest
softmax probability. The coverage is the share of images that are accepted, the selective risk the error rate among
them (El-Yaniv, Wiener, *On the Foundations of Noise-free Selective Classification*, JMLR 2010).

* AURC, the mean selective risk over all coverages, and E-AURC, its excess over the best order of the same errors:
  Geifman, Uziel, El-Yaniv, *Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers* (ICLR 2019). The best
  order is that of the images at hand, where the paper approximates it by r + (1 − r)·ln(1 − r).
* AUGRC, the area under the generalized risk: Traub, Bungert, Lüth, Baumgartner, Maier-Hein, Maier-Hein, Jaeger,
  *Overcoming Common Flaws in the Evaluation of Selective Classification Systems* (NeurIPS 2024), which weighs all
  errors alike, where AURC counts those of high confidence many times.
* The risk at 80 % coverage and the coverage at 5 % risk (Geifman, El-Yaniv, *Selective Classification for Deep Neural
  Networks*, NeurIPS 2017).

Images of equal confidence are accepted in random order, and the numbers are expectations over it. Accuracy enters all
of these measures except E-AURC. The evaluation needs predictions for the test images only; without an independent
baseline there are no differences.

Intervals: bootstrap over test images. Memory: a few arrays of 16 MB besides the resamples, which all evaluations share.

The files, in reading order: `risk_coverage`, the curve and what is read from it; `observed`, the metrics of one
network; `metrics`, what each number means; `rows`, the curve of each method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, NoOptions, Predict, Requirements
from robustkd.evaluations.selective.metrics import METRICS
from robustkd.evaluations.selective.observed import RISK, observed
from robustkd.evaluations.selective.rows import curve_rows
from robustkd.presentation.findings import student_findings
from robustkd.presentation.lines import lines_over
from robustkd.presentation.numbers import join
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy
from robustkd.statistics.resampling import resampled

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("selective")
class Selective(Evaluation):
    """Errors among the images of which a network is confident."""

    name = "selective"
    title = "Selective prediction"
    question = "Can a network tell when to abstain?"
    cites = "Geifman et al. 2019; Traub et al. 2024"
    reading = (
        "A network accepts the images of which it is most confident; the risk is the error rate among them. Lower is "
        "better for AURC, AUGRC and the risk at 80 % coverage, higher for the coverage at 5 % risk. A more accurate "
        "network has a lower AURC even if its confidence says no more about its errors: E-AURC leaves that out."
    )
    chance = (
        "If confidence says nothing about errors, AURC and the risk at any coverage are the error rate, and AUGRC is "
        "half of it."
    )
    control = "The independent baseline: the same architecture, trained on the labels alone."
    caveats = "AURC mixes accuracy with the ranking by confidence; only the excess leaves accuracy out."
    cost = "Seconds, from the shared predictions."
    version = 1
    requires = Requirements()
    summary = ("aurc", "aurc_difference")
    Options = NoOptions
    metrics = METRICS

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Predict every test image with every member."""
        confidence, correct = [], []
        for member in pool:
            seen = predict(member)
            confidence.append(np.exp(seen.log_probabilities.max(axis=1)))
            correct.append(seen.correct)
        arrays = {"confidence": np.stack(confidence), "correct": np.stack(correct)}
        return Records(members_frame(pool), arrays, notes=_notes([member.name for member in pool], arrays["correct"]))

    def summarise(self, records: Records) -> pd.DataFrame:
        """All metrics, and the risk–coverage curve of each method."""
        arrays, members = records.arrays, records.members
        pairs = zip(arrays["confidence"], arrays["correct"], strict=True)
        found = resampled([observed(*pair) for pair in pairs], arrays["correct"].shape[1])
        rows = metric_rows(members, found, self.metrics)
        return tidy(rows + curve_rows(members, found, self.metric("selective_risk")))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The risk–coverage curve of each method."""
        return lines_over(frame[frame["level"] == "detail"], self.metric("selective_risk"), "coverage")

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's AURC, and its difference to the baseline's."""
        found = student_findings(frame, "aurc", "aurc_difference")
        return findings(found, self.metric("aurc"), self.metric("aurc_difference"), PHRASES)


PHRASES = Phrases(
    one="The AURC of {student}, its error rate averaged over all coverages, is {value}",
    against="against the independent baseline",
    many="AURC against the independent baseline",
    verdicts=("worse at abstaining", "no significant difference", "better at abstaining"),
    alone="there is no independent baseline to compare it with",
)


def _notes(names: list[str], correct: np.ndarray) -> tuple[str, ...]:
    """Note which networks keep to the risk of 5 % without abstaining."""
    easy = [name for name, right in zip(names, correct, strict=True) if 1 - right.mean() <= RISK]
    if not easy:
        return ()
    which = f"{join(easy)} {'keeps' if len(easy) == 1 else 'keep'}"
    return (f"{which} to a risk of {RISK:.0%} without abstaining, so the coverage at this risk is 100%",)
