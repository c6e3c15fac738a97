"""Pages that are generated when the site is built, from the code's own docstrings and metadata.

A page about a method, an evaluation, a key of a study file, a benchmark or a report says what the code or its results
say, so it cannot drift. The pages are written beside those that are written by hand, before Sphinx reads any, and git
ignores them. Nothing here needs Sphinx.
"""

from pathlib import Path

from generated import (
    api_pages,
    benchmark_pages,
    evaluation_pages,
    experiment_pages,
    method_pages,
    report_pages,
    study_page,
)

REPOSITORY = Path(__file__).resolve().parents[3]


def all_pages() -> dict[str, str]:
    """Return the Markdown of every generated page, by its path within ``docs``."""
    return {
        **evaluation_pages.pages(REPOSITORY),
        **method_pages.pages(),
        **study_page.pages(),
        **api_pages.pages(),
        **benchmark_pages.pages(REPOSITORY),
        **experiment_pages.pages(REPOSITORY),
        **report_pages.pages(REPOSITORY),
    }


def write_pages(folder: Path) -> None:
    """Write the generated pages; a page that has not changed keeps its time, so that Sphinx does not read it again.

    Args:
        folder: The folder of the site's sources.
    """
    for name, text in all_pages().items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
