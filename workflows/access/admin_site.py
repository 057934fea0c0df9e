"""The admin site, for administrators alone."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from workflows.access.roles import may_enter_admin_site


class ServiceAdminSite(AdminSite):
    """Django's, which would let in any staff; what a role may do with networks would hold there for all of them."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Tell whether somebody may enter."""
        return may_enter_admin_site(request.user)
