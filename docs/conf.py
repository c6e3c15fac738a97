"""The configuration of the site: `tox -e docs` builds it, without the network, and warnings are errors."""

import os
import sys
from pathlib import Path

os.environ["ROBUSTKD_NO_PLUGINS"] = "1"  # the pages describe robustkd alone
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the networks of the tutorials are small
extension_folder = str(Path(__file__).parent / "_ext")
sys.path.insert(0, extension_folder)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (extension_folder, os.environ.get("PYTHONPATH"))))

project = "robustkd"
author = "The robustkd authors"
copyright = author  # noqa: A001 - the name that Sphinx reads

extensions = [
    "site_pages",
    "myst_nb",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build", "_generated", "examples", "jupyter_execute", "Thumbs.db"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = True

nb_execution_mode = os.environ.get("ROBUSTKD_DOCS_EXECUTE", "cache")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_execution_show_tb = True

default_role = "code"  # docstrings write code in single backticks, as Markdown does
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes as a list, not each as an entry of its own
add_module_names = False
python_maximum_signature_line_length = 88

nitpicky = True
nitpick_ignore_regex = [("py:.*", r".*")]  # types of other packages, whose inventories are on the network

html_theme = "pydata_sphinx_theme"
html_title = "robustkd"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
