"""The environment is read strictly: what cannot be used is told at the start, by name and never by value."""

from operator import attrgetter

import pytest

from scheduler.domain.model import Strategy
from scheduler.settings import ENVIRONMENT, ConfigurationError, read_settings

GIVEN = {"DATABASE_URL": "postgresql://db.example/scheduler"}


def test_a_database_is_all_that_must_be_given():
    known = read_settings(GIVEN)

    assert known.database_url == "postgresql://db.example/scheduler"
    assert (known.redis_host, known.redis_port, known.redis_tls, known.redis_cluster) == ("", 6379, False, False)
    assert (known.user_service_url, known.quota_allow_on_error, known.default_plan) == ("", False, "pro")
    assert (known.claims.tenant, known.fleet.placement_strategy) == ("tenant_id", Strategy.RESOURCE_BASED)
    assert (known.lock_wait_seconds, known.retention.days, known.relay_seconds) == (5.0, 30, 63.0)
    assert (known.pages.docs, known.pages.console, known.pages.console_login) == (True, True, None)
    assert known.claims.operator_group == ""


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_an_empty_variable_is_one_that_is_not_set(name):
    assert read_settings(GIVEN | {"DB_HOST": "db.example"} | {name: ""}) == read_settings(
        {key: value for key, value in (GIVEN | {"DB_HOST": "db.example"}).items() if key != name}
    )


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        pytest.param("DATABASE_URL", "  postgresql://a/b ", "database_url", "postgresql://a/b", id="spaces around"),
        pytest.param("DB_PORT", "6432", "db_port", 6432, id="a port"),
        pytest.param("REDIS_TLS", "true", "redis_tls", True, id="true"),
        pytest.param("REDIS_TLS", "False", "redis_tls", False, id="False"),
        pytest.param("QUOTA_ALLOW_ON_ERROR", "TRUE", "quota_allow_on_error", True, id="TRUE"),
        pytest.param("USER_SERVICE_URL", "http://users/", "user_service_url", "http://users", id="a URL's last slash"),
        pytest.param("LOCK_WAIT_SECONDS", "0", "lock_wait_seconds", 0.0, id="no wait"),
        pytest.param("LOCK_WAIT_SECONDS", "0.5", "lock_wait_seconds", 0.5, id="half a second"),
        pytest.param("RETENTION_DAYS", "3650", "retention.days", 3650, id="ten years"),
        pytest.param("PLACEMENT_STRATEGY", "best_fit", "fleet.placement_strategy", Strategy.BEST_FIT, id="a strategy"),
        pytest.param("RECYCLING_ENABLED", "true", "fleet.recycling_enabled", True, id="wipes"),
        pytest.param("RECYCLING_MINUTES", "1440", "fleet.recycling_minutes", 1440, id="a day for a wipe"),
        pytest.param("RATE_SERVICE_PER_MINUTE", "0", "rates.service", 0, id="no limit for services"),
        pytest.param(
            "RATE_TIERS", " enterprise = 5, free=0.5,", "rates.tiers", {"enterprise": 5, "free": 0.5}, id="tiers"
        ),
        pytest.param(
            "DEAD_LETTERS",
            " Usage=http://q/1,http://q/2  Hook=http://q/3,http://q/4",
            "parking.dead_letters",
            {"Usage": ("http://q/1", "http://q/2"), "Hook": ("http://q/3", "http://q/4")},
            id="dead letters",
        ),
        pytest.param("DOCS_ENABLED", "false", "pages.docs", False, id="no documents"),
        pytest.param("CONSOLE_ENABLED", "false", "pages.console", False, id="no console"),
        pytest.param("WEBHOOK_ALLOWED_TARGETS", "", "webhook_allowed_targets", (), id="no target"),
        pytest.param(
            "WEBHOOK_ALLOWED_TARGETS",
            "127.0.0.1:80, LocalHost:9000,[::1]:1,",
            "webhook_allowed_targets",
            ("127.0.0.1:80", "localhost:9000", "[::1]:1"),
            id="targets",
        ),
    ],
)
def test_a_variable_is_read_as_what_it_is(name, text, attribute, value):
    assert attrgetter(attribute)(read_settings(GIVEN | {name: text})) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("QUOTA_ALLOW_ON_ERROR", "yes", id="yes is not true"),
        pytest.param("QUOTA_ALLOW_ON_ERROR", "1", id="1 is not true"),
        pytest.param("REDIS_TLS", "on", id="on is not true"),
        pytest.param("DB_PORT", "0", id="no such port"),
        pytest.param("DB_SSL_MODE", "disable", id="no TLS at all"),
        pytest.param("WEBHOOK_ALLOWED_TARGETS", "localhost", id="a target without a port"),
        pytest.param("WEBHOOK_ALLOWED_TARGETS", "http://localhost:80", id="a URL as a target"),
        pytest.param("WEBHOOK_ALLOWED_TARGETS", "*:80", id="any target"),
        pytest.param("CONSOLE_TOKEN_URL", "http://id.example/token", id="a token in the clear"),
        pytest.param("CONSOLE_TOKEN_URL", "http://localhost.example/token", id="a host that begins like this machine"),
        pytest.param("CONSOLE_TOKEN_URL", "https://id.example; script-src *", id="a policy in a URL"),
        pytest.param("CONSOLE_TOKEN_URL", "https://*.example/token", id="any host"),
        pytest.param("CONSOLE_TOKEN_URL", "https://id.example@other.example/", id="a user in a URL"),
        pytest.param("CONSOLE_TOKEN_URL", "id.example/token", id="a URL without a scheme"),
        pytest.param("CONSOLE_AUTHORIZE_URL", "javascript:alert(1)", id="a script as a URL"),
        pytest.param("RATE_WRITE_PER_MINUTE", "-1", id="a limit below none"),
        pytest.param("RATE_TIERS", "enterprise", id="a tier without a factor"),
        pytest.param("RATE_TIERS", "enterprise=0", id="a tier that may nothing"),
        pytest.param("RATE_TIERS", "enterprise=5,free=few", id="a factor that is a word"),
        pytest.param("DEAD_LETTERS", "Usage=http://q/1", id="dead letters without their queue"),
        pytest.param("DB_PORT", "65536", id="a port too high"),
        pytest.param("REDIS_PORT", "redis", id="a port that is a word"),
        pytest.param("LOCK_WAIT_SECONDS", "-1", id="a wait below none"),
        pytest.param("LOCK_WAIT_SECONDS", "5.1", id="a wait beyond the bound"),
        pytest.param("LOCK_WAIT_SECONDS", "nan", id="a wait that is no number"),
        pytest.param("RETENTION_DAYS", "0", id="no retention"),
        pytest.param("RETENTION_DAYS", "1.5", id="half a day"),
        pytest.param("RETENTION_DAYS", "inf", id="for ever"),
        pytest.param("RELAY_SECONDS", "0", id="a relay without time"),
        pytest.param("PLACEMENT_STRATEGY", "fastest", id="an unknown strategy"),
    ],
)
def test_an_unusable_value_is_refused_by_the_name_of_its_variable(name, text):
    with pytest.raises(ConfigurationError, match=f"^{name} must be"):
        read_settings(GIVEN | {name: text})


