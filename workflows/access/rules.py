"""What each call asks for: the one table. A call that does not stand in it is refused."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Rule(StrEnum):
    """What the caller must be; the permissions are Django's, and groups carry them (`roles`)."""

    PUBLIC = "public"
    """Anybody, a stranger too."""
    SELF = "self"
    """Anybody with a token: it is about the caller's own things."""
    READ = "read"
    """May see the network that the path names, if it names one. Predictions are reads."""
    CREATE = "create"
    """May make networks."""
    CHANGE = "change"
    """May change the network that the path names: its owner, or a member of a group that it is shared with for that."""
    OWN = "own"
    """Owns the network that the path names."""
    ADMINISTER = "administer"
    """Administers the service."""


PERMISSIONS: Mapping[Rule, str] = MappingProxyType(
    {
        Rule.READ: "workflows.view_network",
        Rule.CREATE: "workflows.add_network",
        Rule.CHANGE: "workflows.change_network",
        Rule.OWN: "workflows.delete_network",
        Rule.ADMINISTER: "workflows.administer_network",
    }
)

_PARAMETERS = {"POST": Rule.CHANGE, "PUT": Rule.CHANGE, "GET": Rule.READ}

# By view and verb.
RULES: Mapping[str, Mapping[str, Rule]] = MappingProxyType(
    {
        "NetworkView": {"POST": Rule.CREATE, "GET": Rule.READ, "PUT": Rule.CHANGE, "DELETE": Rule.OWN},
        "VersionsView": {"POST": Rule.CHANGE, "GET": Rule.READ, "PUT": Rule.CHANGE, "DELETE": Rule.CHANGE},
        "VersionRunsView": {"GET": Rule.READ, "PUT": Rule.CHANGE, "DELETE": Rule.CHANGE},
        "InitView": {"POST": Rule.CHANGE, "GET": Rule.READ, "DELETE": Rule.CHANGE},
        "NodeParametersView": {"GET": Rule.READ},
        "WorkflowStateView": {"GET": Rule.READ},
        "WorkflowNodesView": {"GET": Rule.READ},
        "MenuView": {"GET": Rule.READ},
        "GraphView": {"GET": Rule.READ},
        "DataView": {**_PARAMETERS, "DELETE": Rule.CHANGE},
        "FeederView": _PARAMETERS,
        "NetworkParametersView": _PARAMETERS,
        "EvaluationView": _PARAMETERS,
        "RulesView": {"GET": Rule.READ},
        "TrainView": {"POST": Rule.CHANGE, "GET": Rule.READ, "PUT": Rule.CHANGE, "DELETE": Rule.CHANGE},
        "HistoryView": {"GET": Rule.READ},
        "LogView": {"GET": Rule.READ},
        "ResultView": {"GET": Rule.READ},
        "ScoresView": {"GET": Rule.READ},
        "PredictView": {"POST": Rule.READ},
        "ScoringJobsView": {"POST": Rule.CHANGE, "GET": Rule.READ},
        "ScoringJobView": {"GET": Rule.READ, "DELETE": Rule.CHANGE},
        "ScoredRowsView": {"GET": Rule.READ},
        "PredictionLogView": {"GET": Rule.READ},
        "FeedbackView": {"POST": Rule.CHANGE, "GET": Rule.READ},
        "DriftView": {"GET": Rule.READ},
        "ContributionView": {"GET": Rule.READ},
        "SelfView": {"GET": Rule.SELF},
        "TokensView": {"GET": Rule.SELF, "POST": Rule.SELF},
        "TokenView": {"DELETE": Rule.SELF},
        "SharesView": {"GET": Rule.READ, "POST": Rule.OWN, "PUT": Rule.OWN, "DELETE": Rule.OWN},
        "UsersView": {"GET": Rule.ADMINISTER, "POST": Rule.ADMINISTER},
        "UserView": {"GET": Rule.ADMINISTER, "PUT": Rule.ADMINISTER},
        "UserTokensView": {"POST": Rule.ADMINISTER},
        "AuditView": {"GET": Rule.ADMINISTER},
        "SpectacularAPIView": {"GET": Rule.PUBLIC},
        "DocumentationView": {"GET": Rule.PUBLIC},
    }
)


def rule_of(view: type, method: str) -> Rule | None:
    """Return what a call asks for, None for one that is not in the table; HEAD asks for what GET does."""
    rules = RULES.get(view.__name__, {})
    return rules.get("GET" if method == "HEAD" else method)


def changes(rule: Rule | None, method: str) -> bool:
    """Tell whether a call is made to change something."""
    return rule is not None and method not in ("GET", "HEAD", "OPTIONS") and rule != Rule.READ
