"""Several studies at once: files that name others, a place for each, and trained networks that they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from robustkd.errors import StudyError
from robustkd.studies.study import Study
from robustkd.studies.study_file import load_study, named_studies

RUNS = Path("runs")
"""Where runs are by default."""


@dataclass(frozen=True)
class Placed:
    """A study and where it is run.

    Attributes:
        study: The study.
        out: Its run directory.
        store: The folder of its trained networks.
    """

    study: Study
    out: Path
    store: Path


def load_studies(
    paths: Sequence[Path], overrides: tuple[str, ...] = (), out: Path | None = None, store: Path | None = None
) -> list[Placed]:
    """Read study files, and collections of them.

    Args:
        paths: Study files. A file with the one key ``studies``, a list of paths relative to it, stands for these.
        overrides: Settings of the form ``a.b=value``, applied to every study.
        out: The run directory; with several studies, the folder of their run directories, which bear their names.
            If None, a folder under ``runs``: that of the study, or of the collection.
        store: The folder of the trained networks; if None, ``jobs`` in `out`, which several studies share.

    Returns:
        The studies, in order.

    Raises:
        StudyError: A file is not valid, or two studies have one name.
    """
    files = [(file, path) for path in paths for file in named_studies(path)]
    studies = [load_study(file, overrides) for file, _ in files]
    if len(studies) == 1 and files[0][0] == files[0][1]:
        place = out if out is not None else RUNS / studies[0].name
        return [Placed(studies[0], place, store or place / "jobs")]
    _refuse_same_names(studies, [file for file, _ in files])
    collections = {path for file, path in files if file != path}
    folder = out if out is not None else RUNS / (_name(collections.pop()) if len(paths) == 1 else "")
    return [Placed(study, folder / study.name, store or folder / "jobs") for study in studies]


def _name(collection: Path) -> str:
    """The name of the folder of a collection: that of the folder it is in, and its own."""
    return f"{collection.resolve().parent.name}-{collection.stem}"


def _refuse_same_names(studies: Sequence[Study], files: Sequence[Path]) -> None:
    named: dict[str, Path] = {}
    for study, file in zip(studies, files, strict=True):
        if study.name in named:
            raise StudyError(
                f"{file}: name: {study.name!r} is the name of the study in {named[study.name]}, too: their runs would "
                "be in one directory"
            )
        named[study.name] = file
