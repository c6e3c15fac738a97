"""The tables of a comparison."""

import csv
import io
import math

from robustkd.presentation.numbers import interval, number, unit_sign
from robustkd.reporting.differences import Difference
from robustkd.reporting.side_by_side.content import Comparison, Number, SideBySide
from robustkd.reporting.side_by_side.matching import named
from robustkd.reporting.table import Cell, Column, Table
from robustkd.results.metric import Metric

HEADS = (
    *("evaluation", "metric", "unit", "method", "role", "group", "condition", "run", "value", "ci_low", "ci_high"),
    *("n_seeds", "void", "difference_to_first", "difference_ci_low", "difference_ci_high", "difference_interval"),
)
"""The columns of the CSV file."""


def table_of(compared: SideBySide, comparison: Comparison) -> Table:
    """Lay out one metric: methods in rows, their number in each run, then the differences to the first run.

    A difference whose interval excludes 0 is bold.
    """
    metric = comparison.metric
    names = [run.label for run in compared.runs]
    arrow = {True: "↑", False: "↓", None: ""}[metric.higher_is_better]
    columns = [Column(name, unit_sign(metric), arrow, metric.meaning) for name in names]
    unit = unit_sign(_of_difference(metric))
    differences = ["Difference"] if len(names) == 2 else [f"{name} − {names[0]}" for name in names[1:]]
    columns += [Column(title, unit, "", "Bold: the interval excludes 0.") for title in differences]
    rows = []
    for line in comparison.lines:
        label = named(line.who)
        label += "" if line.who.role in ("student", "control", line.who.method) else f" ({line.who.role})"
        cells = [_number_cell(each, metric) for each in line.numbers]
        rows.append((label, (*cells, *(_difference_cell(each, metric) for each in line.differences))))
    return Table(f"{comparison.evaluation}-{metric.name}", "Network", tuple(columns), tuple(rows), title=metric.title)


def counted(compared: SideBySide) -> str:
    """Say how many differences have an interval that excludes 0, and how many would by chance."""
    found = [
        each
        for comparison in compared.comparisons
        for line in comparison.lines
        for each in line.differences
        if each is not None and not math.isnan(each.low)
    ]
    if not found:
        return "No difference between the runs has an interval."
    beyond = sum(each.significant for each in found)
    return (
        f"{beyond} of the {len(found)} differences between runs {'has' if beyond == 1 else 'have'} a 95% interval that "
        f"excludes 0; if nothing differed, about {max(round(0.05 * len(found)), 1)} would. They are not corrected for "
        "their number."
    )


def to_csv(compared: SideBySide) -> str:
    """Return all numbers at full precision: one row for each metric, method and run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADS)
    for comparison in compared.comparisons:
        metric = comparison.metric
        for line in comparison.lines:
            who = [line.who.method, line.who.role, line.who.group, line.who.condition]
            for run, own, difference in zip(compared.runs, line.numbers, (None, *line.differences), strict=True):
                if own is not None:
                    told = [_plain(own.value), _plain(own.low), _plain(own.high), own.seeds, own.void]
                    between = ["", "", "", ""]
                    if difference is not None:
                        between = [*map(_plain, (difference.value, difference.low, difference.high)), difference.how]
                    writer.writerow([comparison.evaluation, metric.name, metric.unit, *who, run.label, *told, *between])
    return text.getvalue()


def _plain(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _number_cell(found: Number | None, metric: Metric) -> Cell:
    if found is None:
        return Cell("–")
    spread = "" if found.void else interval(found.low, found.high, metric)
    return Cell(number(found.value, metric), spread, untrusted=found.void, value=found.value, seeds=found.seeds)


def _difference_cell(found: Difference | None, metric: Metric) -> Cell:
    if found is None:
        return Cell("–")
    of = _of_difference(metric)
    spread = ", ".join(filter(None, (interval(found.low, found.high, of), found.how)))
    return Cell(number(found.value, of, signed=True), spread, best=found.significant, value=found.value)


def _of_difference(metric: Metric) -> Metric:
    """The metric of a difference between two runs: signed, and in points where shares are compared."""
    unit = "points" if metric.unit == "fraction" else metric.unit
    return Metric(metric.name, metric.title, unit, metric.higher_is_better, "", difference_of=metric.name)
