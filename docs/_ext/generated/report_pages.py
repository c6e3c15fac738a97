"""The reports of the repository: what each shows, with a picture, and what they say about the papers' claims."""

import re
import shutil
from pathlib import Path

FOLDER = "reports"

_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
_REPORT = re.compile(r"^(#+) \[([^\]]+)\]\(([^)]+)/report/report\.md\)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)]+)\)")
_PAGES = {"claims.md": "claims.md", "benchmarks/README.md": "../benchmarks/index.md"}


def pages(repository: Path) -> dict[str, str]:
    """Return the pages by their path within ``docs``.

    Args:
        repository: The root of the repository.
    """
    front, claims = ((repository / "reports" / name).read_text(encoding="utf-8") for name in ("README.md", "claims.md"))
    navigation = "```{toctree}\n:hidden:\n\nclaims\n```\n"
    return {f"{FOLDER}/index.md": f"{_on_the_site(front)}\n{navigation}", f"{FOLDER}/claims.md": claims}


def copy_reports(repository: Path, site: Path) -> None:
    """Put the page of each report on the site; a page needs no other file.

    Args:
        repository: The root of the repository.
        site: The folder of the site.
    """
    reports = repository / "reports"
    for page in reports.rglob("report/index.html"):
        target = site / FOLDER / page.parent.parent.relative_to(reports) / "index.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page, target)


def _on_the_site(text: str) -> str:
    """Links lead to pages of the site: those of the reports, which Sphinx does not know, as HTML."""
    pictured = _IMAGE.sub(lambda found: f"![{found[1]}](../../reports/{found[2]})", text)
    opened = _REPORT.sub(r'\1 \2\n\n<a href="\3/index.html">Open the report</a>', pictured)
    return _LINK.sub(lambda found: _link(found[1], found[2]), opened)


def _link(text: str, target: str) -> str:
    if target in _PAGES or target.startswith("https:"):
        return f"[{text}]({_PAGES.get(target, target)})"
    return text
