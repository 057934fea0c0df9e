import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.workflows.conftest import NETWORK, Api
from workflows.access.users import make_admin
from workflows.models import AuditEntry, Network, NetworkShare, Token


def test_it_shows_tokens_shares_and_the_audit_log_which_nobody_changes(people: dict[str, Api], steel: Network) -> None:
    people["owner"].put(NETWORK, {"nn_title": "x"})
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    for model in (NetworkShare, Token, AuditEntry):
        name = f"admin:workflows_{model._meta.model_name}"
        first = model.objects.order_by("pk").first()
        assert client.get(reverse(f"{name}_changelist")).status_code == 200
        page = client.get(reverse(f"{name}_change", args=[first.pk]))
        assert page.status_code == 200
        if model is not NetworkShare:
            assert client.get(reverse(f"{name}_add")).status_code == 403
    entry = AuditEntry.objects.get()
    assert (
        client.post(reverse("admin:workflows_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    )


def test_administrators_of_the_api_manage_users_there_once_they_have_a_password(people: dict[str, Api]) -> None:
    admin = User.objects.get(username="admin")
    User.objects.filter(pk=admin.pk).update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get(pk=admin.pk))
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 200
    assert client.get(reverse("admin:workflows_network_changelist")).status_code == 200


@pytest.mark.parametrize("name", ["editor", "reader"])
def test_a_role_that_sees_only_some_networks_does_not_enter_with_staff_status_either(
    people: dict[str, Api], steel: Network, name: str
) -> None:
    User.objects.filter(username=name).update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get(username=name))
    for path in ("index", "workflows_network_changelist", "workflows_run_changelist"):
        assert client.get(reverse(f"admin:{path}")).status_code == 302
    deletion = reverse("admin:workflows_network_delete", args=[steel.pk])
    assert client.post(deletion, {"post": "yes"}).status_code == 302
    assert Network.objects.filter(pk=steel.pk).exists()


def test_an_administrator_who_gets_another_role_is_out(people: dict[str, Api]) -> None:
    make_admin("boss")
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    assert client.get(reverse("admin:index")).status_code == 200
    assert people["admin"].put("access/user/name/boss/", {"role": "editor"}).status == 200
    assert client.get(reverse("admin:index")).status_code == 302
    assert not User.objects.get(username="boss").is_staff
