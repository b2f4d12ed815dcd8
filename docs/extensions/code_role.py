"""Names in single backticks: a link where the reference has them, code where it has not.

Docstrings name parameters, arrays and expressions (`X`, `n_components`, `A[:, j]`) in the same way as
classes and functions, so that a name without a page is no mistake.  Explicit roles (``:class:``,
``:func:``) and the lists of See Also stay strict: what they name must exist, with a page or without.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole
from sphinx.ext.autosummary import ImportExceptionGroup, import_by_name

NAME = re.compile(r"[A-Za-z_][\w.]*")


class CodeOrLink(PyXRefRole):
    """Python's ``obj`` role for what looks like a name, a literal for all else."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Choose by the text."""
        if NAME.fullmatch(self.text):
            return super().run()
        return [nodes.literal(self.rawtext, self.text)], []

    def process_link(
        self, env: Any, refnode: Any, has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        """As Python's domain does, remembering that a missing page is no mistake."""
        refnode["refdomain"], refnode["reftype"], refnode["unsure"] = "py", "obj", True
        return super().process_link(env, refnode, has_explicit_title, title, target)


def plain(
    app: Sphinx, env: Any, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """The text of a name without a page, if it may be without one."""
    if node.get("unsure"):
        return nodes.literal("", content.astext())
    if node.get("refdomain") != "py":
        return None
    module, owner = node.get("py:module"), node.get("py:class")
    try:
        import_by_name(node["reftarget"], [module and owner and f"{module}.{owner}", module, None])
    except ImportExceptionGroup:
        return None
    return content


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role."""
    app.add_role("code_or_link", CodeOrLink())
    app.connect("missing-reference", plain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
