"""Do adversarial examples that fool the teacher fool the students more than they fool a network without a teacher?

Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023, arXiv 2205.16004), section 4.2:
the iterative fast gradient sign method (I-FGSM: Kurakin, Goodfellow, Bengio, *Adversarial Examples in the Physical
World*, 2017) of k = 5 steps attacks the teacher. Among the images on which it changes the teacher's prediction, the
**fooling rate** of a network is the share on which it changes the network's prediction too. Sarfraz, Arani, Zonooz,
*Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), section VI, count among the images that both
classify correctly. The two can have opposite signs, so both are reported. The first paper does not state ε or the step
size; here each step changes a pixel by ε/k, and several ε give a curve.

Some networks are easier to fool by any attack. The control is an attack on a **foreign source**, a network that is no
teacher of the students: a student of another teacher where the pool has one, else a second independent network, else
the independent baseline itself, which then cannot be compared with the students; a note says which it is. What is
inherited is the excess over the baseline from the teacher beyond the excess from the foreign source. In the reverse
direction, attacks on every student and baseline are shown to the teacher.

The evaluation needs a teacher, the networks and their gradients; without an independent baseline it gives the rates
alone. At most one batch of examples is in memory, and predicted classes: 2 bytes for each ε, network and image. What
was seen of each source is kept on disk, so that an interrupted measurement continues with the next source.

The files: `options`; `foreign`, the choice of the foreign source; `measurement`, the attacks; `rows`, from records to
tidy results; `metrics`, what each number means; `sentences`, the headline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.adversarial_inheritance.foreign import Foreign, foreign_source
from robustkd.evaluations.adversarial_inheritance.measurement import Plan, shown
from robustkd.evaluations.adversarial_inheritance.metrics import METRICS
from robustkd.evaluations.adversarial_inheritance.options import AdversarialInheritanceOptions
from robustkd.evaluations.adversarial_inheritance.rows import NOT_ATTACKED, all_rows
from robustkd.evaluations.adversarial_inheritance.sentences import sentences
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.lines import lines_over
from robustkd.results.records import Check, Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member, ModelPool


@EVALUATIONS.register("adversarial_inheritance")
class AdversarialInheritance(Evaluation):
    """Fooling rates by attacks on the teacher, against a foreign source and the independent baseline."""

    name = "adversarial_inheritance"
    title = "Adversarial inheritance"
    question = "Do attacks that fool the teacher fool its students more than they fool a network without a teacher?"
    cites = "Ojha et al. 2023, section 4.2, Table 2; Sarfraz et al. 2020"
    version = 2
    requires = Requirements(networks=True, gradients=True, teacher=True)
    summary = ("fooling_rate_excess", "transfer_success_excess")
    reading: ClassVar[str] = (
        "The fooling rate is the share of the images on which an attack on the teacher also changes the network's "
        "prediction, among those on which it changes the teacher's; transfer success counts among the images that both "
        "classify correctly. Look at the differences to the independent baseline, and whether they are larger than "
        "those for the foreign source: only then does a student share weaknesses with this teacher in particular."
    )
    chance: ClassVar[str] = (
        "There is no chance level: adversarial examples transfer between any two networks of the same task, and the "
        "independent baseline shows how much; a student that has nothing of the teacher has a difference of 0."
    )
    control: ClassVar[str] = (
        "The independent baseline sees the same examples; and a foreign source (a student of another teacher, a second "
        "independent network, or the baseline itself) is attacked in the teacher's place."
    )
    caveats = (
        "Images that fool any network fool the student too: without the foreign source, an excess may come from a "
        "decision boundary that is simply closer to the images."
    )
    cost: ClassVar[str] = (
        "The teacher and the foreign source are attacked once for each ε, every other network once: k gradients of "
        "each image, and a forward pass of every network that sees the examples."
    )
    Options = AdversarialInheritanceOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Two sources are attacked and shown to all networks at every ε, the others at one; a gradient is 3 passes."""
        options = self.options
        used, strengths = min(options.images or images, images), len(_strengths(options))
        attacks = 2 * strengths + (max(networks - 2, 0) if options.reverse else 0)
        return used * (attacks * 3 * options.steps + 2 * strengths * networks + 2 * networks)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Attack the teacher, the foreign source, and, for the reverse direction, every other network."""
        options, members = self.options, list(pool)
        if pool.teacher is None:
            raise EvaluationError("adversarial_inheritance needs a teacher: add one to the pool")
        if len(members) < 2:
            raise EvaluationError(
                "adversarial_inheritance needs a student or baseline besides the teacher: add one to the pool"
            )
        frame, teacher = members_frame(members), members.index(pool.teacher)
        foreign = foreign_source(frame)
        indices = data.test.sample_indices(options.images, options.seed)
        plan = self._plan(data.test.subset(indices), indices.numpy(), members)
        clean = np.stack([predict(member).predicted[plan.indices] for member in members]).astype(np.int16)
        seen, checks = _attack_all(members, teacher, foreign, plan, _main(options), options.reverse, predict)
        arrays = {
            "image": plan.indices,
            "label": plan.images.labels.cpu().numpy(),
            "clean": clean,
            "epsilons": np.array(plan.epsilons),
            "main": np.array(_main(options)),
            "teacher": np.array(teacher),
            "foreign": np.array(-1 if foreign is None else foreign.index),
            "reverse": np.array(options.reverse),
            **seen,
        }
        return Records(frame, arrays, tuple(checks), _notes(frame, foreign))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Rates by source and counting, their differences to the baseline, and the curve over ε."""
        return tidy(all_rows(records))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Fooling rates over ε by attacks on the teacher and on the foreign source; dots where there is only one ε."""
        import altair as alt

        names = [name for name in ("fooling_rate", "foreign_fooling_rate") if (frame["metric"] == name).any()]
        curve = frame[frame["strength"].notna()]
        if curve["strength"].nunique() < 2:
            return alt.vconcat(*(dots_and_intervals(frame, self.metric(name)) for name in names))
        titles = {"fooling_rate": "Attacks on the teacher", "foreign_fooling_rate": "Attacks on the foreign source"}
        panels = [
            lines_over(curve[curve["metric"] == name], self.metric(name), "ε").properties(title=titles[name])
            for name in names
        ]
        return alt.vconcat(*panels)

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """For each student, both ways of counting against the baseline, and the teacher against the foreign source."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def _plan(self, images: ImageSet, indices: np.ndarray, members: list[Member]) -> Plan:
        from robustkd.attacks.batch_size import fitting_batch_size
        from robustkd.attacks.crafting import crafting_precision

        options, device = self.options, members[0].model.mean.device
        fitting = options.batch_size or fitting_batch_size([each.model for each in members], images.shape, device)
        return Plan(
            epsilons=_strengths(options),
            steps=options.steps,
            images=images,
            indices=indices,
            precision=crafting_precision(options.precision, device),
            batch_size=min(len(indices), fitting),
        )


