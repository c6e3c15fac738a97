import re
from pathlib import Path

import numpy as np
import pytest

import robustkd as rk
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict
from robustkd.presentation.pictures import Picture, PictureRow, Tile
from robustkd.results.metric import Metric
from robustkd.results.records import Records, members_frame

from .conftest import network


class Shown(Evaluation):
    """Shows the first images."""

    name = "shown"
    question = "What do the first images look like?"
    reading = "Look at the images."
    chance = "Chance shows nothing."
    control = "There is no control."
    cost = "Nothing."
    metrics = (Metric("right", "Right", "fraction", True, "Share of correct images."),)

    def measure(self, pool: rk.ModelPool, data: rk.Dataset, predict: Predict) -> Records:
        images = data.test.images[:2].numpy()
        return Records(members_frame(pool), {"right": np.stack([predict(each).correct for each in pool]), "x": images})

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        tiles = tuple(Tile(image[0], f"<{place}>") for place, image in enumerate(records.arrays["x"]))
        return (
            Picture("first", "The first images", "The first two test images.", ("", ""), (PictureRow("x", tiles),)),
        )


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    EVALUATIONS.names()  # discovers, so that the next line only adds one
    monkeypatch.setitem(EVALUATIONS._entries, "shown", Shown)
    pool = rk.ModelPool(baseline=network(0))
    options = {"shown": {}, "transferability": {"images": 4, "steps": 1, "white_box": []}}
    run = rk.evaluate(pool, rk.load_dataset("digits"), options=options, limit=20, out=tmp_path / "run", device="cpu")
    return run.path / "report"


def test_pictures_are_on_the_page_and_beside_it(report: Path) -> None:
    page = (report / "index.html").read_text()
    section = page[page.index('<section id="shown"') :].split("</section>")[0]

    assert len(re.findall(r'<img src="data:image/png;base64,', section)) == 2
    assert "The first two test images." in section
    assert "&lt;1&gt;" in section
    assert (report / "figures" / "shown-first.png").read_bytes().startswith(b"\x89PNG")
    assert "![The first images](figures/shown-first.png)" in (report / "report.md").read_text()


def test_the_page_says_how_to_read_an_evaluation(report: Path) -> None:
    page, markdown = (report / "index.html").read_text(), (report / "report.md").read_text()

    for text in ("Look at the images.", "Chance shows nothing.", "There is no control."):
        assert text in page
        assert text in markdown
