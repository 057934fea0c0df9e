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


@pytest.mark.parametrize(
    "url",
    [
        "redis://broker",
        "redis://broker:6379/0",
        "rediss://:p%23w@10.0.0.1:6380/15?ssl_cert_reqs=required",
        "redis://[::1]/",
    ],
)
def test_a_redis_url_is_one_that_celery_and_redis_py_take(monkeypatch, url):
    monkeypatch.setenv("REDIS_URL", f" {url} ")
    assert env.redis_url("REDIS_URL") == url


@pytest.mark.parametrize(
    "url",
    [
        "broker:6379",
        "sentinel://broker:26379/0",
        "redis://",
        "redis://broker:port/0",
        "redis://broker/first",
        "redis://:p/w@broker/0",
    ],
)
def test_another_one_is_refused_without_showing_its_password(monkeypatch, url):
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(ImproperlyConfigured, match=r"REDIS_URL must be redis://\[user:password@\]host") as refused:
        env.redis_url("REDIS_URL")
    assert "p/w" not in str(refused.value)


def test_a_blank_redis_url_is_none(monkeypatch):
    monkeypatch.setenv("REDIS_URL", " ")
    assert env.redis_url("REDIS_URL") == ""


def test_a_secret_is_long_or_not_there(monkeypatch):
    monkeypatch.setenv("SECRET", "short")
    with pytest.raises(ImproperlyConfigured, match="SECRET must have at least 20 characters, not 5"):
        env.secret("SECRET", minimum=20)
    monkeypatch.setenv("SECRET", "")
    assert env.secret("SECRET", minimum=20) == ""


def test_a_number_has_its_bounds(monkeypatch):
    monkeypatch.setenv("DAYS", "11")
    assert env.integer("DAYS", 1, maximum=11) == 11
    with pytest.raises(ImproperlyConfigured, match="DAYS must be a whole number from 0 to 10, not '11'"):
        env.integer("DAYS", 1, maximum=10)


@pytest.mark.parametrize(("value", "share"), [("", 1.0), ("0", 0.0), ("0.25", 0.25), ("1", 1.0)])
def test_a_share_is_a_number_from_0_to_1(monkeypatch, value, share):
    monkeypatch.setenv("SHARE", value)
    assert env.share("SHARE", 1.0) == share


@pytest.mark.parametrize("value", ["-0.1", "1.5", "nan", "half"])
def test_another_share_is_refused_and_the_variable_named(monkeypatch, value):
    monkeypatch.setenv("SHARE", value)
    with pytest.raises(ImproperlyConfigured, match="SHARE must be a number from 0 to 1"):
        env.share("SHARE", 1.0)
