"""The site: `python -m sphinx -W -b html docs build/site` (extra `docs`)."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import gan_np  # noqa: E402

project = "gan_np"
author = "the gan_np authors"
copyright = "the gan_np authors, MIT licence"
version = release = gan_np.__version__
language = "en"
smartquotes = False  # --config stays two dashes

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "_site.docstrings",
    "_site.public_names",
    "_site.generated",
    "_site.repository_links",
]
root_doc = "index"
exclude_patterns = ["_site", "_static", "**/.ipynb_checkpoints"]
html_static_path = ["_static"]

# Markdown, as a page of the repository shows it too: headings can be linked, formulae are plain text.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto", "repository"]

# Tutorials are notebooks in text, run at every build; one that fails or is slow fails the build.
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_cache_path = str(HERE.parent / "build" / "notebooks")
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"Array": "gan_np.arrays.Array", "Schedule": "gan_np.schedules.Schedule"}
python_use_unqualified_type_names = True
python_display_short_literal_types = True
maximum_signature_line_length = 100
add_module_names = False
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True
suppress_warnings = ["config.cache"]

html_theme = "pydata_sphinx_theme"
html_title = "gan_np"
html_css_files = ["site.css"]
html_sidebars = {  # pages that stand alone in the contents have nothing to list beside them
    page: [] for page in ("when-training-goes-wrong", "from-pytorch", "gallery/README", "papers", "glossary", "design")
}
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "gan_np"},
    "show_nav_level": 1,
    "navigation_depth": 2,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navbar_persistent": [],
    "navbar_end": ["search-button", "theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "back_to_top_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
