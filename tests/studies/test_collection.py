"""Several studies in one command, and files that stand for several."""

from pathlib import Path

import pytest

from robustkd.errors import StudyError
from robustkd.studies.collection import load_studies


@pytest.fixture
def studies(tiny: Path, tmp_path: Path) -> Path:
    """A folder with two studies and a collection of them."""
    for name in ("first", "second"):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {tiny.resolve()}\nname: {name}\n")
    (tmp_path / "both.yaml").write_text("studies: [first.yaml, second.yaml]\n")
    return tmp_path


def test_a_collection_stands_for_its_studies_which_share_their_trained_networks(studies: Path) -> None:
    first, second = load_studies([studies / "both.yaml"], out=studies / "out")

    assert (first.study.name, second.study.name) == ("first", "second")
    assert (first.out, second.out) == (studies / "out" / "first", studies / "out" / "second")
    assert first.store == second.store == studies / "out" / "jobs"


def test_a_single_study_is_run_where_it_always_was(studies: Path) -> None:
    (only,) = load_studies([studies / "first.yaml"])

    assert (only.out, only.store) == (Path("runs/first"), Path("runs/first/jobs"))


def test_several_files_are_run_beside_each_other(studies: Path) -> None:
    placed = load_studies([studies / "first.yaml", studies / "second.yaml"], store=studies / "store")

    assert [each.out for each in placed] == [Path("runs/first"), Path("runs/second")]
    assert {each.store for each in placed} == {studies / "store"}


def test_overrides_apply_to_every_study(studies: Path) -> None:
    placed = load_studies([studies / "both.yaml"], ("training.epochs=2",))

    assert [each.study.training.epochs for each in placed] == [2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("studies: [first.yaml]\nname: x\n", "has no other key, got studies, name"),
        ("studies: []\n", "must be a list of paths of study files"),
        ("studies: first.yaml\n", "must be a list of paths of study files"),
        ("studies: [both.yaml]\n", "is a collection itself"),
        ("studies: [absent.yaml]\n", "no such file"),
        ("studies: [first.yaml, first.yaml]\n", "'first' is the name of the study in"),
    ],
)
def test_a_wrong_collection_is_refused_in_one_line(studies: Path, text: str, message: str) -> None:
    (studies / "wrong.yaml").write_text(text)

    with pytest.raises(StudyError, match=message) as refused:
        load_studies([studies / "wrong.yaml"])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("file", sorted(Path("experiments").rglob("all.yaml")), ids=str)
def test_the_collections_of_the_papers_are_valid(file: Path) -> None:
    placed = load_studies([file])

    assert len({each.study.name for each in placed}) == len(placed) > 1
