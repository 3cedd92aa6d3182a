"""The configuration of Sphinx: Markdown, docstrings in numpy style, formulae as MathML, and nothing from a network."""

from deployments.docs.builder import mathml

project = "Leeway"
html_title = "Leeway"
html_theme = "furo"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", mathml.__name__]
html_math_renderer = mathml.NAME
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = html_show_sphinx = html_show_copyright = False
highlight_language = "none"
default_role = "code"
myst_heading_anchors = 3
myst_fence_as_directive = ["math"]
suppress_warnings = ["ref.python"]  # a field and a field of another class have the same name
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 90
napoleon_use_ivar = True
