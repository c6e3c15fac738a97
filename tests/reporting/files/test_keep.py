"""What `reports/keep.py` leaves of a run for the repository."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

KEEP = Path(__file__).parents[3] / "reports" / "keep.py"


def test_a_kept_run_has_its_numbers_and_pages_but_neither_networks_nor_records(
    build: Callable[..., Path], tmp_path: Path
) -> None:
    run = build(evaluations=("generalization",))
    (run / "jobs").mkdir()
    (run / "jobs" / "model.safetensors").write_bytes(b"weights")
    place = tmp_path / "reports" / "kept"
    place.mkdir(parents=True)
    (place / "of-the-last-time.txt").write_text("")

    subprocess.run([sys.executable, KEEP, run, place], check=True)

    files = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert files >= {
        "run.json",
        "results/generalization.csv",
        "report/index.html",
        "report/report.md",
        "report/statement.json",
        "report/figures/generalization.svg",
        "report/tables/generalization.csv",
    }
    assert {Path(file).suffix for file in files} == {".json", ".csv", ".html", ".md", ".svg"}
    assert 'id="vega"' not in (place / "report" / "index.html").read_text(encoding="utf-8")
    assert (run / "jobs" / "model.safetensors").exists()
