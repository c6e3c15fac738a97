from pathlib import Path

import pytest

from robustkd.errors import StudyError
from robustkd.studies.run_directory import claim


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(StudyError, match="contains files but no study"):
        claim(tmp_path, "mine", "name: mine\n")

    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_directory_that_holds_another_study_is_left_alone(tmp_path: Path) -> None:
    claim(tmp_path, "theirs", "name: theirs\n")

    with pytest.raises(StudyError, match="another study, 'theirs'"):
        claim(tmp_path, "mine", "name: mine\n")

    assert (tmp_path / "study.yaml").read_text() == "name: theirs\n"


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")

    with pytest.raises(StudyError, match="is a file"):
        claim(tmp_path / "run", "mine", "name: mine\n")
