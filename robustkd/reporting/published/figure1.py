"""Figure 1 of Sarfraz et al. 2020, the matrix of adversarial transfer, beside that of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.heat_map import heatmap
from robustkd.published import load_published
from robustkd.reporting.drawing_process import Draw, drawn_when_asked
from robustkd.reporting.published.agreement import FEWEST_RANKED, Ranking
from robustkd.reporting.published.comparison import PublishedComparison
from robustkd.reporting.published.differences import departure
from robustkd.reporting.published.matching import Match, matches
from robustkd.reporting.published.paper_table import PaperCell, PaperTable
from robustkd.reporting.published.sarfraz2020 import METHODS, NETWORKS, RECIPE, STATED
from robustkd.reporting.published.sentences import ranking_sentence, share_sentence
from robustkd.reporting.run import Run
from robustkd.reporting.table import Cell, Column, Table
from robustkd.statistics.intervals import Z
from robustkd.statistics.kendall import kendall_interval, kendall_tau
from robustkd.statistics.sign_agreement import sign_agreement

_EVALUATION = "transferability"

_METRIC = "transfer_success"

_NAME = "published-sarfraz2020-figure-1-transfer"

_TEACHER = "Teacher"

_DRAWS = 2000

_BESIDE = 4
"""With more sources, the matrices stand below each other, because a page is not wide enough."""

_REMARK = (
    "The paper does not say which networks Figure 1 shows, nor on how many images; it gives no standard deviations. "
    "The 95% interval of τ covers the variation over the test images of this run alone, and pairs share their networks."
)


@dataclass(frozen=True)
class Pair:
    """The transfer of an attack on a source to a target, in percent.

    Attributes:
        source: The source, in the paper's words.
        target: The target.
        measured: The transfer in this run.
        error: Its standard error over test images.
        images: The number of images that both classify correctly.
        published: The transfer in the paper.
        void: Whether a failed validity check voids the measured number.
    """

    source: str
    target: str
    measured: float
    error: float
    images: int
    published: float
    void: bool


def figure1_of(run: Run, draw: Draw = drawn_when_asked) -> PublishedComparison | None:
    """Compare the matrix of adversarial transfer of a run with Figure 1; None where it has no such matrix."""
    matched = matches(_table(), run)
    pairs = _pairs(run, matched)
    valid = [pair for pair in pairs if not pair.void]
    if not valid:
        return None
    departs = departure([(match.cell.name, match.differences) for match in matched])
    chart = _chart(valid)
    return PublishedComparison(
        name=_NAME,
        paper="Sarfraz et al. 2020",
        place="Figure 1",
        title="Adversarial transferability",
        exact=not departs,
        differences=departs,
        note=_REMARK,
        sentences=tuple(filter(None, (_ranking(valid), _signs(valid)))),
        tables=(_matrix(pairs),),
        chart=chart,
        drawing=draw(chart, _NAME),
        alternative=_in_words(valid),
    )


def _table() -> PaperTable:
    """The targets of the figure, each with its mean over sources."""
    published = load_published("sarfraz2020_figure1_transferability")
    targets = published[(published["source"] == "mean") & (published["target"] != "mean")]
    students = tuple(NETWORKS["cifar10"].values())
    cells = tuple(
        PaperCell(
            setting="",
            name=row["target"],
            mean=float(row["value"]),
            method=METHODS[row["target"]],
            students=students,
            teachers=() if row["target"] == "Baseline" else (NETWORKS["cifar10"]["WRN-40-2"],),
            stated=STATED.get(row["target"], {}),
        )
        for _, row in targets.iterrows()
    )
    return PaperTable(
        paper="sarfraz2020",
        cited="Sarfraz et al. 2020",
        place="Figure 1",
        title="Adversarial transferability",
        rows="pair",
        cells=cells,
        data="cifar10",
        train_images=50_000,
        test_images=10_000,
        evaluation=_EVALUATION,
        metric="mean_on_target",
        title_of_metric="transfer",
        recipe=RECIPE,
        at_least=2,
        options={"epsilon": 0.031, "step_size": 0.003, "steps": 20},
    )


def _pairs(run: Run, matched: Sequence[Match]) -> list[Pair]:
    """The published pairs that the run has, in the order of the paper, means over networks of a method."""
    result = run.result(_EVALUATION)
    if result is None or not matched:
        return []
    part = matched[0].trained
    frame = result.frame[(result.frame["metric"] == _METRIC) & (result.frame["level"] == "pair")]
    frame = frame[(frame["group"] == part.group) & (frame["condition"] == part.condition) & frame["value"].notna()]
    named = _named(run, matched)
    frame = frame.assign(target=frame["member"].map(named), by=frame["source"].map(named))
    metric, trust = EVALUATIONS[_EVALUATION]().metric(_METRIC), run.trust[_EVALUATION]
    published = load_published("sarfraz2020_figure1_transferability")
    found = []
    for _, cell in published.iterrows():
        rows = frame[(frame["by"] == cell["source"]) & (frame["target"] == cell["target"])]
        if len(rows):
            found.append(
                Pair(
                    cell["source"],
                    cell["target"],
                    measured=100 * float(rows["value"].mean()),
                    error=100 * float((rows["ci_high"] - rows["ci_low"]).mean()) / (2 * Z),
                    images=int(rows["n"].mean()),
                    published=float(cell["value"]),
                    void=any(trust.voids(row, metric) for _, row in rows.iterrows()),
                )
            )
    return found


def _named(run: Run, matched: Sequence[Match]) -> Mapping[str, str]:
    """The paper's name of each network of the matched part."""
    part = matched[0].trained
    networks = run.trust[_EVALUATION].networks
    here = networks[(networks["group"] == part.group) & (networks["condition"] == part.condition)]
    names = {match.trained.name: match.cell.name for match in matched if match.trained.group == part.group}
    found = {}
    for _, network in here.iterrows():
        name = _TEACHER if network["role"] == "teacher" else names.get(network["method"])
        if name is not None:
            found[str(network["member"])] = name
    return found


