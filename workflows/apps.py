"""The app's configuration."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Networks, versions, nodes, data files and runs."""

    name = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        from workflows.files import deletion

        deletion.connect()
