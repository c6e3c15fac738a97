"""A number that a failed check voids stands in no output without being struck out."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Dataset, load_dataset
from robustkd.models import ModelPool, PixelModel
from robustkd.studies import Evaluated, evaluate

NUMBER = re.compile(r"\d+\.\d")
QUICK = {"transferability": {"images": 30, "steps": 3, "white_box": ()}}


def nearest_mean(seed: int, data: Dataset) -> nn.Module:
    """A classifier of digits that is far better than guessing."""
    pixels = data.training.pixels(0, len(data.training)).flatten(1)
    means = torch.stack([pixels[data.training.labels == label].mean(0) for label in range(10)])
    means = means + 0.05 * torch.randn(means.shape, generator=torch.Generator().manual_seed(seed))
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    network[1].weight.data, network[1].bias.data = 10 * means, -5 * (means**2).sum(1)
    return network


class Noisy(nn.Module):
    """Answers at random around a good answer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x + 0.05 * torch.rand_like(x))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """A pool in which nothing of `faulty` can be trusted."""
    data = load_dataset("digits")
    data = replace(data, test=data.test.subset(torch.arange(150)))
    networks = [nearest_mean(seed, data) for seed in range(3)]
    wrapped = [PixelModel(each, architecture="net") for each in (*networks, Noisy(nearest_mean(3, data)))]
    pool = ModelPool(wrapped[0], baseline=wrapped[1], students={"at": wrapped[2], "faulty": wrapped[3]})
    return evaluate(pool, data, options=QUICK, out=tmp_path_factory.mktemp("run"), device="cpu")


def rows_of(report: Evaluated, suffix: str) -> list[str]:
    """The rows of all tables that begin with the faulty network."""
    tables = (report.path / "report" / "tables").glob(f"*.{suffix}")
    starts = {"csv": "faulty,", "tex": "faulty &", "md": "| faulty |"}
    lines = [line for table in tables for line in table.read_text().splitlines() if line.startswith(starts[suffix])]
    assert len(lines) > 3
    return lines


@pytest.mark.parametrize("suffix", ["csv", "tex"])
def test_where_nothing_can_be_struck_out_no_number_stands(report: Evaluated, suffix: str) -> None:
    for line in rows_of(report, suffix):
        assert not NUMBER.search(line), line


def test_in_markdown_every_number_is_struck_out(report: Evaluated) -> None:
    for line in rows_of(report, "md"):
        left = re.sub(r"~~.*?~~", "", line)
        assert not NUMBER.search(left), line


def test_on_the_page_every_number_is_struck_out(report: Evaluated) -> None:
    page = report.page.read_text(encoding="utf-8")
    rows = re.findall(r'<tr>\s*<th scope="row">(?:<span[^>]*>)?faulty(?:</span>)?</th>(.*?)</tr>', page, re.DOTALL)
    assert len(rows) > 3

    for row in rows:
        for cell in re.findall(r"<td.*?</td>", row, re.DOTALL):
            assert not NUMBER.search(cell) or re.search(r'<s class="untrusted"[^>]*>[^<]*</s>', cell), cell


def test_no_chart_draws_it(report: Evaluated) -> None:
    for name, chart in report.charts.items():
        drawn = json.loads(chart.to_json())
        held = [row for rows in drawn.get("datasets", {}).values() for row in rows]
        of_it = [row for row in held if "faulty" in (row.get("member"), row.get("method"))]
        assert not [row for row in of_it if row.get("value") is not None], name


def test_no_sentence_gives_a_number_of_it(report: Evaluated) -> None:
    written = (report.path / "report" / "report.md").read_text(encoding="utf-8")
    sentences = [line for line in written.splitlines() if line.startswith("- ") and "faulty" in line]

    for sentence in sentences:
        about = re.findall(r"faulty[^,;.]*\d+\.\d", sentence)
        assert not about or "failed" in sentence or "gives other logits" in sentence, sentence


def test_the_summary_and_the_notebook_do_not_show_it(report: Evaluated) -> None:
    (line,) = (line for line in str(report).splitlines() if line.startswith("faulty "))
    assert not NUMBER.search(line)
    shown = re.search(r"<tr><th>faulty</th>(.*?)</tr>", report._repr_html_()).group(1)
    for cell in re.findall(r"<td>.*?</td>", shown):
        assert not NUMBER.search(cell) or "<s>" in cell


def test_the_others_keep_their_numbers(report: Evaluated) -> None:
    tables = sorted((report.path / "report" / "tables").glob("*.csv"))
    numbers = [
        cell
        for table in tables
        for row in csv.reader(table.read_text().splitlines())
        if row[0] == "at"
        for cell in row[1:]
        if NUMBER.search(cell)
    ]

    assert len(numbers) > 5
    assert np.isfinite([float(NUMBER.search(cell).group()) for cell in numbers]).all()