def _ranking(pairs: Sequence[Pair]) -> str:
    """Whether the pairs of different networks are in the published order."""
    others = [pair for pair in pairs if pair.source != pair.target]
    if len(others) < FEWEST_RANKED:
        return ""
    measured, published = (np.array([getattr(pair, key) for pair in others]) for key in ("measured", "published"))
    tau = float(kendall_tau(measured, published))
    if np.isnan(tau):
        return ranking_sentence(Ranking("", len(others), tau, None), "pairs of networks", "transfer")
    random = np.random.default_rng(0)
    drawn = random.normal(measured, [pair.error for pair in others], (_DRAWS, len(others)))
    interval = kendall_interval(tau, drawn, np.tile(published, (_DRAWS, 1)))
    # no p-value: pairs share networks, so that the test of independent pairs would be wrong
    return ranking_sentence(Ranking("", len(others), tau, interval), "pairs of networks", "transfer")


def _signs(pairs: Sequence[Pair]) -> str:
    """Whether the students that the teacher's attack fools more than the baseline are those of the paper."""
    own = {pair.target: pair for pair in pairs if pair.source == _TEACHER}
    baseline = own.pop("Baseline", None)
    if baseline is None or not own:
        return ""
    here = np.array([pair.measured - baseline.measured for pair in own.values()])
    there = np.array([pair.published - baseline.published for pair in own.values()])
    if len(own) == 1:
        more = ["more" if value > 0 else "less" for value in (*here, *there)]
        who = f"{next(iter(own))} {more[0]} than the baseline here, {more[1]} in the paper"
        return f"The attack on the teacher fools {who}."
    found = sign_agreement(here, there)
    what = "students' differences to the baseline in transfer from the teacher"
    return "" if found is None else share_sentence(found, what, int((there > 0).sum()))


def _matrix(pairs: Sequence[Pair]) -> Table:
    """Sources in columns, targets in rows: measured, and published in brackets."""
    sources, targets = (list(dict.fromkeys(getattr(pair, key) for pair in pairs)) for key in ("source", "target"))
    known = {(pair.source, pair.target): pair for pair in pairs}
    rows = tuple((target, tuple(_cell(known.get((source, target))) for source in sources)) for target in targets)
    caption = "Transfer success in percent, measured in this run and published (in brackets). Sources are in columns."
    return Table(_NAME, "Target", tuple(Column(source) for source in sources), rows, caption, matrix=True)


def _cell(pair: Pair | None) -> Cell:
    if pair is None:
        return Cell("–")
    return Cell(f"{pair.measured:.1f}", f"({pair.published:.1f})", untrusted=pair.void, value=pair.measured)


def _chart(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Both matrices on one scale from 0 to 100."""
    import altair as alt

    metrics = [EVALUATIONS[_EVALUATION]().metric(name) for name in (_METRIC, "mean_on_target", "mean_from_source")]
    drawn: list[Any] = [
        heatmap(_with_means(pairs, key), *metrics).properties(title=title)
        for key, title in (("measured", "this run"), ("published", "published (Sarfraz et al. 2020, Figure 1)"))
    ]
    sources = len({pair.source for pair in pairs})
    both = alt.hconcat(*drawn) if sources <= _BESIDE else alt.vconcat(*drawn)
    return dict(both.resolve_scale(color="shared").to_dict())


def _with_means(pairs: Sequence[Pair], key: str) -> pd.DataFrame:
    """The pairs as tidy rows, with the means of the rows and columns that are shown."""
    cells = pd.DataFrame(
        [
            {"source": pair.source, "member": pair.target, "value": getattr(pair, key) / 100, "n": pair.images}
            for pair in pairs
        ]
    ).assign(metric=_METRIC)
    if key == "published":
        cells["n"] = pd.NA
    on_target = cells.groupby("member", sort=False)["value"].mean().reset_index().assign(metric="mean_on_target")
    from_source = cells.groupby("source", sort=False)["value"].mean().rename_axis("member").reset_index()
    return pd.concat([cells, on_target, from_source.assign(metric="mean_from_source")], ignore_index=True)


def _in_words(pairs: Sequence[Pair]) -> str:
    measured, published = ([getattr(pair, key) for pair in pairs] for key in ("measured", "published"))
    return (
        f"Two heat maps of transfer success for {len(pairs)} pairs of source and target on one scale from 0 to 100%: "
        f"from {min(measured):.1f} to {max(measured):.1f}% in this run, from {min(published):.1f} to "
        f"{max(published):.1f}% in the paper; the table has each number."
    )
