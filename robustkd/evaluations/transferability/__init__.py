"""Do adversarial examples that fool one network fool the others?

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), section VI and Figure 1:
PGD (Madry et al. 2018), L∞, ε = 0.031, step size 0.003, 20 steps, random start, cross-entropy, attacks a source s. The
transfer success on a target t is

    TS(s→t) = Σ 1[f_s(x)=y ∧ f_t(x)=y ∧ f_t(x_adv)≠y] / Σ 1[f_s(x)=y ∧ f_t(x)=y].

Sources are in columns, targets in rows; row and column means include the diagonal. In the paper's figure the teacher is
a source only; here it is a target too, unless ``teacher_is_target`` is false. The independent baseline is always shown
beside the students: transfer from the teacher to a student is informative only in excess of transfer from the teacher
to a network that never saw it. Ojha et al., *What Knowledge Gets Distilled in
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

Two controls need no attack: random noise of the attack's size, and, from four networks besides the teacher on, the
part of the variance of transfer from the teacher that a line in the networks' accuracy explains. On request, transfer
is also measured for attacks that were designed to transfer (Dong et al. 2018 and 2019; Xie et al. 2019), for an attack
on all students together, and for examples rounded to 8 bits; and each network is attacked by the standard version of
AutoAttack (Croce and Hein 2020), composed of torchattacks' attacks. One batch of examples is in memory at a time, and
predicted classes: 2 bytes for each attack, source, target and image.

The files, in reading order: `options`, and the attacks they specify; `plan`, which attacks run on which images;
`measurement`, the pass over networks and images, with `examples` for those saved to disk (the attacks themselves are in
`robustkd.attacks`); `together` and `autoattack`, attacks on request; `matrix`, how the predictions are counted;
`strength`, whether the attacks were strong enough; `rows`, from records to tidy results, which calls `pair_rows`,
`mean_rows`, `teacher_rows`, `own_rows`, `accuracy_rows`, `network_rows` and `request_rows`, with `row` for what these
share; `metrics`, what each number means; `sentences`, the headline; `notes`, what a reader must know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from robustkd.attacks.standard_suite import QUERIES, STEPS, standard_suite
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.transferability.autoattack import run_autoattack
from robustkd.evaluations.transferability.examples import example_file
from robustkd.evaluations.transferability.measurement import Keep, attack_all
from robustkd.evaluations.transferability.metrics import METRICS
from robustkd.evaluations.transferability.notes import further_notes, notes_on
from robustkd.evaluations.transferability.options import TransferabilityOptions
from robustkd.evaluations.transferability.plan import Plan, plan_of, spread_over
from robustkd.evaluations.transferability.rows import all_rows
from robustkd.evaluations.transferability.sentences import sentences
from robustkd.evaluations.transferability.strength import strength_checks
from robustkd.evaluations.transferability.together import attack_together
from robustkd.presentation.heat_map import heatmap
from robustkd.presentation.lines import lines_over
from robustkd.progress import progress
from robustkd.results.groups import groups_of
from robustkd.results.records import Check, Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member, ModelPool


@EVALUATIONS.register("transferability")
class Transferability(Evaluation):
    """The matrix of transfer success between all students, baselines and the teacher."""

    name = "transferability"
    title = "Adversarial transferability"
    question = "Do adversarial examples that fool one network fool the others?"
    cites = "Sarfraz et al. 2020, Figure 1; Madry et al. 2018; Ojha et al. 2023"
    version = 12
    requires = Requirements(networks=True, gradients=True)
    summary = ("worst_case_accuracy", "teacher_transfer_excess")
    reading: ClassVar[str] = (
        "A cell of the matrix is the share of the images that source and target both classify correctly on which the "
        "attack on the source makes the target wrong. Transfer from the teacher says something about distillation only "
        "in excess of the independent baseline's. Read robustness from the worst case over all attacks, and not at all "
        "where a check failed."
    )
    chance: ClassVar[str] = (
        "Random noise of the attack's size gives the share that needs no attack; transfer between independent networks "
        "gives the share that needs no common training."
    )
    control: ClassVar[str] = (
        "The independent baseline, which sees the same examples; random noise of the same size; and attacks that do "
        "not depend on the size of the logits."
    )
    caveats = (
        "An attack that fails may be too weak: robustness is bounded from above only by the attacks that were made, "
        "and gradient masking makes a network look robust."
    )
    cost: ClassVar[str] = (
        "Every network is attacked once (20 gradients of each image) and shown to all; further attacks run on what "
        "withstood it, an attack without gradients on 100 images."
    )
    Options = TransferabilityOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Each step is a forward and a backward pass; further attacks are assumed to run on half of the images."""
        sources = methods if self.options.networks == "first" else networks
        square = "square" in self.options.white_box
        shown = 1 + len(self.options.epsilons) + len(self.options.further_attacks)
        attacks = shown + self.options.ensemble + (len(self.options.white_box) - square) / 2
        used = min(self.options.images or images, images)
        queries = square * min(self.options.square_images, used) * self.options.square_queries / 2
        if self.options.autoattack != "off":  # most networks are fooled on nearly all images by its first attack
            queries += min(self.options.autoattack_images, used) * (3 * STEPS + QUERIES / 10)
        steps = used * (3 * self.options.steps * attacks + sources * (shown + self.options.eight_bit) + 1)
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
        plan = plan_of(options, data.num_classes, len(indices), members, data.test.shape)
        images, places = data.test.subset(indices), indices.numpy()
        clean = np.stack([predict(member).predicted[places] for member in members]).astype(np.int16)
        with progress("attack", len(members) * len(images)) as advance:
            keep = self._keep(members, plan, predict)
            predicted, checks = attack_all(members, images, places, clean, plan, advance, keep)
        more, found = self._on_request(members, images, places, plan, predict)
        arrays = {**self._about(images, places, plan), "clean": clean, **predicted, **more}
        students, classes = sum(member.role == "student" for member in members), data.num_classes
        attacks, size = (plan.attack, *plan.own), plan.batch_size
        notes = (
            *notes_on(attacks, options, classes, plan.precision, size),
            *further_notes(plan.further, options, data.test.shape, students, classes, size),
        )
        checks += [*found, *strength_checks(members, arrays)]
        return Records(members_frame(members), arrays, tuple(checks), notes)

    def _keep(self, members: list[Member], plan: Plan, predict: Predict) -> Keep:
        """Keep what was seen of each source, unless its examples are to be saved."""
        settings = asdict(self.options) | {"version": self.version, "precision": plan.precision}
        settings["roles"] = [member.role for member in members]

        def keep(member: Member, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
            if self._folder is not None:
                return compute()
            return predict.kept("transferability", [member, *members], settings, compute)

        return keep

    def _about(self, images: ImageSet, places: np.ndarray, plan: Plan) -> dict[str, np.ndarray]:
        """The images and the attacks, as they are recorded."""
        return {
            "image": places,
            "label": images.labels.cpu().numpy(),
            "class_names": np.array(images.class_names),
            "sample": plan.sample,
            "attacks": np.array([attack.label for attack in (plan.attack, *plan.own)]),
            "epsilon": np.array(np.nan if plan.attack.epsilon is None else plan.attack.epsilon),
            "epsilons": np.array(self.options.epsilons, dtype=np.float64),
            "crafting_precision": np.array(plan.precision),
            "scoring_precision": np.array("float32"),
            "teacher_is_target": np.array(self.options.teacher_is_target),
            "further_attacks": np.array([attack.label for attack in plan.further], dtype=np.str_),
            **({} if plan.from_teacher is None else {"from_teacher_attack": np.array(plan.from_teacher.label)}),
        }

    def _on_request(
        self, members: list[Member], images: ImageSet, places: np.ndarray, plan: Plan, predict: Predict
    ) -> tuple[dict[str, np.ndarray], list[Check]]:
        """All students together, and AutoAttack on each network, where they are asked for."""
        options = self.options
        arrays: dict[str, np.ndarray] = {}
        checks: list[Check] = []
        if options.ensemble and sum(member.role == "student" for member in members) > 1:
            arrays, checks = attack_together(members, images, places, plan)
        if options.autoattack != "off":
            few = np.flatnonzero(spread_over(len(images), options.autoattack_images))
            chosen_images = images.subset(images.labels.new_tensor(few).cpu())
            arrays["autoattack"], found = run_autoattack(
                members, chosen_images, places[few], options.autoattack, plan.batch_size, plan.seed, predict
            )
            arrays["autoattack_size"] = np.array(standard_suite(options.autoattack, images.num_classes)[0].size)
            checks += found
        return arrays, checks

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
