"""Do students decide by shape or by texture as their teacher does?

Geirhos et al., *ImageNet-trained CNNs are biased towards texture* (ICLR 2019, arXiv 1811.12231): an image has the shape
of one class and the texture of another; of the decisions for one of the two, the shape bias is the share for the shape.
Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023), ask whether it is distilled: a
ResNet-18 has 0.21 by itself, and 0.26 or 0.50 by KL from two ResNet-50 of about 0.81 (Table 12).

Cue conflicts come from a folder named as in model-vs-human (``cat4-truck2.png``; sixteen classes, of which those count
that the data have by name, and decisions are among these). Others are generated from the test images, of any size, by
two rules. *Smooth shape, shuffled detail*: the smooth part of an image, in the colours of an image of another class,
under the shuffled fine detail of that one. *Silhouette, shuffled patches*: what stands out from the border of an image,
filled with the shuffled patches of another. There, decisions are among all classes. Generated images are not those of
the paper: compare their shape bias with that of other networks on the same images only.

The first set is reported, that of the folder where there is one; all sets are in the details. The control mixes images
of one class by the first rule: where it is not classified, the mixed images tell nothing of these networks.

The evaluation needs the networks. Memory is bounded by one set, and by four bytes for each network and image.

The files, in reading order: `options`; `conflicts`, the images; `measure` below; `rows`, from decisions to tidy
results; `metrics`, what each number means; `sentences`, the headline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.shape_bias.conflicts import GENERATED, conflicts
from robustkd.evaluations.shape_bias.metrics import METRICS
from robustkd.evaluations.shape_bias.options import ShapeBiasOptions
from robustkd.evaluations.shape_bias.rows import all_rows
from robustkd.evaluations.shape_bias.sentences import sentences
from robustkd.presentation.by_part import dots_by_part
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.pictures import Picture
from robustkd.presentation.rows_of_images import rows_of_images
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool

SHOWN = 6
"""The number of images of each set that a report shows."""

GENERATED_SETS = 3
"""Two rules, and the control."""


@EVALUATIONS.register("shape_bias")
class ShapeBias(Evaluation):
    """Decisions by shape or by texture, on images in which these conflict."""

    name = "shape_bias"
    title = "Shape bias"
    question = "Do students decide by shape or by texture as their teacher does?"
    cites = "Geirhos et al. 2019; Ojha et al. 2023, Table 12"
    version = 1
    requires = Requirements(networks=True)
    reads_folders = ("path",)
    summary = ("shape_bias", "shape_bias_gain")
    reading = (
        "100% means that every decision between the two cues follows the shape, 0% the texture. A student has the bias "
        "from its teacher if it moves from the independent baseline's towards the teacher's; read it beside the share "
        "of images that are decided by a cue at all."
    )
    chance = (
        "A network that ignores both cues decides for each equally often: shape bias 50%, and 2 of K classes by a cue."
    )
    control = "The independent baseline on the same images, and images whose two cues are of one class."
    caveats = (
        "Cue conflicts of small images are made here, not those of the published benchmark: compare networks on "
        "them, not with published values."
    )
    cost = "One forward pass of three generated sets of 1,000 images, and of the folder, by every network."
    Options = ShapeBiasOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every image of every set."""
        sets = GENERATED_SETS + (self.options.path is not None)
        return networks * min(self.options.images or images, images) * sets

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the same images with two cues."""
        from robustkd.data.first_images import first_images
        from robustkd.data.sampled import sampled

        members = list(pool)
        used, places = sampled(data.test, self.options.images, self.options.seed)
        arrays: dict[str, np.ndarray] = {"shown_test": first_images(used, SHOWN)}
        names: list[str] = []
        notes: list[str] = []
        for each in conflicts(self.options, data.test, used, places):
            if isinstance(each, str):
                notes.append(each)
                continue
            logits = (predict(member, each.images).logits[:, each.among] for member in members)
            arrays |= {
                f"decided_{len(names)}": np.stack([each.among[seen.argmax(axis=1)] for seen in logits]).astype(
                    np.int32
                ),
                f"shape_{len(names)}": each.shapes,
                f"texture_{len(names)}": each.textures,
                f"shown_{len(names)}": first_images(each.images, SHOWN),
            }
            names.append(each.name)
            notes += each.notes
        arrays["sets"] = np.array(names, dtype=str)
        if pool.teacher is None:
            notes.append("There is no teacher, so it is unknown whether its bias was taken over")
        return Records(members_frame(members), arrays, notes=tuple(notes))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Shape bias, the share decided by a cue, and consensus with the teacher; the control; and each set."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Shape bias by method, and on each set of cue conflicts."""
        import altair as alt

        metric = self.metric("shape_bias")
        whole, parts = dots_and_intervals(frame, metric), dots_by_part(frame, metric)
        return alt.vconcat(whole, parts).resolve_scale(color="independent")

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's shape bias against the baseline's, the teacher's, and which images these are."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """The first images of each set."""
        names = [str(name).removesuffix(GENERATED).partition(",")[0] for name in records.arrays["sets"]]
        rows = [records.arrays["shown_test"], *(records.arrays[f"shown_{place}"] for place in range(len(names)))]
        caption = (
            f"The first {SHOWN} of the images that were used. A generated image takes its shape from the test image at "
            "the top, its texture from one of another class, or in the control from another one of the same class."
        )
        return (rows_of_images("conflicts", "Cue conflicts", caption, ["test images", *names], rows),)
