"""The site: ``make docs`` builds it without network, and with warnings as errors."""

import sys
from importlib.util import find_spec
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from overica import __version__

project = "overica"
author = "the overica developers"
project_copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "extensions.code_role",
    "extensions.handed_out",
    "extensions.experiments",
    "extensions.fields",
    "extensions.formulas",
    "extensions.linked_code",
    "extensions.offline",
]
# What a build makes of other files goes to docs/made, which git ignores.
exclude_patterns = ["_build", "extensions", "tutorials/GALLERY_HEADER.*"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
templates_path = ["_templates"]
default_role = "code_or_link"
nitpicky = True
nitpick_ignore: list[tuple[str, str]] = []

# Pages in Markdown.
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

# The reference.
autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # numpydoc's sections say them, with shapes
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# Sections in their order and all of what they should be, parameters that exist, summaries of one line.
numpydoc_validation_checks = {
    *("GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10"),
    *("PR02", "PR03", "PR05", "PR06", "PR09", "PR10"),
    *("SS01", "SS03", "SS04", "SS06"),
}

# Tutorials are scripts, which the build runs.
sphinx_gallery_conf = {
    "examples_dirs": ["tutorials"],
    "gallery_dirs": ["made/tutorials"],
    "filename_pattern": "/plot_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Looks. Mathematics is typeset by one file that lies beside the pages: svg needs no fonts.
mathjax_file = (
    Path(find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax/tex-svg-full.js"
)
mathjax_path = mathjax_file.name
mathjax3_config = {"svg": {"fontCache": "global"}, "options": {"enableMenu": False}}
html_static_path = ["_static", str(mathjax_file)]
html_css_files = ["overica.css"]
html_theme = "pydata_sphinx_theme"
html_title = "overica"
html_theme_options = {
    "logo": {"text": "overica"},
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 8,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Pages that stand alone have nothing beside them to go to.
html_sidebars: dict[str, list[str]] = {
    page: [] for page in ("index", "which_tool", "changelog", "migration", "papers", "security")
}
html_show_sourcelink = False
html_copy_source = False
