"""Verdicts as lines of text, and as a summary in Markdown."""

import math
from collections.abc import Sequence

from robustkd.errors import printable
from robustkd.reporting.escaping import markdown_text
from robustkd.reporting.gate.judge import Verdict
from robustkd.results.metric import Metric

MET, FAILED = "✓", "✗"

_SCALES = {"fraction": (100, "%"), "points": (100, " points")}


def verdict_line(verdict: Verdict) -> str:
    """Return one line: met or not, student, number with its interval, what is required, and how far it is off."""
    sign = MET if verdict.met else FAILED
    return f"{sign} {verdict.student}: {measured_text(verdict)}; required {verdict.requirement}: {off_text(verdict)}"


def measured_text(verdict: Verdict) -> str:
    """Return the number and its interval: ``accuracy_drop 1.20 points [0.30, 2.10]``."""
    found, metric = verdict.measured, verdict.number.shown
    if math.isnan(found.value):
        return f"{verdict.requirement.name} –"
    scale, unit = _scale(metric)
    value = f"{verdict.requirement.name} {_number(found.value, scale)}{unit}"
    if math.isnan(found.low) or math.isnan(found.high):
        return value
    return f"{value} [{_number(found.low, scale)}, {_number(found.high, scale)}]"


def off_text(verdict: Verdict) -> str:
    """Return how far a number is from its limit, or why there is none."""
    if verdict.reason:
        return verdict.reason
    scale, unit = _scale(verdict.number.shown)
    unit = " points" if unit == "%" else unit  # two shares differ by points
    away = f"{scale * abs(verdict.off):.3g}{unit}"
    if verdict.met:
        return f"met, {away} to spare" if verdict.requirement.operator != "==" else "met"
    if verdict.requirement.operator == "==":
        return f"off by {away}"
    return f"{'too high' if verdict.requirement.operator in ('<', '<=') else 'too low'} by {away}"


def conclusion(verdicts: Sequence[Verdict]) -> str:
    """Return the last line: in how many cases, each a requirement and a student, the requirement is met."""
    failed = sum(not verdict.met for verdict in verdicts)
    if len(verdicts) == 1:
        return "the requirement is not met" if failed else "the requirement is met"
    return f"not met in {failed} of {len(verdicts)} cases" if failed else f"met in all {len(verdicts)} cases"


def summary_markdown(run: str, verdicts: Sequence[Verdict], notes: Sequence[str] = ()) -> str:
    """Return a summary in GitHub's Markdown: a table with the failed requirements first.

    Args:
        run: The name of the run.
        verdicts: The verdicts.
        notes: What else a reader must know.
    """
    sign = MET if all(verdict.met for verdict in verdicts) else FAILED
    lines = [
        f"### {sign} robustkd gate: {markdown_text(printable(run))}",
        "",
        f"{conclusion(verdicts).capitalize()}.",
        "",
        "| | Student | Measured [95% interval] | Required | |",
        "|---|---|--:|---|---|",
    ]
    for verdict in sorted(verdicts, key=lambda each: each.met):
        told = (verdict.student, measured_text(verdict), str(verdict.requirement), off_text(verdict))
        cells = " | ".join(markdown_text(printable(text)).replace(">", "&gt;") for text in told)
        lines.append(f"| {MET if verdict.met else FAILED} | {cells} |")
    lines += [line for note in notes for line in ("", markdown_text(printable(note)))]
    return "\n".join(lines) + "\n"


def _scale(metric: Metric) -> tuple[int, str]:
    """The factor to a metric's unit as it is shown, and the unit."""
    return _SCALES.get(metric.unit, (1, f" {metric.unit}".rstrip()))


def _number(value: float, scale: int) -> str:
    """A number with one digit more than tables show, so that a near miss is seen."""
    return (f"{scale * value:.2f}" if scale == 100 else f"{value:.4g}").replace("-", "−")
