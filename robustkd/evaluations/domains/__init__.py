"""On images that look unlike any training image, do students still decide like their teacher?

Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023), section 6: a student follows its
teacher on domains that it has never seen, such as sketches. Here: the **consensus** with the teacher, mean 1[argmax p_t
= argmax p_s], and the accuracy, on versions of the data that nobody was trained on; each in excess of the independent
baseline's, because accurate networks agree anyway.

Versions that the user has (CIFAR-10.1, CIFAR-10.2, folders) are named in `sets`. Always generated from the test images:
corruptions (`data.corruptions`); grey; edges (Sobel); silhouettes (by colour, without a network); and
texture swaps, in which the fine detail is that of another image, shuffled. They are named for what they are: people
drew the paper's sketches and silhouettes, not these. Means are over versions, each of which counts the same. Published,
for a VGG-19 and a ResNet-18 of ImageNet (Table 11a): 33.6 % consensus on sketches without distillation, 37.6 % with KL.

The evaluation needs the networks. Without a teacher there is no consensus. Memory is bounded by one version, and by two
bytes for each network and image.

The files, in reading order: `options`; `versions`, the images; `measure` below; `rows`, from predictions to tidy
results; `metrics`, what each number means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.domains.metrics import METRICS
from robustkd.evaluations.domains.options import DomainsOptions
from robustkd.evaluations.domains.rows import all_rows
from robustkd.evaluations.domains.versions import GENERATED, versions
from robustkd.presentation.by_part import dots_by_part
from robustkd.presentation.findings import student_findings
from robustkd.presentation.pictures import Picture
from robustkd.presentation.rows_of_images import rows_of_images
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool

SHOWN = 6
"""The number of images of each version that a report shows."""

OUTLINES = 4
"""The number of generated versions besides the corruptions."""


@EVALUATIONS.register("domains")
class Domains(Evaluation):
    """Consensus with the teacher, and accuracy, on unseen versions of the data."""

    name = "domains"
    title = "Unseen versions of the data"
    question = "On images that look unlike any training image, do students still decide like their teacher?"
    cites = "Ojha et al. 2023, section 6, Table 11"
    version = 2
    requires = Requirements(networks=True)
    reads_folders = ("sets",)
    summary = ("consensus", "consensus_excess")
    reading = (
        "Consensus is the share of equal decisions of network and teacher. What a student has from its teacher is the "
        "excess over the independent baseline, most telling where accuracy is low and networks could err in many ways."
    )
    chance = (
        "Networks that decide at random agree on 1 of K images; how often accurate networks agree anyway, the "
        "independent baseline shows."
    )
    control = "The independent baseline on the same images, and the consensus on the test images themselves."
    caveats = (
        "The versions are computed from the test images; photographs of another source may give another consensus."
    )
    cost = "One forward pass of eight generated versions, and of each named one, by every network; 1,000 images each."
    Options = DomainsOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every image of every version."""
        sets = OUTLINES + len(self.options.corruptions) + len(self.options.sets)
        return networks * min(self.options.images or images, images) * sets

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the same images of each version."""
        from robustkd.data.first_images import first_images
        from robustkd.data.sampled import sampled

        members = list(pool)
        used, places = sampled(data.test, self.options.images, self.options.seed)
        arrays = {
            "original": np.stack([predict(member).predicted[places.numpy()] for member in members]).astype(np.int32),
            "label": used.labels.cpu().numpy(),
            "shown_original": first_images(used, SHOWN),
        }
        names: list[str] = []
        generated: list[bool] = []
        notes: list[str] = []
        for each in versions(self.options, data, used, places):
            if isinstance(each, str):
                notes.append(each)
                continue
            seen = [predict(member, each.images).predicted for member in members]
            arrays[f"seen_{len(names)}"] = np.stack(seen).astype(np.int32)
            arrays[f"label_{len(names)}"] = each.images.labels.cpu().numpy()
            arrays[f"shown_{len(names)}"] = first_images(each.images, SHOWN)
            names.append(each.name)
            generated.append(each.generated)
            notes += each.notes
        arrays |= {"versions": np.array(names), "generated": np.array(generated)}
        notes.append(
            f"Generated versions are made of the test images with seed {self.options.seed}; they are not the released "
            "files of any benchmark"
        )
        if pool.teacher is None:
            notes.append("There is no teacher, so there is no consensus, only accuracy")
        return Records(members_frame(members), arrays, notes=tuple(notes))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Consensus and accuracy: means over versions, the test images, and each version."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Consensus, or without a teacher accuracy, on the test images and each version."""
        return dots_by_part(frame, self._shown(frame))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's consensus with the teacher, or without one its accuracy, against the baseline's."""
        value, difference, phrases = ("consensus", "consensus_excess", CONSENSUS)
        if not (frame["metric"] == value).any():
            value, difference, phrases = ("domain_accuracy", "domain_accuracy_gain", ACCURACY)
        found = student_findings(frame, value, difference)
        return findings(found, self.metric(value), self.metric(difference), phrases)

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """The first images of each version."""
        names = [str(name).removesuffix(GENERATED) for name in records.arrays["versions"]]
        rows = [records.arrays["shown_original"], *(records.arrays[f"shown_{place}"] for place in range(len(names)))]
        caption = (
            f"The first {SHOWN} of the images that were used of each version; a generated image is made of the test "
            "image above it."
        )
        return (rows_of_images("versions", "Unseen versions", caption, ["test images", *names], rows),)


CONSENSUS = Phrases(
    one="{student} agrees with the teacher on {value} of the images of unseen versions",
    against="against the independent baseline",
    many="Consensus with the teacher on unseen versions against the independent baseline",
    verdicts=("closer to the teacher", "no significant difference", "further from the teacher"),
    alone="without an independent baseline, it is unknown how much of this is due to the teacher",
)

ACCURACY = Phrases(
    one="{student} classifies {value} of the images of unseen versions correctly",
    against="against the independent baseline",
    many="Accuracy on unseen versions against the independent baseline",
    verdicts=("better", "no significant difference", "worse"),
    alone="there is no independent baseline to compare it with",
)
