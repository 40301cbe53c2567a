"""Where the templates and the style sheet of the panels are."""

from __future__ import annotations

from pkg_resources import resource_filename
from trac.core import Component, implements
from trac.web.chrome import ITemplateProvider

_PACKAGE = "trac_mailintake.templates"


class PanelTemplates(Component):
    """Hands them to Trac."""

    implements(ITemplateProvider)

    # ITemplateProvider methods

    def get_templates_dirs(self) -> list[str]:
        """Our templates; `resource_filename` finds them in an egg, too."""
        return [resource_filename(_PACKAGE, "")]

    def get_htdocs_dirs(self) -> list[tuple[str, str]]:
        """Our style sheet."""
        return [("mailintake", resource_filename(_PACKAGE, "htdocs"))]
