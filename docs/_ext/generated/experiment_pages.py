"""The studies in ``experiments`` by folder, and the published claims: lists that pages include."""

from pathlib import Path

from generated.markdown import code, one_line, table
from robustkd.published import load_published

FOLDER = "_generated"


def pages(repository: Path) -> dict[str, str]:
    """Return the tables by their path within ``docs``.

    Args:
        repository: The root of the repository.
    """
    experiments = repository / "experiments"
    papers = sorted(path.parent.name for path in experiments.glob("*/*.yaml"))
    written = {
        f"{FOLDER}/experiments-{name}.md": _studies(experiments / name, repository) for name in sorted(set(papers))
    }
    return {**written, f"{FOLDER}/claims.md": _claims()}


def _studies(folder: Path, repository: Path) -> str:
    studies = sorted(folder.rglob("*.yaml"))
    entries = [f"{code(path.relative_to(repository).as_posix())}\n: {_comment(path)}\n" for path in studies]
    return "\n".join(entries)


def _comment(path: Path) -> str:
    """The comment at the beginning of a study file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    said = []
    for line in lines:
        if not line.startswith("#"):
            break
        said.append(line.lstrip("# "))
    return one_line(" ".join(said))


def _claims() -> str:
    claims = load_published("claims")
    rows = [
        (each.id, each.paper, one_line(each.claim), one_line(each.suggested_pass_rule))
        for each in claims.fillna("").itertuples()
    ]
    return table(("claim", "paper", "what it says", "holds if"), rows) + "\n"
