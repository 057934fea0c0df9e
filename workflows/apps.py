"""The app's configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WorkflowsConfig(AppConfig):
    """Networks, versions, nodes, data files and runs."""

    name = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        from workflows import database
        from workflows.access import known_tokens
        from workflows.access.roles import make_roles
        from workflows.files import deletion

        deletion.connect()
        known_tokens.connect()
        database.trust_recent_checks()
        post_migrate.connect(make_roles, sender=self, dispatch_uid="make-roles")
