"""The benchmarks: the measured tables of ``reports/benchmarks``, as they are in the repository."""

from pathlib import Path

FOLDER = "benchmarks"


def pages(repository: Path) -> dict[str, str]:
    """Return the pages by their path within ``docs``.

    Args:
        repository: The root of the repository.
    """
    sources = sorted((repository / "reports" / "benchmarks").glob("*.md"))
    others = [path.stem for path in sources if path.stem != "README"]
    written = {f"{FOLDER}/{path.stem}.md": _rooted(path) for path in sources if path.stem != "README"}
    front = _rooted(repository / "reports" / "benchmarks" / "README.md")
    navigation = "```{toctree}\n:hidden:\n\n" + "\n".join(others) + "\n```\n"
    return {f"{FOLDER}/index.md": f"{front}\n{navigation}", **written}


def _rooted(path: Path) -> str:
    """The text of a report, whose links to its neighbours stay as they are."""
    return path.read_text(encoding="utf-8").replace("](README.md", "](index.md")
