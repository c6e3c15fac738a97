"""Do adversarial examples that fool one network fool the others?

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), section VI and Figure 1:
PGD (Madry et al. 2018), L∞, ε = 0.031, step size 0.003, 20 steps, random start, cross-entropy, attacks a source s. The
transfer success on a target t is

    TS(s→t) = Σ 1[f_s(x)=y ∧ f_t(x)=y ∧ f_t(x_adv)≠y] / Σ 1[f_s(x)=y ∧ f_t(x)=y].

Sources are in columns, targets in rows; row and column means include the diagonal; the teacher is a source only. The
independent baseline is always shown beside the students: transfer from the teacher to a student is informative only in
excess of transfer from the teacher to a network that never saw it. Ojha et al., *What Knowledge Gets Distilled in
Knowledge Distillation?* (NeurIPS 2023), count in another way, and find the opposite sign for some students; their
fooling rate is reported too.

Each source is attacked once, by torchattacks, and all members, the teacher included, see the same examples. Random
starts are drawn from (seed, index of the image), so the examples of a source depend neither on the other members, nor
on the batch size, nor on which other images are used; a note names the attacks for which this does not hold.

A network is only as robust as the strongest attack on it shows. The gradient of the cross-entropy vanishes where logits
are large, and distillation changes how large they are. Further attacks that do not depend on the size of the logits
(the same attack on standardised logits, and APGD on the difference of logits ratio: Croce and Hein 2020) are therefore
run on the images that withstood the first, and so is, on a sample of the images, an attack that uses no gradients
(Square: Andriushchenko et al. 2020). Where gradients vanish or do not lead towards mistakes, or where the attack
without gradients finds more, the robustness of the network is unknown: its worst case is void. All members also see the
teacher's examples on standardised logits, to which the size of its logits makes no difference. Checks report networks
on which a transferred or a further attack is stronger than the matrix's. The evaluation needs the networks and their
gradients.

The files, in reading order: `options`, and the attacks they specify; `measurement`, the pass over networks and
images, with `examples` for those saved to disk (the attacks themselves are in `robustkd.attacks`); `matrix`, how the
predictions are counted; `strength`, whether the attacks were strong enough; `rows`, from records to tidy results, which
calls `pair_rows`, `mean_rows`, `teacher_rows` and `own_rows`, with `row` for what these share; `metrics`, what each
number means; `sentences`, the headline.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.attacks.attack import STANDARDISED, with_distinct_labels
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.transferability.examples import example_file
from robustkd.evaluations.transferability.measurement import Plan, attack_all
from robustkd.evaluations.transferability.metrics import METRICS
from robustkd.evaluations.transferability.options import (
    TransferabilityOptions,
    main_attack,
    notes_on,
    own_attacks,
    square_attack,
)
from robustkd.evaluations.transferability.rows import all_rows
from robustkd.evaluations.transferability.sentences import sentences
from robustkd.evaluations.transferability.strength import strength_checks
from robustkd.presentation.heat_map import heatmap
from robustkd.presentation.lines import lines_over
from robustkd.progress import progress
from robustkd.results.groups import groups_of
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import Member, ModelPool


@EVALUATIONS.register("transferability")
class Transferability(Evaluation):
    """The matrix of transfer success between all students, baselines and the teacher."""

    name = "transferability"
    title = "Adversarial transferability"
    question = "Do adversarial examples that fool one network fool the others?"
    version = 10
    requires = Requirements(networks=True, gradients=True)
    summary = ("worst_case_accuracy", "teacher_transfer_excess")
    Options = TransferabilityOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Each step is a forward and a backward pass; further attacks are assumed to run on half of the images."""
        sources = methods if self.options.networks == "first" else networks
        square = "square" in self.options.white_box
        attacks = 1 + len(self.options.epsilons) + (len(self.options.white_box) - square) / 2
        used = min(self.options.images or images, images)
        queries = square * min(self.options.square_images, used) * self.options.square_queries / 2
        steps = used * (3 * self.options.steps * attacks + sources * (1 + len(self.options.epsilons)))
        return sources * (steps + queries)

    def files(self, pool: ModelPool) -> tuple[Path, ...]:
        """The adversarial examples of each source, where they are to be saved."""
        if self._folder is None:
            return ()
        return tuple(example_file(self._folder, member) for member in chosen(list(pool), self.options.networks))

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Attack each source once, and show every member the same examples."""
        options = self.options
        members = chosen(list(pool), options.networks)
        if all(member.role == "teacher" for member in members):
            raise EvaluationError(
                "transferability needs a student or baseline besides the teacher: add one to the pool"
            )
        indices = data.test.sample_indices(options.images, options.seed)
        plan = self._plan(data.num_classes, len(indices), members, data.test.shape)
        images, places = data.test.subset(indices), indices.numpy()
        clean = np.stack([predict(member).predicted[places] for member in members]).astype(np.int16)
        with progress("attack", len(members) * len(images)) as advance:
            predicted, checks = attack_all(members, images, places, clean, plan, advance)
        attacks = (plan.attack, *plan.own)
        arrays = {
            "image": places,
            "label": images.labels.cpu().numpy(),
            "class_names": np.array(images.class_names),
            "clean": clean,
            "sample": plan.sample,
            "attacks": np.array([attack.label for attack in attacks]),
            "epsilon": np.array(np.nan if plan.attack.epsilon is None else plan.attack.epsilon),
            "epsilons": np.array(options.epsilons, dtype=np.float64),
            "crafting_precision": np.array(plan.precision),
            "scoring_precision": np.array("float32"),
            **({} if plan.from_teacher is None else {"from_teacher_attack": np.array(plan.from_teacher.label)}),
            **predicted,
        }
        notes = notes_on(attacks, options, data.num_classes, plan.precision, plan.batch_size)
        found = (*checks, *strength_checks(members, arrays))
        return Records(members_frame(members), arrays, found, notes)

    def summarise(self, records: Records) -> pd.DataFrame:
        """Pairs, means by source and target, excess over the baseline, robustness of each network."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The matrix, sources in columns, targets in rows, with means; and accuracy over ε if it was measured."""
        import altair as alt

        names = "transfer_success", "mean_on_target", "mean_from_source"
        matrix = heatmap(frame[frame["level"].isin(["pair", "network"])], *(self.metric(name) for name in names))
        sweep = frame[(frame["metric"] == "white_box_accuracy") & frame["strength"].notna()]
        if sweep.empty:
            return matrix
        return alt.vconcat(matrix, lines_over(sweep, self.metric("white_box_accuracy"), "ε")).resolve_scale(
            color="independent"
        )

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """For each student, transfer from the teacher against the baseline's; then what limits the attacks."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    @property
    def _folder(self) -> Path | None:
        return None if self.options.save_examples is None else Path(self.options.save_examples).expanduser()

    def _plan(self, classes: int, images: int, members: list[Member], shape: tuple[int, int, int]) -> Plan:
        from robustkd.attacks.batch_size import fitting_batch_size
        from robustkd.attacks.crafting import crafting_precision

        options, device = self.options, members[0].model.mean.device
        models = [member.model for member in members]
        first = main_attack(options)
        main, *own = with_distinct_labels((first, *own_attacks(options, classes)))
        standardised = next((attack for attack in own if attack.logits == STANDARDISED), None)
        sweep = tuple(first.with_epsilon(epsilon) for epsilon in options.epsilons)
        square = next((attack for attack in own if attack == square_attack(options)), None)
        sample, followed = (spread_over(images, count) for count in (options.square_images, FOLLOWED))
        return Plan(
            attack=main,
            own=tuple(own),
            from_teacher=standardised,
            sampled=square,
            sample=sample,
            followed=followed,
            sweep=sweep,
            precision=crafting_precision(options.precision, device),
            batch_size=options.batch_size or min(images, fitting_batch_size(models, shape, device)),
            seed=options.seed,
            folder=self._folder,
        )


FOLLOWED = 50
"""The number of images whose gradients are followed for a step, to see whether they lead towards a mistake."""


def spread_over(images: int, count: int) -> np.ndarray:
    """Choose some images, spread evenly over all, bool (N,)."""
    chosen = np.zeros(images, dtype=np.bool_)
    chosen[np.linspace(0, images - 1, min(count, images)).round().astype(int)] = True
    return chosen


def chosen(members: list[Member], networks: str) -> list[Member]:
    """Choose the members of the matrix.

    Args:
        members: All members of the pool.
        networks: ``all`` for every member, ``first`` for the first seed of each method.

    Returns:
        The members, in their order.
    """
    if networks == "all":
        return members
    groups = groups_of(members_frame(members))
    return [members[group.rows[0]] for group in groups]
