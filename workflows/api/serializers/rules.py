"""The rules that verdicts are made by, as the API shows them."""

from typing import Any

from rest_framework import serializers

from workflows.api.serializers.workflow import NodeRecord
from workflows.models import Node, Rule


class RuleRecord(serializers.ModelSerializer[Rule]):
    """A rule of one run, since when, and who set it."""

    threshold_id = serializers.IntegerField(source="pk", help_text="what answers name the rule by")
    nn_batch_ver_id = serializers.IntegerField(source="run.number")
    run = serializers.UUIDField(source="run_id")
    rule = serializers.DictField(help_text="its name, `rule`, and the number that belongs to it")
    value = serializers.DictField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="the threshold: {value} of rows, {u, v, e} of a graph; null where each batch has its own",
    )
    user = serializers.CharField(source="username", help_text="empty: the training, or open mode")
    in_force = serializers.SerializerMethodField(help_text="it is the newest of the run that serves")

    class Meta:
        model = Rule
        fields = ["threshold_id", "nn_batch_ver_id", "run", "rule", "value", "user", "created", "in_force"]

    def get_in_force(self, rule: Rule) -> bool:
        in_force: Rule | None = self.context["rule_in_force"]
        return in_force is not None and rule.pk == in_force.pk


class EvaluationRecord(NodeRecord):
    """The parameters of eval_node, for trainings to come, and the rule in force for the run that serves."""

    in_force = serializers.SerializerMethodField(help_text="null before a run serves")

    class Meta:
        model = Node
        fields = [*NodeRecord.Meta.fields, "in_force"]

    def get_in_force(self, node: Node) -> dict[str, Any] | None:
        in_force: Rule | None = self.context["rule_in_force"]
        return None if in_force is None else dict(RuleRecord(in_force, context=self.context).data)
