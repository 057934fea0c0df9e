"""The URL tree of the old API, matched strictly."""

from django.urls import path

from workflows.api import converters
from workflows.api.views import access, networks, nodes, results, running, scoring_jobs, watching, workflow

converters.register()

BATCH = "type/service/state/batch/nnid/<name:nnid>/ver/<served:served>"
VERSION = "nnid/<name:nnid>/ver/<number:ver>"
WATCHING = "type/service/monitering/type"

urlpatterns = [
    path("type/common/target/nninfo/nnid/<name:nnid>/", networks.NetworkView.as_view()),
    path("type/common/target/nninfo/nnid/<name:nnid>/version/", networks.VersionsView.as_view()),
    path("type/common/target/nninfo/nnid/<name:nnid>/version/<number:ver>/", networks.VersionRunsView.as_view()),
    path("type/wf/target/init/mode/simple/<name:nnid>/wfver/<number:ver>/", workflow.InitView.as_view()),
    path(
        "type/wf/target/init/mode/simple/<name:nnid>/wfver/<number:ver>/desc/<name:node>/",
        workflow.NodeParametersView.as_view(),
    ),
    path("type/wf/target/state/nnid/<name:nnid>/wfver/<number:ver>/", workflow.WorkflowStateView.as_view()),
    path("type/wf/target/node/nnid/<name:nnid>/wfver/<number:ver>/", workflow.WorkflowNodesView.as_view()),
    path("type/wf/target/menu/", workflow.MenuView.as_view()),
    path("type/wf/target/graph/", workflow.GraphView.as_view()),
    path(
        f"type/wf/state/framedata/src/<source:src>/form/<form:form>/prg/<stage:prg>/{VERSION}/node/<name:node>/",
        nodes.DataView.as_view(),
    ),
    path(
        f"type/wf/state/pre/detail/feed/src/frame/net/<detector:net>/{VERSION}/node/<name:node>/",
        nodes.FeederView.as_view(),
    ),
    path(
        f"type/wf/state/netconf/detail/<detector:net>/{VERSION}/node/netconf_node/",
        nodes.NetworkParametersView.as_view(),
    ),
    path(f"type/wf/state/eval/{VERSION}/node/eval_node/", nodes.EvaluationView.as_view()),
    path(f"type/runmanager/state/train/{VERSION}/", running.TrainView.as_view()),
    path(f"type/runmanager/state/history/{VERSION}/", running.HistoryView.as_view()),
    path("type/service/monitering/type/log/id/<uuid:run>/line/<number:line>/", running.LogView.as_view(), name="log"),
    path(f"type/service/monitering/type/rule/{VERSION}/", nodes.RulesView.as_view()),
    path(f"type/result/{VERSION}/", results.ResultView.as_view(), name="result"),
    path(f"type/result/{VERSION}/scores/", results.ScoresView.as_view(), name="scores"),
    path(
        "type/service/state/predict/type/<prediction:kind>/nnid/<name:nnid>/ver/<served:served>/",
        results.PredictView.as_view(),
    ),
    path(f"{WATCHING}/prediction/{VERSION}/", watching.PredictionLogView.as_view(), name="prediction"),
    path(f"{WATCHING}/feedback/{VERSION}/", watching.FeedbackView.as_view(), name="feedback"),
    path(f"{WATCHING}/drift/{VERSION}/", watching.DriftView.as_view(), name="drift"),
    path(f"{WATCHING}/contribution/{VERSION}/", watching.ContributionView.as_view(), name="contribution"),
    path(f"{BATCH}/", scoring_jobs.ScoringJobsView.as_view()),
    path(f"{BATCH}/batch/<number:batch>/", scoring_jobs.ScoringJobView.as_view(), name="scoring_job"),
    path(f"{BATCH}/batch/<number:batch>/scores/", scoring_jobs.ScoredRowsView.as_view(), name="scoring_job_scores"),
    path("type/access/self/", access.SelfView.as_view()),
    path("type/access/token/", access.TokensView.as_view()),
    path("type/access/token/name/<name:token>/", access.TokenView.as_view()),
    path("type/access/share/nnid/<name:nnid>/", access.SharesView.as_view()),
    path("type/access/user/", access.UsersView.as_view()),
    path("type/access/user/name/<username:user>/", access.UserView.as_view()),
    path("type/access/user/name/<username:user>/token/", access.UserTokensView.as_view()),
    path("type/access/audit/", access.AuditView.as_view()),
]
