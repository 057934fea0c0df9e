import pytest
from django.core.exceptions import ImproperlyConfigured

from nnservice import env


@pytest.mark.parametrize(
    ("value", "rate"),
    [("600/minute", (600, 60)), ("1/second", (1, 1)), ("10/hour", (10, 3600)), ("5/DAY", (5, 86_400)), ("off", None)],
)
def test_a_rate_is_requests_by_period(monkeypatch, value, rate):
    monkeypatch.setenv("RATE", value)
    assert env.rate("RATE", "1/minute") == rate


@pytest.mark.parametrize("value", ["600", "0/minute", "-1/minute", "x/minute", "6/fortnight", "6/m/m", "٦/minute"])
def test_another_rate_is_refused_and_the_variable_named(monkeypatch, value):
    monkeypatch.setenv("RATE", value)
    with pytest.raises(ImproperlyConfigured, match="RATE must be off, or requests per"):
        env.rate("RATE", "1/minute")
