"""Where time goes: import trees, samples sorted into parts, what the lock adds."""

import sys
from collections import Counter

import pytest

from benchmarks.import_times import packages, read_import_times
from benchmarks.outcome import WrongAnswer
from benchmarks.parts import cold_start, lock, profile
from benchmarks.sampling import OTHER, Sampler, Samples, part_of

PRODUCT = "/layer/scheduler"
LIBRARIES = "/site-packages"
IMPORT_TIMES = """
import time: self [us] | cumulative | imported package
import time:       100 |        100 |       json
import time:       300 |        300 |     pydantic.fields
import time:      1000 |       1400 |   pydantic
import time:       500 |        500 |   redis
import time:        50 |       1950 | app
"""


def test_an_import_belongs_to_what_imported_it_first():
    (app,) = read_import_times(IMPORT_TIMES)

    assert [one.name for one in app.first] == ["pydantic", "redis"]
    assert [one.name for one in app.first[0].first] == ["pydantic.fields"]
    assert [one.name for one in app.first[0].first[0].first] == ["json"]


def test_packages_are_summed_up_without_counting_anything_twice():
    found = {
        one.name: (one.own_ms, one.with_others_ms, one.modules) for one in packages(read_import_times(IMPORT_TIMES))
    }

    assert found == {
        "pydantic": (1.3, 1.4, 2),
        "redis": (0.5, 0.5, 1),
        "standard library": (0.1, 0.1, 1),
        "app": (0.05, 1.95, 1),
    }


def test_each_start_is_held_against_the_boto3_of_its_own_round():
    figures = cold_start.start_figures({"allocate": [0.2, 1.0]}, [0.4, 2.0], [0.5])

    assert (figures[0].value, figures[0].goal, figures[0].holds) == (0.5, "<= 0.70", True)


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        pytest.param([(f"{PRODUCT}/adapters/postgres/connection.py", "_wait")], "Postgres: wait", id="waiting"),
        pytest.param([(f"{PRODUCT}/adapters/postgres/connection.py", "_send")], "Postgres: our side", id="sending"),
        pytest.param(
            [
                ("/lib/json/encoder.py", "iterencode"),
                (f"{LIBRARIES}/aws_lambda_powertools/logging/formatter.py", "format"),
                (f"{PRODUCT}/service/allocator.py", "allocate"),
            ],
            "logging",
            id="json for a log line",
        ),
        pytest.param(
            [
                ("/lib/json/decoder.py", "decode"),
                (f"{PRODUCT}/adapters/redis/quota_cache.py", "read_document"),
                (f"{PRODUCT}/adapters/redis/gate.py", "admit_user"),
            ],
            "quota",
            id="a quota out of the cache",
        ),
        pytest.param([(f"{PRODUCT}/service/allocator.py", "allocate")], "use case", id="our own code"),
        pytest.param([("/lib/threading.py", "run")], OTHER, id="nothing of ours"),
    ],
)
def test_the_innermost_frame_that_tells_decides(stack, part):
    assert part_of(stack) == part


def test_only_what_is_asked_for_is_sampled():
    sampler, samples = Sampler(), Samples()

    sampler._look(0, sys._getframe())
    sampler.into = samples
    sampler._look(0, sys._getframe())
    sampler.into = None
    sampler._look(0, sys._getframe())

    assert samples.parts == Counter({OTHER: 1})
    assert [name for _, name in samples.functions] == ["test_only_what_is_asked_for_is_sampled"]


def test_samples_share_out_the_time_that_was_measured_without_them():
    allocate = profile.Request("allocate", mean_ms=2.0, postgres=1.0, redis=3.0)
    allocate.samples.parts.update({"Redis: wait": 75, "edge": 25})
    allocate.samples.functions.update({("/a/redis/client.py", "send"): 100})

    outcome = profile.outcome_of([allocate, profile.Request("release", mean_ms=1.0)])

    figures = {one.name: one for one in outcome.figures}
    assert figures["Redis: wait in a warm allocate, ms"].value == 1.5
    assert figures["round trips of a warm allocate to Redis"].holds is False
    assert ("redis/client.py send", "2.000", "100.0 %") in outcome.tables[1].rows


def test_the_lock_is_what_it_adds_to_a_claim():
    assert lock.Claims(locked=1.5, open=1.0).share == 0.5


def test_whoever_was_refused_politely_is_counted_and_not_timed():
    form = lock.Form(rounds=1, claims=1, workers=2, seconds=2)
    turns = [lock.Turns([0.010, 0.030], Counter(user_busy=3)), lock.Turns([0.020])]

    figures, table = lock.contended(form, turns)

    assert {one.name.split(": ")[1]: one.value for one in figures} == {
        "passed a second": 1.5,
        "p95 of allocate, ms": 30.0,
        "refused as user_busy": 3,
        "fewest passed of one worker": 1,
    }
    assert table.rows == (("2", "2", "20", "30", "30", "30", "3"),)


def test_a_lock_that_lets_nobody_pass_is_no_result():
    with pytest.raises(WrongAnswer):
        lock.contended(lock.Form(1, 1, 2, 2), [lock.Turns([], Counter(user_busy=3))])
