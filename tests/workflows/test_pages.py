from django.contrib.admin import site
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from workflows.models import DataFile, Network, Node, Run, Version


def test_the_first_page_tells_a_person_where_to_go(db: None) -> None:
    page = Client().get("/").content.decode()
    for place in ("/api/docs/", "/api/schema/", "/admin/"):
        assert f'href="{place}"' in page


def test_the_admin_site_shows_every_model(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    Run.objects.create(version=version, number=1, snapshot={})
    node = Node.objects.create(version=version, name="datasrc", position=0)
    DataFile.objects.create(
        node=node, name="a.csv", size=1, sha256="0" * 64, rows=1, columns=[], encoding="utf-8", delimiter=","
    )
    for model in (Network, Version, Node, DataFile, Run):
        assert model in site._registry
        listed = client.get(reverse(f"admin:workflows_{model._meta.model_name}_changelist"))
        assert listed.status_code == 200
        one = client.get(reverse(f"admin:workflows_{model._meta.model_name}_change", args=[model.objects.get().pk]))
        assert one.status_code == 200
