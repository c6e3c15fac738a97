"""Does what fools one network fool the others?

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), section VI and Figure 1:
PGD (Madry et al. 2018), L∞, ε = 0.031, step 0.003, 20 steps, random start, cross-entropy, on a source s; on a target t,

    TS(s→t) = Σ 1[f_s(x)=y ∧ f_t(x)=y ∧ f_t(x_adv)≠y] / Σ 1[f_s(x)=y ∧ f_t(x)=y].

Sources stand in columns, targets in rows; row and column means include the diagonal; the teacher is a source only. The
independent baseline is always beside the students: transfer from the teacher to a student tells something only in
excess of the transfer from the teacher to a network that never saw it. Ojha et al., *What Knowledge Gets Distilled in
Knowledge Distillation?* (NeurIPS 2023), count otherwise, and find the opposite sign for some students: their fooling
rate stands beside it.

Each source is attacked once, by torchattacks; all members, the teacher too, look at the same examples. Random starts
are drawn from (seed, index of the image), so a source's examples depend neither on the other members, nor on the batch
size, nor on which other images are looked at; of attacks that draw otherwise, a check says so.

A network is as weak as the strongest attack on it. Cross-entropy's gradient vanishes where logits are large, and how
large they are is what distillation changes; so further attacks that do not see the logits' size (the same attack on
standardised logits, and APGD on the difference of logits ratio: Croce and Hein 2020) are made on what the first left
standing. The teacher's examples on standardised logits are shown to all members too: transfer that the size of its
logits has no part in. A target whose own attack is weaker than a transferred or a further one is told.

Needs the networks and their gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from robustkd.attacks.attack import STANDARDISED, Attack, Setting, attack_by_name
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.transferability.measurement import Plan, attack_all, example_file
from robustkd.evaluations.transferability.rows import all_rows
from robustkd.evaluations.transferability.sentences import sentences
from robustkd.evaluations.transferability.strength import strength_checks
from robustkd.presentation.heat_map import heatmap
from robustkd.presentation.lines import lines_over
from robustkd.progress import progress
from robustkd.results.groups import groups_of
from robustkd.results.metric import Metric
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import Member, ModelPool

Epsilon = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class TransferabilityOptions:
    """How the sources are attacked; the defaults are the paper's.

    Attributes:
        epsilon: Largest change of a pixel by PGD, of the range [0, 1].
        step_size: Change of a pixel in one step.
        steps: How many; APGD makes as many.
        random_start: Begin at a uniformly random point within epsilon.
        attack: Another attack of torchattacks for the matrix in place of this PGD: its ``name``, its parameters, and
            ``logits: standardised`` to attack through these; empty for PGD.
        white_box: Further attacks on each source itself, each on what withstood those before: ``standardised``, the
            matrix's own attack on standardised logits; ``apgd_dlr``; or others as in `attack`, of the matrix's norm and
            ε: a worst case over several ε is that of the largest.
        epsilons: Sizes at which the matrix's attack is repeated, its step changed in proportion.
        images: How many test images, drawn with `seed`; None for all.
        networks: ``first``: the first seed of each method, as in the paper; ``all``: every network.
        batch_size: Images attacked at once.
        seed: Of the random starts and the choice of images.
        save_examples: A folder for the adversarial examples, float32, one ``.npy`` for each source; None for nowhere.

    Raises:
        EvaluationError: torchattacks has no such attack or parameter, or a further attack has another norm or ε.
    """

    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.031
    step_size: Annotated[float, Field(gt=0, le=1)] = 0.003
    steps: Annotated[int, Field(ge=1)] = 20
    random_start: bool = True
    attack: dict[str, Setting] = field(default_factory=dict)
    white_box: tuple[Literal["standardised", "apgd_dlr"] | dict[str, Setting], ...] = ("standardised", "apgd_dlr")
    epsilons: tuple[Epsilon, ...] = ()
    images: Annotated[int, Field(ge=1)] | None = None
    networks: Literal["first", "all"] = "first"
    batch_size: Annotated[int, Field(ge=1)] = 250
    seed: Annotated[int, Field(ge=0)] = 0
    save_examples: str | None = None

    def __post_init__(self) -> None:
        main = main_attack(self)
        for each in self.white_box:
            if isinstance(each, dict):
                _refuse_another_size(main, attack_by_name(each, "transferability: white_box"))
        if self.epsilons:
            main.with_epsilon(self.epsilons[0])


def main_attack(options: TransferabilityOptions) -> Attack:
    """The attack of the matrix."""
    if options.attack:
        return attack_by_name(options.attack, "transferability: attack")
    size = {"eps": options.epsilon, "alpha": options.step_size}
    return Attack("PGD", {**size, "steps": options.steps, "random_start": options.random_start})


def _refuse_another_size(main: Attack, further: Attack) -> None:
    """Attacks are compared, and a worst case is taken, at one norm and ε."""
    if (main.norm, main.epsilon) != (further.norm, further.epsilon):
        raise EvaluationError(
            f"transferability: white_box: {further.label} ({further.size}) and the matrix's {main.label} ({main.size}) "
            "have no common worst case: give both the same norm and eps, or list other sizes of the matrix's attack in "
            "`epsilons`"
        )


def own_attacks(options: TransferabilityOptions, classes: int) -> tuple[Attack, ...]:
    """The further attacks on each source that can be made on so many classes."""
    main = main_attack(options)
    found = []
    for each in options.white_box:
        if isinstance(each, dict):
            found.append(attack_by_name(each, "transferability: white_box"))
        elif each == "standardised":
            found.append(Attack(main.name, main.parameters, STANDARDISED))
        elif main.epsilon is not None and not _why_no_dlr(main, classes):
            size: dict[str, Setting] = {"norm": main.norm, "eps": main.epsilon, "steps": options.steps, "loss": "dlr"}
            found.append(Attack("APGD", size))
    return tuple(attack for attack in found if attack != main)


@EVALUATIONS.register("transferability")
class Transferability(Evaluation):
    """The matrix of transfer success between all students, baselines and the teacher."""

    name = "transferability"
    title = "Adversarial transferability"
    question = "Does what fools one network fool the others?"
    version = 5
    requires = Requirements(networks=True)
    summary = ("worst_case_accuracy", "teacher_transfer_excess")
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
            of_teacher=True,
        ),
        Metric(
            "fooling_rate",
            "Fooling rate",
            "fraction",
            None,
            "Of the images on which the attack changes the teacher's prediction, the share on which it changes the "
            "member's too (ojha2023).",
            of_teacher=True,
        ),
        Metric(
            "fooling_rate_excess",
            "Fooling rate, in excess",
            "points",
            None,
            "Fooling rate minus the independent baseline's.",
            difference_of="fooling_rate",
            of_teacher=True,
        ),
        Metric(
            "asymmetry",
            "Asymmetry",
            "points",
            None,
            "Transfer success from the member to the teacher minus that from the teacher to the member.",
            of_teacher=True,
        ),
        Metric(
            "white_box_accuracy",
            "White-box accuracy",
            "fraction",
            True,
            "Accuracy on the examples made against the network itself.",
            table="attacks on the network itself",
        ),
        Metric(
            "worst_case_accuracy",
            "Worst-case accuracy",
            "fraction",
            True,
            "Share of images that the network classifies correctly, clean and after every attack on itself that ran.",
            table="attacks on the network itself",
        ),
        Metric(
            "worst_case_gain",
            "Worst case against baseline",
            "points",
            True,
            "Worst-case accuracy minus the independent baseline's, on the same images.",
            difference_of="worst_case_accuracy",
            table="attacks on the network itself",
        ),
        Metric(
            "zero_gradients",
            "Zero gradients",
            "fraction",
            None,
            "Share of images whose input gradient of the cross-entropy is exactly zero: no such attack moves there.",
            table="attacks on the network itself",
        ),
        # these are in the results, not in the report's tables
        Metric(
            "transfer_success_fooled_source",
            "Transfer success, source fooled",
            "fraction",
            None,
            "Transfer success among those images on which the attack fools the source itself.",
        ),
        Metric("mean_on_target_others", "Mean over other sources", "fraction", None, "Without the diagonal."),
        Metric("mean_from_source_others", "Mean over other targets", "fraction", None, "Without the diagonal."),
        Metric(
            "white_box_accuracy_8bit",
            "White-box accuracy, 8 bit",
            "fraction",
            True,
            "Accuracy on the same examples rounded to 256 levels, as an image file holds them.",
        ),
        Metric(
            "withstood_first",
            "Withstood the first attack",
            "fraction",
            True,
            "Share of images classified correctly, clean and after the matrix's attack on the network itself.",
        ),
        Metric(
            "masking",
            "Strongest transferred over own",
            "points",
            None,
            "Success of the attack on another network that transfers best to this one, minus that of the attack on "
            "itself; the interval holds for all sources together.",
        ),
    )

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Each step of an attack is a forward and a backward pass; further attacks see the half, a guess."""
        sources = methods if self.options.networks == "first" else networks
        attacks = 1 + len(self.options.epsilons) + len(self.options.white_box) / 2
        looked_at = min(self.options.images or images, images)
        return sources * looked_at * (3 * self.options.steps * attacks + sources * (1 + len(self.options.epsilons)))

    @property
    def _folder(self) -> Path | None:
        return None if self.options.save_examples is None else Path(self.options.save_examples).expanduser()

    def files(self, pool: ModelPool) -> tuple[Path, ...]:
        """The adversarial examples of each source, where they are to be saved."""
        if self._folder is None:
            return ()
        return tuple(example_file(self._folder, member) for member in chosen(list(pool), self.options.networks))

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Attack each source once; show every member the same examples."""
        options = self.options
        members = chosen(list(pool), options.networks)
        if all(member.role == "teacher" for member in members):
            raise EvaluationError("transferability needs a student or baseline beside the teacher")
        main, own = main_attack(options), own_attacks(options, data.num_classes)
        sweep = tuple(main.with_epsilon(epsilon) for epsilon in options.epsilons)
        indices = data.test.sample_indices(options.images, options.seed)
        images, places = data.test.subset(indices), indices.numpy()
        clean = np.stack([predict(member).predicted[places] for member in members]).astype(np.int16)
        standardised = next((attack for attack in own if attack.logits == STANDARDISED), None)
        plan = Plan(main, own, standardised, sweep, options.batch_size, options.seed, self._folder)
        with progress("attack", len(members) * len(images)) as advance:
            seen, checks = attack_all(members, images, places, clean, plan, advance)
        arrays = {
            "image": places,
            "label": images.labels.cpu().numpy(),
            "class_names": np.array(images.class_names),
            "clean": clean,
            "attacks": np.array([attack.label for attack in (main, *own)]),
            "epsilon": np.array(np.nan if main.epsilon is None else main.epsilon),
            "epsilons": np.array(options.epsilons, dtype=np.float64),
            **({} if standardised is None else {"from_teacher_attack": np.array(standardised.label)}),
            **seen,
        }
        found = (*checks, *strength_checks(members, arrays))
        return Records(members_frame(members), arrays, found, notes_on((main, *own), options, data.num_classes))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Pairs, means by source and target, excess over the baseline, robustness of each network."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The matrix, sources in columns, targets in rows, with means; then accuracy over ε, where asked for."""
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
        """For each student, transfer from the teacher against the baseline's; then what masks gradients."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})


def chosen(members: list[Member], networks: str) -> list[Member]:
    """Choose the members of the matrix: every one, or the first of each method."""
    if networks == "all":
        return members
    groups = groups_of(members_frame(members))
    return [members[group.rows[0]] for group in groups]


def notes_on(attacks: tuple[Attack, ...], options: TransferabilityOptions, classes: int) -> tuple[str, ...]:
    """Say which attacks depend on the batch, which have no ε to be held to, and which were left out."""
    seen = [attack.label for attack in attacks if attack.sees_batch]
    free = [attack.label for attack in attacks if attack.epsilon is None]
    missing = _why_no_dlr(attacks[0], classes) if "apgd_dlr" in options.white_box else ""
    return (
        *([f"Examples of {', '.join(seen)} depend on the batch size ({options.batch_size})"] if seen else []),
        *([f"{', '.join(free)} looks for the smallest change and has no ε"] if free else []),
        *([f"APGD-DLR did not run: {missing}"] if missing else []),
    )


def _why_no_dlr(main: Attack, classes: int) -> str:
    """The difference of logits ratio divides by the largest logit less the third; empty where it can be."""
    if classes < 3:
        return f"the difference of logits ratio needs three classes, and there are {classes}"
    return "" if main.epsilon is not None else f"it needs an ε, and {main.label} has none"
