"""What is stored: networks, their versions, the nodes of a version's workflow, uploaded data files, and runs."""

from workflows.models.access import AuditEntry, NetworkShare, Token
from workflows.models.network import Network, Version
from workflows.models.node import DataFile, Node
from workflows.models.operation import Total, WorkerBeat
from workflows.models.run import OPEN_STATES, Run, RunState

__all__ = [
    "OPEN_STATES",
    "AuditEntry",
    "DataFile",
    "Network",
    "NetworkShare",
    "Node",
    "Run",
    "RunState",
    "Token",
    "Total",
    "Version",
    "WorkerBeat",
]
