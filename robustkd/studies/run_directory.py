"""The directory of a run: taken by one study, never by two."""

from pathlib import Path

import yaml

from robustkd.atomic import write_text
from robustkd.errors import StudyError

STUDY_FILE = "study.yaml"
LONGEST_NAME = 200


def claim(run: Path, name: str, study: str) -> None:
    """Use a directory as the run directory of a study, unless it contains something else.

    Args:
        run: The directory; need not exist.
        name: The name of the study.
        study: The resolved study, written as ``study.yaml``.

    Raises:
        StudyError: The directory is a file, or it contains another study or files that are not a study. Nothing is
            changed.
    """
    if len(run.name) > LONGEST_NAME:
        raise StudyError(f"{run.name[:40]}…: the name of the directory is too long; give another --out")
    if run.exists() and not run.is_dir():
        raise StudyError(f"{run}: is a file, not a directory; give another --out")
    # half-written files of a killed process do not count
    if run.is_dir() and any(path for path in run.iterdir() if not path.name.endswith(".partial")):
        _refuse_another_study(run, name)
    try:
        write_text(run / STUDY_FILE, study)
    except (OSError, ValueError) as error:
        raise StudyError(f"{run}: cannot be written to ({getattr(error, 'strerror', None) or error})") from error


def _refuse_another_study(run: Path, name: str) -> None:
    held = run / STUDY_FILE
    if not held.is_file():
        raise StudyError(f"{run}: contains files but no study; give another --out")
    try:
        holder = yaml.safe_load(held.read_text(encoding="utf-8"))["name"]
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise StudyError(f"{held}: cannot be read as a study; give another --out") from error
    if holder != name:
        raise StudyError(f"{run}: contains another study, {holder!r}; give another --out (nothing was changed)")
