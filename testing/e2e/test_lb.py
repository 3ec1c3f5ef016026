"""Load balancing over real servers: who gets how much."""

import threading

import pytest

from kit import config as c
from kit.backend import Gate, answering
from kit.client import Raw, get
from kit.ports import free_port


@pytest.fixture
def balanced(proxy, backend):
    """Starts hosts named by letter with these weights: `port = balanced("LB_RANDOM", a=1, b=2)`."""

    def start(policy, dead=(), handlers=None, lb=None, **weights):
        handlers = handlers or {}
        hosts = [c.host(backend(handlers.get(name) or answering(name)).port, weight=weight) for name, weight in weights.items()]
        hosts += [c.host(free_port(), weight=weight) for weight in dead]
        cluster = {"lb": policy} | ({"lbconfig": lb} if lb else {})
        _, port = proxy(*hosts, processor=2, cluster=cluster)
        return port

    return start


def shares(port, count):
    """How many of so many requests each host has answered, over several connections, so that both workers take part."""
    got = {}
    lock = threading.Lock()

    def load():
        with Raw(port) as client:
            for _ in range(count // 4):
                name = client.get().text
                with lock:
                    got[name] = got.get(name, 0) + 1

    threads = [threading.Thread(target=load, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sum(got.values()) == count, got
    return got


def within(got, expected):
    """Five standard deviations of a binomial distribution on either side: one false alarm in millions."""
    count = sum(got.values())
    for name, share in expected.items():
        mean, deviation = count * share, (count * share * (1 - share)) ** 0.5
        assert abs(got.get(name, 0) - mean) <= 5 * deviation, (got, expected)


def test_random_is_fair_and_not_in_turn(balanced):
    port = balanced("LB_RANDOM", a=1, b=1, c=1)
    within(shares(port, 600), {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    with Raw(port) as client:
        order = "".join(client.get().text for _ in range(60))
    # In turn, no host would ever be taken twice in a row.
    assert any(pair in order for pair in ("aa", "bb", "cc"))


def test_round_robin_takes_turns(balanced):
    port = balanced("LB_ROUNDROBIN", a=1, b=1, c=1)
    with Raw(port) as client:
        order = "".join(client.get().text for _ in range(30))
    assert order in "abc" * 11
    # The turn is everybody's: workers don't begin again each for itself.
    assert shares(port, 300) == {"a": 100, "b": 100, "c": 100}


def test_round_robin_does_not_weigh(balanced):
    assert shares(balanced("LB_ROUNDROBIN", a=1, b=100), 200) == {"a": 100, "b": 100}


def test_weighted_round_robin_weighs(balanced):
    got = shares(balanced("LB_WEIGHTED_ROUNDROBIN", a=1, b=2, c=5), 800)
    # Not drawn but scheduled: no farther off than a round per worker.
    assert abs(got["a"] - 100) <= 8 and abs(got["b"] - 200) <= 8 and abs(got["c"] - 500) <= 8, got


def test_weighted_round_robin_does_not_burst(balanced):
    """The heavy host is not taken five times in a row, then the others once."""
    port = balanced("LB_WEIGHTED_ROUNDROBIN", a=3, b=3, c=3, d=6)
    with Raw(port) as client:
        order = "".join(client.get().text for _ in range(100))
    assert "ddd" not in order, order


def test_equal_weights_take_turns(balanced):
    got = shares(balanced("LB_WEIGHTED_ROUNDROBIN", a=7, b=7), 200)
    assert got == {"a": 100, "b": 100}


def test_least_request_avoids_the_busy_host(balanced, aside):
    gate, busy = Gate(), threading.Event()

    async def slow(request, connection):
        busy.set()
        await gate.passed()
        await connection.respond(body="slow")

    port = balanced("LB_LEAST_REQUEST", handlers={"slow": slow}, slow=1, quick=1)
    answers = []

    def until_slow():
        while "slow" not in answers:
            answers.append(get(port, timeout=30).text)

    aside(until_slow)
    assert busy.wait(20)
    # Of the two hosts that are compared, one has a request in flight for all this time.
    with Raw(port) as client:
        assert [client.get().text for _ in range(50)] == ["quick"] * 50
    gate.open()


def test_least_request_is_fair_when_nobody_is_busy(balanced):
    port = balanced("LB_LEAST_REQUEST", a=1, b=1, c=1)
    with Raw(port) as client:
        got = {}
        for _ in range(300):
            name = client.get().text
            got[name] = got.get(name, 0) + 1
    within(got, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})


def test_least_request_compares_as_many_as_it_is_told(balanced, aside):
    """With a choice of one there is nothing to compare: the busy host gets its share."""
    gate = Gate()
    waiting = threading.Semaphore(0)

    async def slow(request, connection):
        waiting.release()
        await gate.passed()
        await connection.respond(body="slow")

    port = balanced("LB_LEAST_REQUEST", handlers={"slow": slow}, lb={"choice_count": 1}, slow=1, quick=1)

    def until_slow():
        while get(port, timeout=30).text != "slow":
            pass

    for _ in range(3):
        aside(until_slow)
    for _ in range(3):
        assert waiting.acquire(timeout=20), "a busy host is chosen again"
    gate.open()


def test_least_request_weighs(balanced):
    port = balanced("LB_LEAST_REQUEST", a=1, b=3)
    with Raw(port) as client:
        got = {}
        for _ in range(400):
            name = client.get().text
            got[name] = got.get(name, 0) + 1
    within(got, {"a": 1 / 4, "b": 3 / 4})


@pytest.mark.parametrize("policy", ["LB_RANDOM", "LB_ROUNDROBIN", "LB_WEIGHTED_ROUNDROBIN", "LB_LEAST_REQUEST"])
def test_no_policy_loses_a_request_to_a_dead_host(balanced, policy):
    got = shares(balanced(policy, a=1, b=1, dead=[1, 128]), 80)
    assert set(got) == {"a", "b"}


def test_an_unknown_policy_takes_turns(balanced):
    assert shares(balanced("LB_OF_ANOTHER_KIND", a=1, b=1), 100) == {"a": 50, "b": 50}
