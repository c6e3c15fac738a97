"""The choice of the network that a training exports, for methods that train several.

`one` trains three branches and `dml` several peers, of which one is exported. The rule is the recipe's `select`:

* ``last``: the candidate fixed beforehand; no accuracy is used.
* ``validation``: the candidate that is most accurate on images held out of training.
* ``test``: the candidate that is most accurate on the test images, as in sarfraz2020. Its test accuracy is biased
upwards.

The rule chooses among candidates, never among epochs: all candidates are those of the last epoch. Of equally accurate
candidates the first is chosen.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from robustkd.data import ImageSet
from robustkd.distillation.accuracy import accuracy
from robustkd.distillation.method import Method
from robustkd.distillation.recipe import Recipe, Rule, Split
from robustkd.errors import DataError

SPLIT_SEED = 0
"""The seed of the draw of the validation images, which are the same for all networks, whatever their training seeds."""


def hold_out(images: ImageSet, fraction: float) -> tuple[ImageSet, ImageSet | None]:
    """Split training images into those to train on and those for validation, class by class.

    From a class of n images, round(fraction · n), but never all, are drawn without replacement with seed `SPLIT_SEED`.
    Both parts keep the order of the images.

    Args:
        images: The training images, with the labels that are trained on.
        fraction: The share to hold out, in [0, 1).

    Returns:
        The images to train on, and the validation images; None for a fraction of 0.

    Raises:
        DataError: A fraction above 0 amounts to no image in any class.
    """
    if fraction == 0:
        return images, None
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    drawn: list[Tensor] = []
    labels = images.labels.cpu()
    for label in range(images.num_classes):
        members = torch.nonzero(labels == label)[:, 0]
        count = max(0, min(round(fraction * len(members)), len(members) - 1))
        drawn.append(members[torch.randperm(len(members), generator=generator)[:count]])
    held_out = torch.zeros(len(images), dtype=torch.bool)
    held_out[torch.cat(drawn)] = True
    if not held_out.any():
        raise DataError(
            f"validation_fraction {fraction} of {len(images)} training images in {images.num_classes} classes amounts "
            "to no image in any class: raise it"
        )
    return images.subset(torch.nonzero(~held_out)[:, 0]), images.subset(torch.nonzero(held_out)[:, 0])


def part_of(images: ImageSet, split: Split) -> ImageSet:
    """Return a half of each class of a training set, or all of it; the halves are disjoint.

    Args:
        images: The training images.
        split: Which part.

    Raises:
        DataError: No class has two images.
    """
    if split == "all":
        return images
    try:
        first, second = hold_out(images, 0.5)
    except DataError as error:
        raise DataError(f"split: {split}: no class has two training images, which could be split") from error
    return second if split == "second_half" and second is not None else first


def select_candidate(
    method: Method, recipe: Recipe, validation: ImageSet | None, test: ImageSet, device: torch.device | str = "cpu"
) -> None:
    """Set the candidate that a trained method exports, by the rule of the recipe.

    Args:
        method: The method, after its last epoch.
        recipe: The recipe, which states the rule.
        validation: The images held out of training; only used by the rule ``validation``.
        test: The test images; only used by the rule ``test``.
        device: The device of the method.
    """
    images = {"last": None, "validation": validation, "test": test}[recipe.select]
    if images is None:
        return
    found = tuple(accuracy(candidate, images, device) for candidate in method.candidates())
    method.choose(found.index(max(found)), rule=recipe.select, accuracies=found)


def selection_record(method: Method) -> dict[str, Any]:
    """Return how the exported network of a trained method was chosen.

    Args:
        method: The method, after its training.

    Returns:
        JSON values for the header of its checkpoint: the rule ``select``; ``chosen``, as in ``2 of 3``; and, if the
        rule used accuracies, ``candidate_accuracies``, 0 to 1, in the order of the candidates.
    """
    record: dict[str, Any] = {
        "select": method.select,
        "chosen": f"{method.chosen + 1} of {len(method.candidates())}",
    }
    if method.candidate_accuracies:
        record["candidate_accuracies"] = list(method.candidate_accuracies)
    return record


def selection_sentence(recipe: Recipe, teachers: Iterable[tuple[int, Rule]] = ()) -> str:
    """Describe, for a report, how the networks trained with a recipe were chosen.

    Args:
        recipe: The recipe of all trainings of a study.
        teachers: For each teacher, the number of seeds that it was chosen from, and the rule.

    Returns:
        A sentence without a full stop.
    """
    sentence = _SENTENCES[recipe.select]
    for seeds, rule in sorted(set(teachers)):
        if seeds > 1:
            sentence += f"; the teacher is the most accurate of {seeds} seeds on the {_IMAGES[rule]}"
    if recipe.validation_fraction > 0:
        sentence += f"; {100 * recipe.validation_fraction:g}% of the training images were held out for validation"
    return sentence


def given_selection_sentence(rules: Mapping[str, str | None]) -> str:
    """Describe, for a report, how networks that were given as checkpoints were chosen.

    Args:
        rules: The rule that the checkpoint of each network states, by the name of the network; None if it states none.

    Returns:
        A sentence without a full stop.
    """
    named: dict[str | None, list[str]] = {}
    for name, rule in rules.items():
        named.setdefault(rule if rule in _SENTENCES else None, []).append(name)
    told = {rule: _SENTENCES[rule] if rule is not None else _UNKNOWN for rule in named}
    if len(named) == 1:
        return f"the checkpoints were given; {next(iter(told.values()))}"
    return "the checkpoints were given; " + "; ".join(
        f"{', '.join(names)}: {told[rule]}" for rule, names in named.items()
    )


_IMAGES: dict[Rule, str] = {"validation": "validation images", "test": "TEST set"}
_SEVERAL = (
    "the last epoch of every training; of several networks (branches of one, peers of dml, seeds of the teacher) "
)
_SENTENCES: dict[str, str] = {
    "last": _SEVERAL + "the one that was fixed beforehand; nothing was selected on the test set",
    "validation": _SEVERAL + f"the most accurate on the {_IMAGES['validation']}; nothing was selected on the test set",
    "test": _SEVERAL + f"the most accurate on the {_IMAGES['test']}, which biases its test accuracy upwards",
}
_UNKNOWN = "how their epochs were chosen is not known"
