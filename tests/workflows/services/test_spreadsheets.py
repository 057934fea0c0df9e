import pytest

from workflows.services.spreadsheets import harmless, harmless_lines


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "+82-2-1", "-inf", "=-3"]
)
def test_a_text_that_begins_as_a_formula_does_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-3", "+82", "-3.5e2", "a=1", "", "사람", 3, -3.5, None])
def test_numbers_and_other_texts_stay(value: object) -> None:
    assert harmless(value) == value


def test_no_line_and_no_part_behind_a_tab_is_a_formula() -> None:
    assert harmless_lines(["=cmd()", "loss\t=1", "epoch 1"]) == "'=cmd()\nloss    =1\nepoch 1\n"
