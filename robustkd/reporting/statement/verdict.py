"""The sentence above the lists of a student, and the warnings above all of them."""

from collections.abc import Mapping, Sequence

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.numbers import join, quantity
from robustkd.reporting.caution import caution
from robustkd.reporting.run import Run
from robustkd.reporting.statement.content import ListName
from robustkd.reporting.statement.judged import Judged
from robustkd.reporting.statement.rules import chosen, list_of
from robustkd.reporting.statement.wording import subject_of
from robustkd.results.records import Check

ACCURACY = "accuracy_gain"

NAMED = 4
"""The largest number of networks that a warning names."""

TEST_SET = "TEST set"
"""How the sentence on the selection of checkpoints names it where a choice was made on it."""

CHANCE = "better than chance"
MASKED = (
    "white-box attack as strong as transferred attacks",
    "first attack nearly as strong as all attacks together",
    "no attack without gradients is stronger",
    "nonzero gradients of the cross-entropy",
)


def verdict_of(judged: Sequence[Judged]) -> str:
    """Sum up a student in one sentence: its accuracy, the traces of its teacher, its largest gain and loss.

    Args:
        judged: All differences of the student.
    """
    if all(each.absent for each in judged):
        why = (
            "validity checks failed" if any(each.why_void for each in judged) else "there is nothing to compare it with"
        )
        return f"Nothing can be said to be retained, lost or inherited: {why}."
    clauses = [*_accuracy(judged), *_traces(judged), *_faults(judged)]
    clauses += [*_largest(judged, "retained", "gain"), *_largest(judged, "lost", "loss")]
    text = "; ".join(clauses or ["no significant difference to the same network trained without a teacher"])
    return f"{text[:1].upper()}{text[1:]}."


def _accuracy(judged: Sequence[Judged]) -> list[str]:
    found = [each for each in judged if each.metric.name == ACCURACY and not each.absent]
    if not found:
        return []
    gain = quantity(found[0].finding.difference, found[0].metric)
    words = {1: "more accurate than", 0: "not significantly more or less accurate than", -1: "less accurate than"}
    return [f"{words[found[0].sign]} the same network trained without a teacher ({gain})"]


def _traces(judged: Sequence[Judged]) -> list[str]:
    asked = {each.evaluation.name for each in judged if each.kind == "trace" and not each.absent}
    if not asked:
        return []
    found = [each for each in _inherited(judged, "trace") if each.evaluation.name in asked]
    shown = len({each.evaluation.name for each in found})
    if not shown:
        return [
            f"none of the {len(asked)} traces of the teacher that were looked for"
            if len(asked) > 1
            else "no significant trace of the teacher"
        ]
    of = f"{shown} of {len(asked)} traces of the teacher" if len(asked) > 1 else "a trace of the teacher"
    return [f"shows {of}, the clearest: {_amount(found[0])}"]


def _inherited(judged: Sequence[Judged], kind: str) -> list[Judged]:
    """Return the significant traces, or the other things that were inherited, the largest first."""
    found = [each for each in judged if each.kind == kind and list_of(each) == "inherited"]
    return sorted(found, key=lambda each: -each.effect)


def _faults(judged: Sequence[Judged]) -> list[str]:
    faults = _inherited(judged, "quality")
    return [f"took over a fault of the teacher in {subject_of(faults[0])}"] if faults else []


def _largest(judged: Sequence[Judged], name: ListName, what: str) -> list[str]:
    """The largest significant gain or loss of a quality other than the accuracy."""
    found = [each for each in chosen(judged, name) if each.kind == "quality" and each.sign != 0]
    others = [each for each in found if each.metric.name != ACCURACY]
    if not others:
        return []
    other = "other " if len(others) < len(found) else ""
    return [f"the largest {other}{what}: {_amount(others[0])}"]


def _amount(judged: Judged) -> str:
    return f"{subject_of(judged)} ({quantity(judged.finding.difference, judged.metric)})"


def warnings_of(run: Run) -> tuple[str, ...]:
    """Say where the networks of a run cannot answer.

    Args:
        run: The run.

    Returns:
        Sentences: what is still to come, no baseline, few seeds, networks at chance, masked gradients, a selection on
        the test set, results that cannot be read, networks that are missing.
    """
    failed = [check for result in run.results for check in result.checks if not check.passed]
    told = [
        _interim(run),
        _baseline(run),
        caution(run.results),
        _of_networks(failed, (CHANCE,), "No better than chance, so that nothing measured on them counts"),
        _of_networks(failed, MASKED, "Gradients are masked: white-box accuracy overstates the robustness of these"),
        _selection(run),
        _listed(run.damaged, ("cannot be read", "cannot be read")),
        _listed(run.provenance.get("missing") or {}, ("is missing", "are missing")),
    ]
    return tuple(sentence for sentence in told if sentence)


def _interim(run: Run) -> str:
    if not run.to_come:
        return ""
    return f"This is an interim report. Still to come: {join([EVALUATIONS[name].title for name in run.to_come])}."


def _baseline(run: Run) -> str:
    if any((result.frame["role"] == "baseline").any() for result in run.results):
        return ""
    return (
        "There is no independent baseline: what these students share with the teacher, any accurate network may share."
    )


def _of_networks(failed: Sequence[Check], names: Sequence[str], what: str) -> str:
    members = list(dict.fromkeys(check.member for check in failed if check.name in names and check.member))
    if not members:
        return ""
    return f"{what}: {join(members) if len(members) <= NAMED else f'{len(members)} networks'}."


def _selection(run: Run) -> str:
    told = str(run.provenance.get("selection") or "")
    chosen_on_it = [clause for clause in told.split("; ") if TEST_SET in clause]
    return f"A choice was made on the test set: {'; '.join(chosen_on_it)}." if chosen_on_it else ""


def _listed(named: Mapping[str, str], verb: tuple[str, str]) -> str:
    names = list(named)
    if not names:
        return ""
    who = join(names) if len(names) <= NAMED else f"{len(names)} networks or evaluations"
    return f"{_first_upper(who)} {verb[len(names) > 1]}."


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
