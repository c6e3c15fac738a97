"""What measured and published numbers say together, in sentences."""

from collections.abc import Sequence

import numpy as np

from robustkd.presentation.numbers import join
from robustkd.reporting.published.agreement import Gain, Ranking, gains, rankings, signs
from robustkd.reporting.published.layout import decimals_of, signed
from robustkd.reporting.published.matching import Match
from robustkd.reporting.published.paper_table import PaperTable
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.statistics.intervals import ROUNDING
from robustkd.statistics.sign_agreement import SignAgreement

_SMALLEST_P = 0.001

_CHART = "Bars in the chart are one standard deviation over trainings; on the dashed line both numbers are equal."


def sentences_of(table: PaperTable, matched: Sequence[Match]) -> tuple[str, ...]:
    """Return the findings: the differences of an exact run, the rankings, and the signs of the gains."""
    several = len({match.cell.setting for match in matched}) > 1
    ranked = [_ranking(table, each, several) for each in rankings(matched)]
    return tuple(filter(None, (_distance(table, matched), *ranked, *_signs(table, matched))))


def note_of(table: PaperTable, matched: Sequence[Match]) -> str:
    """Say what the paper and the run leave out, where the intervals come from, and how to read the chart."""
    intervals = _intervals(matched) if rankings(matched) else ""
    return " ".join(filter(None, (_coverage(table, matched), *table.remarks, intervals, _CHART)))


def ranking_sentence(found: Ranking, items: str, by: str) -> str:
    """Say how a measured ranking agrees with the published one.

    Args:
        found: The ranking.
        items: What is ranked, in the plural.
        by: What it is ranked by.
    """
    what = f"ranking of {found.ranked} {items} by {by}"
    if np.isnan(found.tau):
        return f"The {what} cannot be compared with the paper's, because all measured numbers are equal."
    interval = "" if found.interval is None else f" [{_two(found.interval.low)}, {_two(found.interval.high)}]"
    told = f"Kendall's τ between the measured and the published {what} is {_two(found.tau)}{interval}"
    if found.p_value is None:
        return f"{told}."
    chance = f"p < {_SMALLEST_P}" if found.p_value < _SMALLEST_P else f"p = {found.p_value:.2g}"
    return f"{told} ({chance} for unrelated rankings)."


def share_sentence(found: SignAgreement, what: str, positive: int) -> str:
    """Say how many differences have the published sign.

    Args:
        found: The count.
        what: The differences, in the plural.
        positive: The number of published differences above 0.
    """
    share, low, high = (f"{100 * value:.0f}%" for value in (found.same / found.total, *found.interval))
    return (
        f"{found.same} of {found.total} {what} have the published sign ({share} [{low}, {high}]); "
        f"in the paper {positive} are positive."
    )


def _distance(table: PaperTable, matched: Sequence[Match]) -> str:
    """How far an exact run lies from the paper on average."""
    valid = [match for match in matched if not match.void]
    if not valid or any(match.differences for match in matched):
        return ""
    away = np.array([match.mean - match.cell.mean for match in valid])
    unit, decimals = "points" if table.unit == "%" else table.unit, decimals_of(table)
    if len(valid) == 1:
        what = f"{table.title_of_metric} of {valid[0].cell.name}"
        return f"The {what} is {signed(away[0], decimals)} {unit} from the published one."
    text = (
        f"The {len(valid)} measured numbers are {signed(away.mean(), decimals)} {unit} from those of the paper on "
        f"average, between {signed(away.min(), decimals)} and {signed(away.max(), decimals)}"
    )
    spread = [match for match in valid if match.cell.std > ROUNDING]
    near = sum(abs(match.mean - match.cell.mean) <= 2 * match.cell.std for match in spread)
    return f"{text}; {near} of {len(spread)} lie within two published standard deviations." if spread else f"{text}."


def _ranking(table: PaperTable, found: Ranking, several: bool) -> str:
    text = ranking_sentence(found, f"{table.rows}s", table.title_of_metric)
    return f"{_capital(found.setting)}: {text}" if several else text


def _signs(table: PaperTable, matched: Sequence[Match]) -> list[str]:
    """How many gains have the published sign, and how many of those that this run can tell from 0."""
    known = [gain for gain in gains(matched) if abs(gain.published) > ROUNDING]
    found = signs(known)
    if found is None:
        return []
    if found.total == 1:
        return [_only_gain(table, known[0])]
    share = share_sentence(found, table.differences, sum(gain.published > 0 for gain in known))
    if all(gain.significant is None for gain in known):
        return [share]
    clear = signs([gain for gain in known if gain.significant])
    if clear is None:
        return [share, "The 95% intervals of all of them contain 0 in this run, so that their signs may be chance."]
    if clear.total == 1:
        has = "has" if clear.same else "does not have"
        return [share, f"The only one whose 95% interval excludes 0 in this run {has} the published sign."]
    told = f"{clear.same} of the {clear.total} whose 95% interval excludes 0 in this run have the published sign."
    return [share, told]


def _only_gain(table: PaperTable, gain: Gain) -> str:
    unit = "points" if table.unit == "%" else table.unit
    here, there = (signed(value, decimals_of(table)) for value in (gain.measured, gain.published))
    told = " (its 95% interval contains 0)" if gain.significant is False else ""
    return f"The {table.difference} of {gain.match.cell.name} is {here} {unit} here{told}, and {there} in the paper."


def _coverage(table: PaperTable, matched: Sequence[Match]) -> str:
    """Which cells of the same settings the run does not measure."""
    settings = {match.cell.setting for match in matched}
    here = {(match.cell.setting, match.cell.name) for match in matched}
    cells = [cell for cell in table.cells if cell.setting in settings]
    missing = list(dict.fromkeys(cell.name for cell in cells if (cell.setting, cell.name) not in here))
    if not missing:
        return ""
    return f"Published too, but not measured here: {join(missing)}."


def _intervals(matched: Sequence[Match]) -> str:
    few = any(len(match.values) < SEEDS_TO_RANK for match in matched)
    here = "test images (fewer than three seeds)" if few else "the seeds of this run"
    stated = any(match.cell.std > ROUNDING for match in matched)
    there = (
        "and the published standard deviations" if stated else "alone, because the paper gives no standard deviations"
    )
    return f"The 95% interval of τ covers the variation over {here} {there}."


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