LOGIN = {
    "CONSOLE_AUTHORIZE_URL": "https://id.example/authorize?audience=phones",
    "CONSOLE_TOKEN_URL": "https://tokens.id.example:8443/oauth2/token",
    "CONSOLE_CLIENT_ID": "console",
}


def test_where_operators_sign_in_is_read_whole():
    login = read_settings(GIVEN | LOGIN).pages.console_login

    assert login is not None
    assert (login.authorize_url, login.token_url, login.client_id) == tuple(LOGIN.values())
    assert login.scope == "openid scheduler.operator"
    assert login.token_origin == "https://tokens.id.example:8443"


@pytest.mark.parametrize("url", ["http://127.0.0.1:4711/token", "http://localhost:4711", "https://id.example"])
def test_tokens_come_by_https_or_from_this_machine(url):
    login = read_settings(GIVEN | LOGIN | {"CONSOLE_TOKEN_URL": url}).pages.console_login

    assert login is not None
    assert url.startswith(login.token_origin)


@pytest.mark.parametrize("name", LOGIN)
def test_a_part_of_where_operators_sign_in_is_refused(name):
    with pytest.raises(ConfigurationError, match=name):
        read_settings(GIVEN | {key: value for key, value in LOGIN.items() if key != name})


def test_a_refusal_does_not_repeat_the_value_which_may_be_a_secret():
    with pytest.raises(ConfigurationError) as refusal:
        read_settings(GIVEN | {"REDIS_PORT": "hunter2"})

    assert "hunter2" not in str(refusal.value)


def test_credentials_of_a_secret_are_escaped_in_the_connection_url():
    known = read_settings({"DB_HOST": "db.example", "DB_DATABASE": "phones & more"})

    assert known.database_url_for("ana@corp", "p@ss/w:rd?") == (
        "postgresql://ana%40corp:p%40ss%2Fw%3Ard%3F@db.example:5432/phones%20%26%20more"
    )


@pytest.mark.parametrize(
    ("given", "ending"),
    [
        pytest.param({}, "/scheduler", id="as it comes"),
        pytest.param({"DB_IAM_AUTH": "true"}, "/scheduler?sslmode=require", id="a token never without TLS"),
        pytest.param({"DB_SSL_MODE": "require"}, "/scheduler?sslmode=require", id="TLS"),
        pytest.param(
            {"DB_SSL_MODE": "verify-full", "DB_SSL_ROOT_CERT": "/opt/rds ca.pem", "DB_IAM_AUTH": "true"},
            "/scheduler?sslmode=verify-full&sslrootcert=%2Fopt%2Frds%20ca.pem",
            id="and who it is",
        ),
    ],
)
def test_the_connection_url_says_how_the_server_proves_itself(given, ending):
    assert read_settings({"DB_HOST": "db.example"} | given).database_url_for("app", "x").endswith(f":5432{ending}")
