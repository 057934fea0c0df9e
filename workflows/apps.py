"""The app's configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WorkflowsConfig(AppConfig):
    """Networks, versions, nodes, data files and runs."""

    name = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        from workflows.access.roles import make_roles
        from workflows.files import deletion

        deletion.connect()
        post_migrate.connect(make_roles, sender=self, dispatch_uid="make-roles")
