"""How runs differ in what they were made of: data, networks, settings, versions, machine."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.numbers import join
from robustkd.reporting.run import Run
from robustkd.reporting.side_by_side.content import About, Differing

NONE = "–"

TOLD_ELSEWHERE = ("name", "members", "evaluations")
"""Keys of a study file that are compared by what became of them."""


def about(run: Run, label: str) -> About:
    """Return what a reader must know of a run."""
    facts = run.provenance
    data = facts["data"]
    sample = ", a sample" if data.get("limited") else ""
    remarks = [f"not finished; still to come: {join(list(run.to_come))}"] if run.to_come else []
    remarks += [f"missing: {name}: {why}" for name, why in facts.get("missing", {}).items()]
    remarks += [f"damaged: {why}" for why in run.damaged.values()]
    return About(
        label,
        run.name,
        str(run.path),
        f"{data['name']}, {data['test_images']:,} test images{sample}",
        str(facts.get("finished", NONE)),
        tuple(remarks),
    )


def differing(runs: Sequence[Run]) -> tuple[Differing, ...]:
    """Return in what the runs differ, apart from their study files."""
    packages = dict.fromkeys(name for run in runs for name in run.provenance.get("versions", {}))
    facts: dict[str, Callable[[Run], str]] = {
        "Data": lambda run: str(run.provenance["data"]["name"]),
        "Training images": lambda run: _count(run.provenance["data"].get("train_images")),
        "Test images": _test_images,
        "Classes": lambda run: _count(run.provenance["data"].get("classes")),
        "Teacher": _teacher,
        "Architectures of students": _architectures,
        "Conditions": lambda run: _listed(member.get("condition") for member in run.provenance.get("members", [])),
        "Seeds": lambda run: _listed(run.provenance.get("seeds", [])),
        "Checkpoint selection": lambda run: str(run.provenance.get("selection", NONE)),
        "Device": lambda run: str(run.provenance.get("device", NONE)),
        "Precision": lambda run: str(run.provenance.get("precision", NONE)),
        **{f"Version of {name}": _version_of(name) for name in packages},
        "Git revision": lambda run: str(run.provenance.get("git") or NONE),
        "Plugins": lambda run: _listed(plugin["name"] for plugin in run.provenance.get("plugins", [])),
    }
    told = {what: [read(run) for run in runs] for what, read in facts.items()}
    return _where_different(_measuring(runs) | told)


def differing_settings(runs: Sequence[Run]) -> tuple[Differing, ...]:
    """Return the keys of the study files in which the runs differ."""
    flat = [_flat(yaml.safe_load(str(run.provenance.get("study") or "{}"))) for run in runs]
    keys = dict.fromkeys(key for each in flat for key in each)
    return _where_different(
        {key: [each.get(key, NONE) for each in flat] for key in keys if key.partition(".")[0] not in TOLD_ELSEWHERE}
    )


def _where_different(values: Mapping[str, Sequence[str]]) -> tuple[Differing, ...]:
    return tuple(Differing(what, tuple(each)) for what, each in values.items() if len(set(each)) > 1)


def _evaluations(runs: Sequence[Run]) -> dict[str, None]:
    return dict.fromkeys(result.evaluation for run in runs for result in run.results)


def _measuring(runs: Sequence[Run]) -> dict[str, list[str]]:
    """For each evaluation how each run measured it, where at least two did; else why some did not, where that is known.

    That an evaluation is in one run alone is said once, beside the tables.
    """
    found = {}
    for name in _evaluations(runs):
        told = [_state(run, name) for run in runs]
        if sum(run.result(name) is not None for run in runs) > 1 or any("(" in each for each in told):
            found[f"Evaluation {EVALUATIONS[name].title}"] = told
    return found


def _state(run: Run, evaluation: str) -> str:
    """With which options, other than the default ones, a run measured an evaluation, or why it did not."""
    result = run.result(evaluation)
    if result is None:
        facts = run.provenance
        why = facts.get("skipped", {}).get(evaluation) or facts.get("missing", {}).get(f"evaluation {evaluation}")
        return f"not measured ({why})" if why else "not measured"
    usual = EVALUATIONS[evaluation]().settings()
    options = result.settings.get("options", {})
    own = [f"{key} {value}" for key, value in options.items() if not _same(usual["options"].get(key), value)]
    version = result.settings.get("version")
    return ", ".join(["measured", *own, *([f"version {version}"] if version != usual["version"] else [])])


def _same(usual: Any, value: Any) -> bool:
    """Whether an option is the default one; JSON gives back a list in place of a tuple."""
    return usual == value or (isinstance(usual, tuple) and list(usual) == value)


def _version_of(package: str) -> Callable[[Run], str]:
    return lambda run: str(run.provenance.get("versions", {}).get(package, NONE))


def _test_images(run: Run) -> str:
    data = run.provenance["data"]
    return f"{data['test_images']:,} (SHA-256 {str(data['digest'])[:8]})"


def _teacher(run: Run) -> str:
    members = run.provenance.get("members", [])
    teachers = [member for member in members if member.get("role") == "teacher"]
    return _listed(f"{each.get('architecture')} ({str(each.get('digest'))[:8]})" for each in teachers)


def _architectures(run: Run) -> str:
    members = run.provenance.get("members", [])
    return _listed(member.get("architecture") for member in members if member.get("role") == "student")


def _count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def _listed(values: Any) -> str:
    return ", ".join(dict.fromkeys(map(str, values))) or NONE


def _flat(content: Any, place: str = "") -> dict[str, str]:
    """Nested settings as dotted keys with their values."""
    if isinstance(content, dict) and content:
        inner = [_flat(value, f"{place}.{key}" if place else str(key)) for key, value in content.items()]
        return {key: value for each in inner for key, value in each.items()}
    if isinstance(content, list) and any(isinstance(each, dict) for each in content):
        inner = [_flat(value, f"{place}[{index}]") for index, value in enumerate(content)]
        return {key: value for each in inner for key, value in each.items()}
    if isinstance(content, list):
        return {place: ", ".join(map(str, content)) or NONE}
    return {place: NONE if content in (None, {}) else str(content)}
