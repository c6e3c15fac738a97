"""The reports of the repository: what each shows, with a picture, and what they say about the papers' claims."""

import re
from pathlib import Path

FOLDER = "reports"

_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
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


def _on_the_site(text: str) -> str:
    """Links lead to pages of the site; a report, which is not one, is named by its folder in the repository."""
    pictured = _IMAGE.sub(lambda found: f"![{found[1]}](../../reports/{found[2]})", text)
    return _LINK.sub(lambda found: _link(found[1], found[2]), pictured)


def _link(text: str, target: str) -> str:
    if target in _PAGES or target.startswith("https:"):
        return f"[{text}]({_PAGES.get(target, target)})"
    return text if target.startswith("../") else f"{text} (`reports/{target.removesuffix('/report/report.md')}`)"
