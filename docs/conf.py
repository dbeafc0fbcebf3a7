"""How Sphinx builds this documentation: ``make docs`` writes it into ``out/docs``.

It builds strictly and without a network. Pages are Markdown (MyST); those with cells of Python are run as
they are built. Parts that follow from the code are made from it (``_ext/``).
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Kernels read this, not the profile of whoever builds; errors only: a kernel warns of its own loopback ports.
_IPYTHON = Path(tempfile.mkdtemp(prefix="joulebench-docs-"))
(_IPYTHON / "profile_default").mkdir()
(_IPYTHON / "profile_default/ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n")
os.environ["IPYTHONDIR"] = str(_IPYTHON)
atexit.register(shutil.rmtree, _IPYTHON, ignore_errors=True)

sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

project = "joulebench"
author = "The joulebench developers"
version = release = metadata.version("joulebench")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "joulebench_docs"]
root_doc = "index"
exclude_patterns = [
    "_ext",
    "README.md",
]  # index.md includes README.md, which a code host shows for the folder
nitpicky = True
nitpick_ignore_regex = [  # types of other projects: nothing is fetched to link to them
    ("py:.*", r"(collections\.abc|datetime|matplotlib|np|numpy|os|pandas|pathlib|pd|typing|xarray|xr)\..*"),
    ("py:class", "Figure"),  # matplotlib's
    ("py:class", r"\w+\[\w+\[~[\w.]+"),  # a type of an attribute, which Sphinx cuts at its comma
]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "joulebench"
html_static_path: list[str] = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["joulebench.css"]
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "joulebench"},
    "navbar_align": "left",
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
    "show_toc_level": 2,
}
