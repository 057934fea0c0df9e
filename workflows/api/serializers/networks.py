"""Networks and versions under the old API's names."""

from typing import Any

from rest_framework import serializers

from workflows.api.pagination import PageQuery
from workflows.api.serializers.base import FlagField, StrictSerializer
from workflows.models import Network, RunState, Version
from workflows.models.job import CONDITION


class NetworkBody(StrictSerializer):
    """A network to create or change; every field may be left out."""

    biz_cate = serializers.CharField(source="category", max_length=50, required=False, allow_blank=True)
    biz_sub_cate = serializers.CharField(source="subcategory", max_length=50, required=False, allow_blank=True)
    nn_title = serializers.CharField(source="title", max_length=200, required=False, allow_blank=True)
    nn_desc = serializers.CharField(source="description", max_length=5000, required=False, allow_blank=True)
    use_flag = FlagField(source="in_use", required=False)
    dir = serializers.CharField(source="directory", max_length=50, required=False, allow_blank=True)
    config = serializers.CharField(max_length=50, required=False, allow_blank=True)


class NetworkQuery(PageQuery):
    """Filters of the list of networks; each must match exactly."""

    biz_cate = serializers.CharField(source="category", max_length=50, required=False)
    biz_sub_cate = serializers.CharField(source="subcategory", max_length=50, required=False)
    use_flag = FlagField(source="in_use", required=False)


class NetworkRecord(serializers.ModelSerializer[Network]):
    """A stored network."""

    nn_id = serializers.CharField(source="name")
    biz_cate = serializers.CharField(source="category")
    biz_sub_cate = serializers.CharField(source="subcategory")
    nn_title = serializers.CharField(source="title")
    nn_desc = serializers.CharField(source="description")
    use_flag = FlagField(source="in_use")
    dir = serializers.CharField(source="directory")

    class Meta:
        model = Network
        fields = [
            "nn_id",
            "biz_cate",
            "biz_sub_cate",
            "nn_title",
            "nn_desc",
            "use_flag",
            "dir",
            "config",
            "created",
            "updated",
        ]


class NetworkGraph(serializers.Serializer[Any]):
    """A network's versions at a glance."""

    nn_id = serializers.CharField(source="name")
    versions = serializers.SerializerMethodField()
    active = serializers.SerializerMethodField()

    def get_versions(self, network: Network) -> list[int]:
        return [version.number for version in network.versions.all()]

    def get_active(self, network: Network) -> int | None:
        return next((version.number for version in network.versions.all() if version.active), None)


class NetworkList(serializers.Serializer[Any]):
    """Answer of GET; the page fields are there when all networks are listed."""

    fields_ = NetworkRecord(many=True)
    graph = NetworkGraph(many=True)
    count = serializers.IntegerField(required=False)
    page = serializers.IntegerField(required=False)
    pages = serializers.IntegerField(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `fields` is a property of every serializer, so it cannot be declared as an attribute.
        declared = super().get_fields()
        return {"fields": declared.pop("fields_"), **declared}


class NetworkCreated(serializers.Serializer[Any]):
    """Answer of POST."""

    nn_id = serializers.CharField()
    graph = NetworkGraph(many=True)


class Deleted(serializers.Serializer[Any]):
    """What was deleted."""

    status = serializers.CharField()
    result = serializers.CharField()


class VersionBody(StrictSerializer):
    """A version to create."""

    nn_def_list_info_nn_id = serializers.CharField(
        max_length=50, required=False, allow_blank=True, write_only=True, help_text="kept for old clients, not used"
    )
    nn_wf_ver_info = serializers.CharField(source="description", max_length=5000, required=False, allow_blank=True)
    condition = serializers.ChoiceField(
        ["1", "2", "3", "4"], required=False, write_only=True, help_text="kept for old clients; the runs decide it"
    )
    active_flag = FlagField(source="active", required=False)
    copy_from = serializers.IntegerField(
        required=False, min_value=1, max_value=999_999_999, help_text="version whose workflow and parameters are copied"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in attrs.items() if name not in ("nn_def_list_info_nn_id", "condition")}


class VersionNumber(StrictSerializer):
    """The version that a DELETE speaks of."""

    nn_wf_ver_id = serializers.IntegerField(source="number", min_value=1, max_value=999_999_999)


class VersionChange(VersionBody):
    """A version to change."""

    nn_wf_ver_id = serializers.IntegerField(source="number", min_value=1, max_value=999_999_999)
    copy_from = None  # type: ignore[assignment]


class VersionRecord(serializers.ModelSerializer[Version]):
    """A version as `services.versions.list_versions` reads it; `condition` is that of its newest run."""

    nn_id = serializers.CharField(source="network.name")
    nn_wf_ver_id = serializers.IntegerField(source="number")
    nn_wf_ver_info = serializers.CharField(source="description")
    active_flag = FlagField(source="active")
    type = serializers.CharField(source="workflow_type")
    condition = serializers.SerializerMethodField()
    state = serializers.CharField(source="last_state", allow_null=True)
    train_batch_ver_id = serializers.IntegerField(source="last_number", allow_null=True, help_text="its newest run")
    pred_batch_ver_id = serializers.IntegerField(source="serving_number", allow_null=True, help_text="the serving run")

    class Meta:
        model = Version
        fields = [
            "nn_id",
            "nn_wf_ver_id",
            "nn_wf_ver_info",
            "active_flag",
            "condition",
            "state",
            "type",
            "train_batch_ver_id",
            "pred_batch_ver_id",
            "created",
        ]

    def get_condition(self, version: Any) -> str:
        return CONDITION[RunState(version.last_state or RunState.QUEUED)]
