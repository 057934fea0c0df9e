from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from tests.workflows.conftest import DATA, EVALDATA, STEEL, Api, place_of
from workflows.models import DataFile

BROKEN = {
    "ragged row": (b"a,b\n1,2\n3\n", "row"),
    "too long a row": (b"a,b\n1,2\n3,4,5\n", "row"),
    "empty file": (b"", "empty"),
    "header only": (b"a,b\n", "no data rows"),
    "duplicate column": (b"a,a\n1,2\n", "a"),
    "empty column name": (b"a,\n1,2\n", "name"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01", "NUL"),
    "NUL bytes": (b"a,b\n1,\x002\n", "NUL"),
    "unclosed quote": (b'a,b\n1,"2\n3,4\n', "quote"),
    "infinity": (b"a,b\n1,2\n3,inf\n", "inf"),
    "beyond a float": (b"a,b\n1,2\n3,1e999\n", "1e999"),
    "10 MB cell": (b"a,b\n1," + b"x" * 10_000_000 + b"\n", "longer than 4 MB"),
    "5,000 columns": (
        (",".join(f"c{n}" for n in range(5000)) + "\n" + ",".join("1" * 5000) + "\n").encode(),
        "5000 columns, at most 4096",
    ),
}


def names(api: Api, path: str = DATA) -> list[str]:
    return [f["file"] for f in api.get(path).body]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_no_table_is_422_and_leaves_the_earlier_ones_untouched(
    uploaded: Api, stored_folders: Callable[[], set[str]], kind: str
) -> None:
    content, why = BROKEN[kind]
    before = stored_folders()
    answer = uploaded.upload(DATA, ("broken.csv", content))
    assert (answer.status, answer.body["status"]) == (422, "422")
    assert "broken.csv" in answer.body["result"]
    assert why in answer.body["result"]
    assert names(uploaded) == ["steel.csv"]
    assert stored_folders() == before


def test_files_are_described_with_rows_columns_types_and_digest(uploaded: Api) -> None:
    (described,) = uploaded.get(DATA).body
    assert described["rows"] == 6
    assert [(c["name"], c["type"]) for c in described["columns"]] == [
        ("PRODUCT_CD", "text"),
        ("MC_NO", "text"),
        ("WEIGHT", "number"),
        ("DEFECT", "number"),
    ]
    assert described["size"] == len(STEEL)
    assert len(described["sha256"]) == 64


@pytest.mark.parametrize(
    ("content", "encoding", "delimiter"),
    [
        ("이름,값\n강철,1\n강판,2\n".encode(), "utf-8", ","),
        ("\ufeff이름;값\n강철;1\n강판;2\n".encode(), "utf-8", ";"),
        ("이름\t값\n강철\t1\n강판\t2\n".encode("cp949"), "cp949", "\t"),
        ("이름|값\n강철|1\n강판|2\n".encode(), "utf-8", "|"),
    ],
)
def test_encoding_and_delimiter_are_found(version: Api, content: bytes, encoding: str, delimiter: str) -> None:
    answer = version.upload(DATA, ("korean.csv", content))
    assert answer.status == 200, answer.body
    (described,) = answer.body["files"]
    assert (described["encoding"], described["delimiter"]) == (encoding, delimiter)
    assert [c["name"] for c in described["columns"]] == ["이름", "값"]


def test_the_encoding_set_on_the_node_is_used(version: Api) -> None:
    version.put(DATA, {"encoding": "utf-16", "delimiter": ";"})
    answer = version.upload(DATA, ("wide.csv", "a;b\nx;1\n".encode("utf-16")))
    assert answer.status == 200, answer.body
    answer = version.upload(DATA, ("narrow.csv", b"a;b\nx;1\n"))
    assert answer.status == 422
    assert "utf-16" in answer.body["result"]
    answer = version.put(DATA, {"encoding": "no-such-codec"})
    assert answer.status == 400
    assert "no-such-codec" in answer.body["errors"]["encoding"][0]


def test_files_of_a_node_are_one_dataset_and_share_their_columns(uploaded: Api) -> None:
    assert uploaded.upload(DATA, ("more.csv", STEEL)).body["rows"] == 12
    answer = uploaded.upload(DATA, ("other.csv", b"PRODUCT_CD,COLOUR\nHR,red\n"))
    assert answer.status == 422
    assert "COLOUR" in answer.body["result"]
    assert names(uploaded) == ["steel.csv", "more.csv"]


def test_many_files_of_one_request_are_stored_together_or_not_at_all(
    version: Api, stored_folders: Callable[[], set[str]]
) -> None:
    assert version.upload(DATA, ("a.csv", STEEL), ("b.csv", STEEL)).body["rows"] == 12
    before = stored_folders()
    answer = version.upload(DATA, ("c.csv", STEEL), ("d.csv", b"a,b\n1\n"))
    assert answer.status == 422
    assert names(version) == ["a.csv", "b.csv"]
    assert stored_folders() == before


def test_a_file_of_the_same_name_replaces_the_earlier_one(
    stored_folders: Callable[[], set[str]], uploaded: Api, django_capture_on_commit_callbacks: Any
) -> None:
    (before,) = {str(place_of(f.prefix)) for f in DataFile.objects.all()}
    with django_capture_on_commit_callbacks(execute=True):
        answer = uploaded.upload(DATA, ("steel.csv", STEEL + STEEL.split(b"\n", 1)[1]))
    assert answer.body["rows"] == 12
    assert names(uploaded) == ["steel.csv"]
    assert not Path(before).exists()
    assert len(stored_folders()) == 1


def test_all_files_may_be_replaced_together_by_ones_of_other_columns(version: Api) -> None:
    version.upload(DATA, ("a.csv", STEEL), ("b.csv", STEEL))
    other = b"x,y\n1,2\n3,4\n"
    assert version.upload(DATA, ("a.csv", other)).status == 422
    assert version.upload(DATA, ("a.csv", other), ("b.csv", other)).body["rows"] == 4


def test_the_only_file_may_be_replaced_by_one_of_other_columns(uploaded: Api) -> None:
    assert uploaded.upload(DATA, ("steel.csv", b"x,y\n1,2\n")).status == 200


def test_each_data_node_has_files_of_its_own(uploaded: Api) -> None:
    assert uploaded.upload(EVALDATA, ("eval.csv", STEEL)).status == 200
    assert (names(uploaded), names(uploaded, EVALDATA)) == (["steel.csv"], ["eval.csv"])


def test_a_path_as_file_name_is_cut_to_its_last_part(version: Api) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="../../etc/passwd"\r\n\r\n'
        + STEEL
        + b"\r\n--x--\r\n"
    )
    answer = version.post(DATA, raw=body, Content_Type="multipart/form-data; boundary=x")
    assert answer.status == 200, answer.body
    assert names(version) == ["passwd"]


