"""The site's generated pages can be written; no page links to another, or names a command, that does not exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import robustkd as rk
from robustkd.cli import app
from robustkd.declarations import declared
from robustkd.evaluations import EVALUATIONS

DOCS = Path(__file__).parents[1] / "docs"

SOURCES = [path for path in sorted(DOCS.rglob("*.md")) if not {"examples", "_build"} & set(path.parts)]


@pytest.fixture(scope="module")
def generated() -> Iterator[dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS / "_ext"))
        from generated import all_pages

        yield all_pages()


def shipped(kind: str) -> list[str]:
    """Names that robustkd itself registers, whatever other tests or installed plugins add."""
    return [name for name, each in declared(kind).items() if "robustkd" in each.path.parts]


@pytest.mark.parametrize("name", shipped("evaluation"))
def test_an_evaluation_has_a_page_with_its_question_metrics_and_options(name: str, generated: dict[str, str]) -> None:
    page = generated[f"guide/evaluations/{name}.md"]

    assert EVALUATIONS[name].question in page
    assert all(
        f"`{metric.name}`" in page and metric.meaning.replace("|", "\\|") in page
        for metric in EVALUATIONS[name].metrics
    )
    assert all(f"`{option.name}`" in page for option in declared("evaluation")[name].options)
    assert f"[`{name}`]({name}.md)" in generated["guide/evaluations/index.md"]


@pytest.mark.parametrize("name", shipped("method"))
def test_a_method_has_a_page_with_its_summary_and_options(name: str, generated: dict[str, str]) -> None:
    page = generated[f"guide/methods/{name}.md"]

    assert declared("method")[name].summary in page
    assert all(f"`{option.name}`" in page for option in declared("method")[name].options)
    assert f"[`{name}`]({name}.md)" in generated["guide/methods/index.md"]


@pytest.mark.parametrize("module", ["robustkd", "robustkd.metrics", "robustkd.losses"])
def test_every_public_name_is_in_the_reference(module: str, generated: dict[str, str]) -> None:
    home = {"robustkd": rk, "robustkd.metrics": rk.metrics, "robustkd.losses": rk.losses}[module]

    documented = set(re.findall(rf":: {re.escape(module)}\.(\w+)$", generated[f"reference/{module}.md"], re.MULTILINE))

    assert documented == set(home.__all__) - {"metrics", "losses"}


def test_the_site_leads_to_the_page_of_every_report(
    generated: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from generated.report_pages import copy_reports

    copy_reports(DOCS.parent, tmp_path)

    reports = {path.relative_to(tmp_path / "reports").as_posix() for path in tmp_path.rglob("index.html")}
    assert len(reports) > 10
    assert set(re.findall(r'href="([^"]+)"', generated["reports/index.md"])) == reports


def test_every_key_of_a_study_has_a_meaning(generated: dict[str, str]) -> None:
    rows = [line for line in generated["using/study-keys.md"].splitlines() if line.startswith("| `")]

    without = [row for row in rows if re.search(r"\|\s*\|$", row)]

    assert rows
    assert not without


def test_no_page_links_to_a_page_that_does_not_exist(generated: dict[str, str]) -> None:
    pages = {(DOCS / name).resolve(): text for name, text in generated.items()}
    texts = pages | {path.resolve(): path.read_text(encoding="utf-8") for path in SOURCES}

    missing = [
        f"{path.relative_to(DOCS.resolve())}: {link}"
        for path, text in texts.items()
        for link in links(text)
        if (target := (path.parent / link).resolve()) not in texts and not target.exists()
    ]

    assert not missing


def links(text: str) -> list[str]:
    """The relative links of a page, without the place on the page."""
    prose = re.sub(r"```\w*\n.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose)
    return [link for link in found if not re.match(r"\w+:", link)]


def commands() -> list[list[str]]:
    """The words of every `robustkd …` command in a block of shell commands or a cell of a tutorial."""
    blocks = [
        block.replace("\\\n", " ")
        for path in SOURCES
        for block in re.findall(
            r"```(?:sh|\{code-cell\} ipython3)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL
        )
    ]
    found = [
        re.split(r"\s#|\s\||&&", line)[0] for block in blocks for line in re.findall(r"^!?(robustkd .*)$", block, re.M)
    ]
    return [shlex.split(line) for line in found]


def test_every_command_and_option_of_the_pages_exists() -> None:
    known = vars(typer.main.get_command(app))["commands"]

    unknown = [" ".join(words[:2]) for words in commands() if not words[1].startswith("-") and words[1] not in known]
    wrong = [
        f"{words[1]} {word}"
        for words in commands()
        if (command := known.get(words[1])) is not None
        for word in words[2:]
        if word.startswith("--") and word not in {name for each in command.params for name in each.opts}
    ]

    assert len(commands()) > 40
    assert not unknown
    assert not wrong
