import io
import threading

import pytest

from algorithms.tables.stream import Pace, Utf8Stream

ENDING = "\nthe end\n"


@pytest.fixture
def content_of(tmp_path):
    def of(text, encoding, pace):
        (tmp_path / "in.csv").write_bytes(text.encode(encoding))
        with io.BufferedReader(Utf8Stream(tmp_path / "in.csv", encoding, ENDING.encode(), pace)) as stream:
            return stream.read().decode()

    return of


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-16"])
def test_it_gives_the_text_in_utf8_and_the_ending(content_of, encoding):
    text = "제품,설비\n가,나\n" * 100_000
    assert content_of(text, encoding, Pace(1 << 20, blocks=50)) == text + ENDING


def test_what_is_never_reported_as_used_holds_it_up_but_not_for_good(content_of):
    text = "a,b\n" * 700_000
    assert content_of(text, "utf-8", Pace(1 << 19, blocks=1, patience=0.01)) == text + ENDING


def test_blocks_that_were_used_make_room():
    pace = Pace(10, blocks=2)
    pace.used_block()
    pace.wait(29)
    assert pace._allowed == 30  # it did not lose its patience


def test_a_reader_that_nobody_waits_for_is_let_go():
    pace = Pace(10, blocks=1)
    reader = threading.Thread(target=pace.wait, args=(10**9,))
    reader.start()
    pace.let_go()
    reader.join(timeout=5)
    assert not reader.is_alive()
