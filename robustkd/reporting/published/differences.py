"""Where the protocol of a run is not that of the paper."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from robustkd.presentation.numbers import join
from robustkd.reporting.published.paper_table import PLAIN, PaperCell, PaperTable
from robustkd.reporting.published.trained import Trained
from robustkd.reporting.run import Run
from robustkd.statistics.intervals import ROUNDING


class Difference(NamedTuple):
    """A setting that the run has otherwise than the paper.

    Attributes:
        key: The setting.
        here: Its value in the run, as text.
        paper: Its value in the paper, as text.
    """

    key: str
    here: str
    paper: str


_PHRASES = {
    "known": "trained in a way that is not known",
    "epochs": "trained for {here} epochs instead of {paper}",
    "train_images": "on {here} images instead of {paper}",
    "batch_size": "in batches of {here} instead of {paper}",
    "learning_rate": "at a learning rate of {here} instead of {paper}",
    "student": "with {here} as the student instead of {paper}",
    "teacher_network": "taught by {here} instead of {paper}",
    "teacher_method": "with a teacher trained by {here}",
    "test_images": "tested on {here} images instead of {paper}",
}
"""In the order in which a sentence lists them; others follow by name."""

_CONSEQUENCE = "Compare the rankings and the signs, not the numbers themselves."

_MEASURED = "measured with "
"""Before the name of an option of the evaluation."""


def differences_of(run: Run, table: PaperTable, cell: PaperCell, trained: Trained) -> tuple[Difference, ...]:
    """Compare how a method was trained and measured with what the paper states.

    Args:
        run: The run.
        table: The table of the paper.
        cell: The cell.
        trained: The method of the run that measures it.
    """
    data, result = run.provenance["data"], run.result(table.evaluation)
    options = result.settings["options"] if result is not None else {}
    stated = {**PLAIN, **table.recipe, **cell.stated} if trained.known else cell.stated
    told = {key: value for key, value in trained.settings.items() if trained.known or key not in PLAIN}
    images = {"train_images": table.train_images} if trained.known else {}
    return (
        *(() if trained.known else (Difference("known", "", ""),)),
        *_changed({**stated, **cell.required} if trained.known else stated, told),
        *_changed({**images, "test_images": table.test_images}, data),
        *_another("student", trained.architecture, cell.students),
        *_another("teacher_network", trained.teacher, cell.teachers if trained.teacher else ()),
        *_another("teacher_method", trained.teacher_method, ("baseline",) if cell.teachers else ()),
        *(Difference(f"{_MEASURED}{name}", *rest) for name, *rest in _changed(table.options, options)),
    )


def same(here: Any, there: Any) -> bool:
    """Whether two settings are the same: numbers up to rounding, lists of any type by their elements."""
    if isinstance(here, (int, float)) and isinstance(there, (int, float)):
        return abs(here - there) <= ROUNDING
    if isinstance(here, (list, tuple)) and isinstance(there, (list, tuple)):
        return len(here) == len(there) and all(map(same, here, there))
    return bool(here == there)


def departure(found: Sequence[tuple[str, tuple[Difference, ...]]]) -> str:
    """Say in one sentence where a run departs from a paper, and in another what follows from it.

    Args:
        found: For each cell its name and the differences.

    Returns:
        The sentences; empty if there are no differences.
    """
    names: dict[Difference, list[str]] = {}
    for name, differences in found:
        for difference in differences:
            names.setdefault(difference, []).append(name)
    if not names:
        return ""
    everybody = {name for name, _ in found}
    order = list(_PHRASES)
    ranked = sorted(names, key=lambda each: order.index(each.key) if each.key in order else len(order))
    said = [_phrase(each, () if set(names[each]) == everybody else names[each], everybody) for each in ranked]
    return f"This run differs from the paper: {', '.join(said)}. {_CONSEQUENCE}"


def _phrase(difference: Difference, whose: Iterable[str], everybody: set[str]) -> str:
    other = "{key} {here} instead of {paper}"
    other = other if difference.key.startswith(_MEASURED) else f"with {other}"
    text = _PHRASES.get(difference.key, other).format(
        key=difference.key.replace("_", " "), here=difference.here, paper=difference.paper
    )
    names = list(dict.fromkeys(whose))
    # a teacher concerns only those that have one, and a sentence need not name all of them
    if not names or difference.key in ("teacher_network", "teacher_method", "student"):
        return text
    others = sorted(everybody - set(names))
    return f"{text} ({join(names)})" if len(names) <= len(others) else f"{text} (all but {join(others)})"


def _changed(stated: Mapping[str, Any], here: Mapping[str, Any]) -> list[Difference]:
    """The settings with another value; one that an older run does not record had the paper's."""
    return [
        Difference(key, _text(here[key]), _text(value))
        for key, value in stated.items()
        if key in here and not same(here[key], value)
    ]


def _another(key: str, here: str, allowed: tuple[str, ...]) -> list[Difference]:
    return [] if not allowed or here in allowed else [Difference(key, here, allowed[0])]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return join([_text(each) for each in value])
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
