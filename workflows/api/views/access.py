"""Who may do what: tokens, shares, users, the audit log."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.access import audit, shares, tokens, users
from workflows.access.principal import is_open, require_user, user_of
from workflows.access.roles import Role, role_of
from workflows.api.pagination import Page, PageQuery
from workflows.api.schema import documented
from workflows.api.serializers import access as shapes
from workflows.api.serializers.networks import Deleted
from workflows.api.views.networks import deleted
from workflows.models import Network, Token
from workflows.services.networks import get_network


class SelfView(APIView):
    """Who asks."""

    @documented("access_self", "Who asks, and what they may do", answer=shapes.SelfRecord, errors=())
    def get(self, request: Request) -> Response:
        user = user_of(request)
        known = user.get_all_permissions() if user else set()
        return Response(
            {
                "mode": "open" if is_open() else "token",
                "user": user.get_username() if user else None,
                "role": role_of(user) if user else None,
                "groups": users.teams_of(user) if user else [],
                "permissions": sorted(name for name in known if name.endswith("_network")),
            }
        )


class TokensView(APIView):
    """The caller's own tokens."""

    @documented("token_list", "List your tokens", query=PageQuery, answer=shapes.TokenRecord(many=True), errors=(409,))
    def get(self, request: Request) -> Response:
        page = Page(tokens.list_tokens(require_user(request)), PageQuery.query(request))
        return page.answer(shapes.TokenRecord(page.items, many=True).data, request)

    @documented(
        "token_create", "Make a token for yourself", body=shapes.TokenBody, answer=shapes.TokenCreated, errors=(409,)
    )
    def post(self, request: Request) -> Response:
        return _created(*tokens.create_token(require_user(request), **shapes.TokenBody.body(request)))


def _created(token: Token, shown: str) -> Response:
    return Response({**shapes.TokenRecord(token).data, "token": shown})


class TokenView(APIView):
    """One of the caller's own tokens."""

    @documented("token_delete", "Delete one of your tokens", answer=Deleted, errors=(404, 409))
    def delete(self, request: Request, token: str) -> Response:
        tokens.delete_token(require_user(request), token)
        return deleted(f"token {token}")


class SharesView(APIView):
    """Who sees a network."""

    @documented("share_list", "Who owns a network, and which groups see it", answer=shapes.SharesRecord)
    def get(self, request: Request, nnid: str) -> Response:
        return _shares(get_network(nnid))

    @documented(
        "share_create",
        "Share a network with a group",
        body=shapes.ShareBody,
        answer=shapes.SharesRecord,
        errors=(404, 409),
    )
    def post(self, request: Request, nnid: str) -> Response:
        require_user(request)
        network = get_network(nnid)
        body = shapes.ShareBody.body(request)
        shares.share_network(network, body["group"], may_edit=body["edit_flag"])
        return _shares(network)

    @documented(
        "share_owner",
        "Give a network to another owner",
        body=shapes.OwnerBody,
        answer=shapes.SharesRecord,
        errors=(404, 409),
    )
    def put(self, request: Request, nnid: str) -> Response:
        require_user(request)
        network = get_network(nnid)
        return _shares(shares.give_network(network, shapes.OwnerBody.body(request)["owner"]))

    @documented(
        "share_delete",
        "No longer share a network with a group",
        body=shapes.GroupName,
        answer=shapes.SharesRecord,
        errors=(404, 409),
    )
    def delete(self, request: Request, nnid: str) -> Response:
        require_user(request)
        network = get_network(nnid)
        shares.unshare_network(network, shapes.GroupName.body(request)["group"])
        return _shares(network)


def _shares(network: Network) -> Response:
    return Response(
        {
            "nn_id": network.name,
            "owner": network.owner.get_username() if network.owner else None,
            "shares": shapes.ShareRecord(shares.list_shares(network), many=True).data,
        }
    )


class UsersView(APIView):
    """All users."""

    @documented("user_list", "List the users", query=PageQuery, answer=shapes.UserRecord(many=True), errors=(409,))
    def get(self, request: Request) -> Response:
        require_user(request)
        page = Page(users.list_users(), PageQuery.query(request))
        return page.answer(shapes.UserRecord(page.items, many=True).data, request)

    @documented(
        "user_create",
        "Make a user with a first token",
        body=shapes.UserBody,
        answer=shapes.UserCreated,
        errors=(409,),
    )
    def post(self, request: Request) -> Response:
        require_user(request)
        body = shapes.UserBody.body(request)
        user, token = users.create_user(body["user"], Role(body["role"]), body.get("groups", ()), body.get("days"))
        return Response({**shapes.UserRecord(user).data, "token": token})


class UserView(APIView):
    """One user."""

    @documented("user_read", "Read a user", answer=shapes.UserRecord, errors=(404, 409))
    def get(self, request: Request, user: str) -> Response:
        require_user(request)
        return Response(shapes.UserRecord(users.get_user(user)).data)

    @documented(
        "user_change",
        "Change a user's role or groups, or deactivate them",
        body=shapes.UserChange,
        answer=shapes.UserRecord,
        errors=(404, 409),
    )
    def put(self, request: Request, user: str) -> Response:
        require_user(request)
        body = shapes.UserChange.body(request)
        role = Role(body["role"]) if "role" in body else None
        found = users.change_user(
            users.get_user(user), role=role, teams=body.get("groups"), active=body.get("active_flag")
        )
        return Response(shapes.UserRecord(found).data)


class UserTokensView(APIView):
    """The tokens of a user who has none that works."""

    @documented(
        "user_token_create",
        "Make a token for a user, to be handed over",
        body=shapes.TokenBody,
        answer=shapes.TokenCreated,
        errors=(404, 409),
    )
    def post(self, request: Request, user: str) -> Response:
        require_user(request)
        return _created(*tokens.create_token(users.get_user(user), **shapes.TokenBody.body(request)))


class AuditView(APIView):
    """What was changed by whom."""

    @documented(
        "audit_list",
        "Who changed what, the newest first",
        query=shapes.AuditQuery,
        answer=shapes.AuditRecord(many=True),
        errors=(),
    )
    def get(self, request: Request) -> Response:
        query = shapes.AuditQuery.query(request)
        filters = {name: query[name] for name in ("network", "username") if name in query}
        page = Page(audit.list_entries(**filters), query)
        return page.answer(shapes.AuditRecord(page.items, many=True).data, request)
