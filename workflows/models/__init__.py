"""What is stored: networks, their versions, the nodes of a version's workflow, uploaded data files, runs, scores."""

from workflows.models.access import AuditEntry, NetworkShare, Token
from workflows.models.job import OPEN_STATES, Job, JobQuerySet, RunState
from workflows.models.network import Network, Version
from workflows.models.node import DataFile, Node
from workflows.models.operation import Total, WorkerBeat
from workflows.models.run import Run
from workflows.models.serving import Feedback, LoggedRow, Rule, ScoringJob, Tally

__all__ = [
    "OPEN_STATES",
    "AuditEntry",
    "DataFile",
    "Feedback",
    "Job",
    "JobQuerySet",
    "LoggedRow",
    "Network",
    "NetworkShare",
    "Node",
    "Rule",
    "Run",
    "RunState",
    "ScoringJob",
    "Tally",
    "Token",
    "Total",
    "Version",
    "WorkerBeat",
]
