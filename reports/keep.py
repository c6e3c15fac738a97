"""Keep of a run what its readers need, in a folder of reports: ``python reports/keep.py RUN reports/FOLDER``.

Results as tables, a page of drawings, Markdown, statement, model cards and provenance; neither networks, predictions,
the record of every image, nor what can be drawn or typeset again.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from robustkd.reporting import build_report


def keep(run: Path, place: Path) -> None:
    """Copy a run to a place, which it replaces.

    Args:
        run: The run directory.
        place: The folder in the repository.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / run.name
        shutil.copytree(run, copy, ignore=shutil.ignore_patterns("jobs", "predictions", "report", ".*"))
        build_report(copy, interactive=False)
        for file in [path for path in copy.rglob("*") if path.is_file() and not _is_kept(path)]:
            file.unlink()
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(copy, place, ignore=shutil.ignore_patterns(".*"))


def _is_kept(file: Path) -> bool:
    if file.parent.name == "results":
        return file.suffix == ".csv"
    if file.parent.name == "figures":  # a picture of images has no drawing
        return file.suffix == ".svg" or (file.suffix == ".png" and not file.with_suffix(".svg").exists())
    return file.parent.name != "tables" or file.suffix == ".csv"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("place", type=Path)
    arguments = parser.parse_args()
    keep(arguments.run, arguments.place)
