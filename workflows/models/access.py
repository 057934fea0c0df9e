"""Who may do what: tokens, shares of networks with groups, and what was changed by whom."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from knox.models import AbstractAuthToken

from workflows.models.network import Network


class Token(AbstractAuthToken):
    """A named key of a user: stored as a digest, so that it is shown once, when it is made."""

    name = models.CharField(max_length=50)

    class Meta:
        ordering = ["user", "name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="token_name_unique_of_user")]

    def __str__(self) -> str:
        return f"token {self.name} of {self.user}"


class NetworkShare(models.Model):
    """A network that the members of a group may see, and perhaps change."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="shares")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="shared_networks")
    may_edit = models.BooleanField(default=False)

    class Meta:
        ordering = ["network", "group__name"]
        constraints = [models.UniqueConstraint(fields=["network", "group"], name="network_shared_once_with_group")]

    def __str__(self) -> str:
        return f"{self.network} with {self.group}"


class AuditEntry(models.Model):
    """One request that changed something, or tried to; names are kept as text, so that they outlive what they name."""

    created = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    username = models.CharField(max_length=150, blank=True, db_index=True, help_text="empty in open mode")
    token = models.CharField(max_length=50, blank=True, help_text="the name of the token")
    address = models.CharField(max_length=45, blank=True)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    network = models.CharField(max_length=50, blank=True, db_index=True)
    status = models.PositiveSmallIntegerField()
    changes = models.JSONField(default=dict, blank=True, help_text="the body, secrets left out")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"
