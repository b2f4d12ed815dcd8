"""Names in pages' code: a link where exactly one entry of the reference bears them.

`OvercompleteICA`, `overica.metrics.meta_dictionary`, `make_hierarchy()`: whoever writes a page or the changelog need
not say where that stands.  Methods and attributes share their names, and stay code unless written with their class.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

from extensions.entries import entry_of


class LinkedCode(SphinxPostTransform):
    """Wrap pieces of code into links, on all pages but those of the reference, which have a role for it."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Once all pages have been read."""
        page = self.env.current_document.docname
        if "reference" in page.split("/"):
            return
        objects = self.env.domains.python_domain.objects
        kinds = {name: entry.objtype for name, entry in objects.items() if not entry.aliased}
        for literal in list(self.document.findall(nodes.literal)):
            inside = literal.parent
            if isinstance(inside, nodes.reference | nodes.title) or literal.get("classes"):
                continue
            if full := entry_of(literal.astext(), kinds):
                entry = objects[full]
                link = make_refnode(
                    self.app.builder, page, entry.docname, entry.node_id, literal.deepcopy(), full
                )
                inside.replace(literal, link)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform."""
    app.add_post_transform(LinkedCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