def _strengths(options: AdversarialInheritanceOptions) -> tuple[float, ...]:
    return tuple(sorted({options.epsilon, *options.epsilons}))


def _main(options: AdversarialInheritanceOptions) -> int:
    return _strengths(options).index(options.epsilon)


def _attack_all(
    members: list[Member],
    teacher: int,
    foreign: Foreign | None,
    plan: Plan,
    main: int,
    reverse: bool,
    predict: Predict,
) -> tuple[dict[str, np.ndarray], list[Check]]:
    """Predictions for the examples of each source; see `AdversarialInheritance.measure`."""
    count = len(plan.images)
    own = np.full((len(members), count), NOT_ATTACKED, dtype=np.int16)
    to_teacher = own.copy()
    from_foreign = np.empty((0, len(members), count), dtype=np.int16)
    from_teacher, checks = shown(members[teacher], members, plan.epsilons, plan, predict.kept)
    own[teacher] = to_teacher[teacher] = from_teacher[main, teacher]
    if foreign is not None:
        source = foreign.index
        from_foreign, found = shown(members[source], members, plan.epsilons, plan, predict.kept)
        own[source], to_teacher[source] = from_foreign[main, source], from_foreign[main, teacher]
        checks += found
    for index, member in enumerate(members):
        if reverse and (own[index] == NOT_ATTACKED).all():
            pair = [member, members[teacher]]
            ((own[index], to_teacher[index]),), found = shown(
                member, pair, plan.epsilons[main : main + 1], plan, predict.kept
            )
            checks += found
    arrays = {"from_teacher": from_teacher, "from_foreign": from_foreign, "own": own, "to_teacher": to_teacher}
    return arrays, checks


def _notes(members: pd.DataFrame, foreign: Foreign | None) -> tuple[str, ...]:
    """Say which network is the foreign source."""
    if foreign is None:
        return (
            "There is no foreign source: the pool has neither an independent baseline nor a student of another teacher",
        )
    told = f"The foreign source is {members['member'][foreign.index]}, {foreign.kind}"
    if not foreign.compared:
        told += (
            ", so what its attacks do to the students cannot be compared with what they do to a baseline: add a second "
            "baseline or a student of another teacher to the pool"
        )
    return (told,)
