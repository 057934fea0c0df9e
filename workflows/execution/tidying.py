"""Files of attempts that ended without a result."""

from workflows import files
from workflows.models import OPEN_STATES, Run, RunState


def tidy(run: Run) -> None:
    """Remove the files that do not belong to a run as it stands, given as one of its attempts had it."""
    now = Run.objects.filter(id=run.id).only("state", "attempts").first()
    if now is None:
        files.remove(run.prefix)
    elif now.state not in OPEN_STATES:
        files.keep_only(now.prefix, now.kept_names)
    elif (now.state, now.attempts) != (RunState.RUNNING, run.attempts):
        files.remove(run.artifact_prefix)
