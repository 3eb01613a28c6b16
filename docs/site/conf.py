# Sphinx: the site from docs/, README.md and the reference. See `make docs`.
import re

from sphinx import addnodes

project = "lbpf"
html_title = "lbpf"
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
smartquotes = False  # quotes are of code
suppress_warnings = ["misc.highlighting_failure"]  # Lua inside of nginx.conf
highlight_language = "none"


def function_name(env, signature, node):
    """Shows a signature, and names it for the index without the arguments."""
    name, _, arguments = signature.partition("(")
    node += addnodes.desc_name(name, name)
    if arguments:
        node += addnodes.desc_sig_punctuation("", "(" + arguments)
    return name


def links(app, page, source):
    """Links of the tree to those of the site; what the site has not is only named."""
    def link(match):
        text, path = match.groups()
        if path.startswith(("http", "#")):
            return match.group(0)
        path = re.sub(r"^(\.\./)*(docs/)?", "", path)
        text = "" if text.endswith(".md") and path.endswith(".md") else text  # the page's title
        return f"[{text}]({path})" if path.endswith(".md") and "/" not in path else f"{text} (`{path}`)"
    if not page.startswith("reference/"):
        source[0] = re.sub(r"\[([^\]]*)\]\(([^)]*)\)", link, source[0])


def setup(app):
    app.add_object_type("lua-function", "lua", "single: %s", parse_node=function_name,
                        objname="function")
    app.connect("source-read", links)
