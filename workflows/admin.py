"""The admin site: every model, searchable; what the service alone may change is read-only."""

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest

from workflows.models import (
    AuditEntry,
    DataFile,
    Feedback,
    LoggedRow,
    Network,
    NetworkShare,
    Node,
    Rule,
    Run,
    ScoringJob,
    Tally,
    Token,
    Version,
)


class _ChangesOnlyWhatWasEdited(admin.ModelAdmin):
    """Leaves the other columns alone: counters and the serving run move while a person looks at a form."""

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        obj.save(update_fields=form.changed_data if change else None)


@admin.register(Network)
class NetworkAdmin(_ChangesOnlyWhatWasEdited):
    """Networks."""

    list_display = ["name", "title", "category", "subcategory", "in_use", "updated"]
    list_filter = ["in_use", "category"]
    search_fields = ["name", "title", "description"]
    raw_id_fields = ["owner"]


@admin.register(Version)
class VersionAdmin(_ChangesOnlyWhatWasEdited):
    """Versions."""

    list_display = ["network", "number", "workflow_type", "active", "created"]
    list_filter = ["active", "workflow_type"]
    search_fields = ["network__name", "description"]
    list_select_related = ["network"]
    raw_id_fields = ["network"]
    readonly_fields = ["workflow_type"]  # its nodes come with it


@admin.register(Node)
class NodeAdmin(_ChangesOnlyWhatWasEdited):
    """Nodes with their parameters."""

    list_display = ["version", "name", "configured"]
    list_filter = ["name"]
    search_fields = ["version__network__name"]
    list_select_related = ["version__network"]
    raw_id_fields = ["version"]
    readonly_fields = ["parameters", "configured"]  # the API validates them


class _WrittenByTheService:
    """Shown and deletable; adding or changing one by hand would contradict the files."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


@admin.register(DataFile)
class DataFileAdmin(_WrittenByTheService, admin.ModelAdmin):
    """Uploaded files."""

    list_display = ["name", "node", "rows", "size", "uploaded"]
    search_fields = ["name", "node__version__network__name"]
    list_select_related = ["node__version__network"]


@admin.register(Run)
class RunAdmin(_WrittenByTheService, admin.ModelAdmin):
    """Runs."""

    list_display = ["id", "version", "number", "state", "attempts", "created", "finished"]
    list_filter = ["state"]
    search_fields = ["id", "version__network__name"]
    list_select_related = ["version__network"]


@admin.register(ScoringJob)
class ScoringJobAdmin(_WrittenByTheService, admin.ModelAdmin):
    """Scored files."""

    list_display = ["id", "version", "number", "state", "attempts", "created", "finished"]
    list_filter = ["state"]
    search_fields = ["id", "version__network__name"]
    list_select_related = ["version__network"]


@admin.register(Rule)
class RuleAdmin(_WrittenByTheService, admin.ModelAdmin):
    """Threshold rules of runs, in whose word."""

    list_display = ["id", "run", "rule", "value", "username", "created"]
    search_fields = ["username", "run__version__network__name"]
    list_select_related = ["run__version__network"]


@admin.register(NetworkShare)
class NetworkShareAdmin(admin.ModelAdmin):
    """Groups that networks are shared with."""

    list_display = ["network", "group", "may_edit"]
    list_filter = ["group"]
    search_fields = ["network__name"]
    list_select_related = ["network", "group"]
    raw_id_fields = ["network"]


@admin.register(Token)
class TokenAdmin(_WrittenByTheService, admin.ModelAdmin):
    """Tokens; only `manage.py create_token` and the API make them, since they are shown once."""

    list_display = ["user", "name", "token_key", "created", "expiry"]
    search_fields = ["user__username", "name", "token_key"]
    list_select_related = ["user"]
    fields = ["user", "name", "token_key", "created", "expiry"]


@admin.register(AuditEntry)
class AuditEntryAdmin(_WrittenByTheService, admin.ModelAdmin):
    """What was changed by whom; nobody changes it here."""

    list_display = ["created", "username", "method", "path", "network", "status"]
    list_filter = ["method", "status"]
    search_fields = ["username", "network", "path"]

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


@admin.register(LoggedRow)
class LoggedRowAdmin(_WrittenByTheService, admin.ModelAdmin):
    """Rows as they were answered."""

    list_display = ["row_id", "version", "created", "score", "anomaly"]
    list_filter = ["anomaly"]
    search_fields = ["row_id", "version__network__name"]
    list_select_related = ["version__network"]
    show_full_result_count = False  # there are many


@admin.register(Tally)
class TallyAdmin(_WrittenByTheService, admin.ModelAdmin):
    """What drift is told by."""

    list_display = ["run", "day", "scoring_job", "rows", "anomalies", "updated"]
    search_fields = ["run__version__network__name"]
    list_select_related = ["run__version__network", "scoring_job__version__network"]


@admin.register(Feedback)
class FeedbackAdmin(_WrittenByTheService, admin.ModelAdmin):
    """What rows turned out to be, in whose word."""

    list_display = ["row_id", "version", "label", "anomaly", "score", "username", "updated"]
    list_filter = ["label", "anomaly"]
    search_fields = ["row_id", "username", "version__network__name"]
    list_select_related = ["version__network"]