def test_a_file_name_of_300_characters_is_400(version: Api) -> None:
    answer = version.upload(DATA, ("x" * 296 + ".csv", STEEL))
    assert answer.status == 400
    assert "200" in answer.body["errors"]["file"][0]
    assert names(version) == []


def test_a_request_without_a_file_is_400(version: Api) -> None:
    assert version.upload(DATA).status in (400, 415)
    body = b'--x\r\nContent-Disposition: form-data; name="encoding"\r\n\r\ncp949\r\n--x--\r\n'
    answer = version.post(DATA, raw=body, Content_Type="multipart/form-data; boundary=x")
    assert answer.status == 400
    assert "encoding" in answer.body["errors"]


@pytest.mark.parametrize(("content_type", "status"), [("application/json", 415), ("multipart/form-data", 400)])
def test_an_upload_that_is_no_form_is_refused(version: Api, content_type: str, status: int) -> None:
    assert version.post(DATA, raw=b"{}", Content_Type=content_type).status == status


def test_an_upload_beyond_the_limit_is_413(version: Api) -> None:
    with override_settings(MAX_UPLOAD_BYTES=100):
        assert version.upload(DATA, ("a.csv", STEEL)).status == 413


def test_one_file_or_all_are_removed_by_exact_name(uploaded: Api) -> None:
    uploaded.upload(DATA, ("steel.csv.old", STEEL), ("b.csv", STEEL))
    assert uploaded.delete(DATA, {"file": "steel"}).status == 404
    assert uploaded.delete(DATA, {"file": "steel.csv"}).body["files"] == ["steel.csv"]
    assert sorted(names(uploaded)) == ["b.csv", "steel.csv.old"]
    assert len(uploaded.delete(DATA).body["files"]) == 2
    assert uploaded.delete(DATA).body["files"] == []
