"""What is stored: networks, their versions, the nodes of a version's workflow, uploaded data files, and runs."""

from workflows.models.network import Network, Version
from workflows.models.node import DataFile, Node
from workflows.models.operation import Total, WorkerBeat
from workflows.models.run import OPEN_STATES, Run, RunState

__all__ = ["OPEN_STATES", "DataFile", "Network", "Node", "Run", "RunState", "Total", "Version", "WorkerBeat"]
