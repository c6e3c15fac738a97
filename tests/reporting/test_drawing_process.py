"""Charts drawn in another process are those that are drawn here."""

import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from robustkd.reporting.draw_requests import answer_all
from robustkd.reporting.drawing_process import FEW, drawn_meanwhile, drawn_when_asked, pictures_of


def chart(value: float) -> dict[str, Any]:
    return {
        "data": {"values": [{"x": value}]},
        "mark": "point",
        "encoding": {"x": {"field": "x", "type": "quantitative"}},
    }


CHARTS = {f"chart-{index}": chart(index) for index in range(FEW + 2)}


def test_a_drawing_is_the_same_in_either_process() -> None:
    with drawn_meanwhile(len(CHARTS)) as draw:
        drawings = {name: draw(each, name) for name, each in CHARTS.items()}
        found = {name: (drawing.svg, drawing.png, drawing.pdf) for name, drawing in drawings.items()}

    assert found == {name: tuple(pictures_of(each, name)) for name, each in CHARTS.items()}


def test_nothing_is_drawn_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustkd.reporting.drawing_process.to_svg", lambda chart, name: pytest.fail("drawn"))

    drawn_when_asked(chart(1), "a")


def test_few_charts_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("started"))

    with drawn_meanwhile(FEW) as draw:
        for index in range(FEW):
            draw(chart(index), f"a-{index}")


@pytest.mark.parametrize("executable", ["/nowhere/python", "ends at once"])
def test_charts_are_drawn_here_where_no_process_draws_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, executable: str
) -> None:
    if executable == "ends at once":
        script = tmp_path / "python"
        script.write_text("#!/bin/sh\nexit 3\n")
        script.chmod(0o755)
        executable = str(script)
    monkeypatch.setattr(sys, "executable", executable)

    with drawn_meanwhile(len(CHARTS)) as draw:
        last = [draw(each, name) for name, each in CHARTS.items()][-1]
        found = last.svg

    assert found == pictures_of(CHARTS[f"chart-{FEW + 1}"], f"chart-{FEW + 1}").svg


def test_what_cannot_be_drawn_is_an_error_where_it_is_asked_for_and_the_next_is_drawn() -> None:
    wrong = {"mark": "no such mark"}
    with drawn_meanwhile(len(CHARTS)) as draw:
        for name, each in CHARTS.items():
            draw(each, name)
        failing, last = draw(wrong, "wrong"), draw(chart(1), "last")

        with pytest.raises(ValueError, match="conversion failed"):
            _ = failing.svg
        assert last.svg.startswith("<svg")


def test_requests_are_answered_until_they_end() -> None:
    answers = io.BytesIO()

    answer_all(io.BytesIO(pickle.dumps((chart(1), "a")) + pickle.dumps(({}, "b"))), answers)

    answers.seek(0)
    assert pickle.load(answers) == tuple(pictures_of(chart(1), "a"))
    assert isinstance(pickle.load(answers), Exception)
    assert not answers.read()


def test_the_process_that_draws_does_not_wait_for_altair_or_torch() -> None:
    import altair as alt

    drawn = f"pictures_of({alt.Chart().mark_point().to_dict()}, 'a')"
    code = (
        f"import sys; from robustkd.reporting.draw_requests import pictures_of; {drawn}; "
        "print({'altair', 'torch'} & set(sys.modules))"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "set()"
