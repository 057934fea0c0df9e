"""Users, tokens, shares and the audit log."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from rest_framework import serializers

from workflows.access.roles import Role, role_of
from workflows.access.users import USERNAME_PATTERN, teams_of
from workflows.api.pagination import PageQuery
from workflows.api.serializers.base import FlagField, StrictSerializer
from workflows.models import AuditEntry, NetworkShare, Token
from workflows.models.network import NAME_PATTERN

ROLES = [role.value for role in Role]


class NameField(serializers.RegexField):
    """A name as it may stand in a path."""

    def __init__(self, **options: Any) -> None:
        super().__init__(rf"\A{NAME_PATTERN}\Z", max_length=50, trim_whitespace=False, **options)


class DaysField(serializers.IntegerField):
    """For how many days a token is valid."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_value=1,
            max_value=settings.MAX_TOKEN_DAYS,
            required=False,
            help_text=f"default {settings.TOKEN_DAYS}",
            **options,
        )


class SelfRecord(serializers.Serializer[Any]):
    """Who asks, and what they may do."""

    mode = serializers.ChoiceField(["open", "token"])
    user = serializers.CharField(allow_null=True, help_text="null in open mode, where everybody may do everything")
    role = serializers.ChoiceField(ROLES, allow_null=True)
    groups = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(child=serializers.CharField(), help_text="Django's, of networks")


class TokenBody(StrictSerializer):
    """A token to make."""

    name = NameField()
    days = DaysField()


class TokenRecord(serializers.ModelSerializer[Token]):
    """A token, without what its holder sends."""

    begins = serializers.CharField(source="token_key", help_text="its first characters, to know it again")
    expires = serializers.DateTimeField(source="expiry")

    class Meta:
        model = Token
        fields = ["name", "begins", "created", "expires"]


class TokenCreated(TokenRecord):
    """A new token: the only answer that shows it."""

    token = serializers.CharField(help_text="sent as `Authorization: Bearer <token>`; it is not shown again")

    class Meta(TokenRecord.Meta):
        fields = [*TokenRecord.Meta.fields, "token"]


class GroupName(StrictSerializer):
    """The group that a DELETE speaks of."""

    group = serializers.CharField(max_length=150)


class ShareBody(GroupName):
    """A group that may see a network."""

    edit_flag = FlagField(default="N", help_text="Y: its editors may change the network")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {**attrs, "edit_flag": attrs["edit_flag"] in (True, "Y")}


class OwnerBody(StrictSerializer):
    """The next owner of a network."""

    owner = serializers.CharField(max_length=150)


class ShareRecord(serializers.ModelSerializer[NetworkShare]):
    """A group that a network is shared with."""

    group = serializers.CharField(source="group.name")
    edit_flag = FlagField(source="may_edit")

    class Meta:
        model = NetworkShare
        fields = ["group", "edit_flag"]


class SharesRecord(serializers.Serializer[Any]):
    """Who sees a network, administrators aside."""

    nn_id = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    shares = ShareRecord(many=True)


class UserChange(StrictSerializer):
    """What is changed of a user."""

    role = serializers.ChoiceField(ROLES, required=False)
    groups = serializers.ListField(
        child=NameField(), required=False, max_length=100, help_text="all of them; those that are new are made"
    )
    active_flag = FlagField(required=False, help_text="N: all tokens are removed")


class UserBody(StrictSerializer):
    """A user to make."""

    user = serializers.RegexField(rf"\A{USERNAME_PATTERN}\Z", max_length=150, trim_whitespace=False)
    role = serializers.ChoiceField(ROLES)
    groups = serializers.ListField(child=NameField(), required=False, max_length=100)
    days = DaysField()


class UserRecord(serializers.ModelSerializer[User]):
    """A user."""

    user = serializers.CharField(source="username")
    role = serializers.SerializerMethodField()
    groups = serializers.SerializerMethodField()
    active_flag = FlagField(source="is_active")
    created = serializers.DateTimeField(source="date_joined")

    class Meta:
        model = User
        fields = ["user", "role", "groups", "active_flag", "created"]

    def get_role(self, user: User) -> str | None:
        return role_of(user)

    def get_groups(self, user: User) -> list[str]:
        return teams_of(user)


class UserCreated(UserRecord):
    """A new user with a first token, to be handed over: it is not shown again."""

    token = serializers.CharField()

    class Meta(UserRecord.Meta):
        fields = [*UserRecord.Meta.fields, "token"]


class AuditQuery(PageQuery):
    """Filters of the audit log; each must match exactly."""

    nn_id = serializers.CharField(source="network", max_length=50, required=False)
    user = serializers.CharField(source="username", max_length=150, required=False)


class AuditRecord(serializers.ModelSerializer[AuditEntry]):
    """A request that changed something, or tried to."""

    user = serializers.CharField(source="username", help_text="empty in open mode")
    nn_id = serializers.CharField(source="network")
    changes = serializers.DictField(help_text="the body as it was sent, secrets left out")

    class Meta:
        model = AuditEntry
        fields = ["created", "user", "token", "address", "method", "path", "nn_id", "status", "changes"]
