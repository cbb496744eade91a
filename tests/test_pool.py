"""A bounded cache: what it keeps, what it drops, and what threads see of it."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest

from foretell.errors import UserError
from foretell.pool import Pool


def _pool(*keys: str, max_items: int = 2) -> Pool[str, str]:
    pool = Pool[str, str](max_items)
    for key in keys:
        pool.get(key, key.upper)
    return pool


def test_a_value_is_made_once_and_kept():
    pool = Pool[str, object](2)
    first = pool.get("a", object)
    assert pool.get("a", lambda: pytest.fail("made twice")) is first
    assert len(pool) == 1


def test_the_least_recently_used_value_is_dropped():
    pool = _pool("a", "b")
    pool.get("a", lambda: pytest.fail("it is there"))
    pool.get("c", lambda: "C")
    assert pool.values() == ["A", "C"]
    assert "a" in pool
    assert "b" not in pool


def test_put_discard_and_clear():
    pool = _pool("a", "b")
    pool.put("a", "other")
    pool.put("c", "C")
    assert pool.values() == ["other", "C"]
    pool.discard("c")
    pool.discard("absent")
    assert pool.values() == ["other"]
    pool.clear()
    assert pool.values() == []


def test_none_is_a_value():
    pool = Pool[str, None](1)
    pool.put("a", None)
    assert pool.get("a", lambda: pytest.fail("it is there")) is None
    assert "a" in pool


def test_an_error_of_make_leaves_nothing_behind():
    pool = _pool("a")
    with pytest.raises(ZeroDivisionError):
        pool.get("b", lambda: str(1 // 0))
    assert pool.values() == ["A"]
    assert pool.get("b", lambda: "B") == "B"


def test_make_may_ask_for_other_keys():
    pool = Pool[int, int](10)

    def fibonacci(n: int) -> int:
        return n if n < 2 else pool.get(n - 1, lambda: fibonacci(n - 1)) + pool.get(n - 2, lambda: fibonacci(n - 2))

    assert pool.get(9, lambda: fibonacci(9)) == 34


def test_make_that_asks_for_its_own_key_is_an_error_and_no_deadlock():
    pool = Pool[str, str](1)

    def make() -> str:
        return pool.get("a", make)

    with pytest.raises(RecursionError):
        pool.get("a", make)


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda pool: pickle.loads(pickle.dumps(pool))])
def test_copies_are_empty_and_independent(copied):
    pool = _pool("a", max_items=3)
    other = copied(pool)
    assert (len(other), other.max_items) == (0, 3)
    other.get("b", lambda: "B")
    assert pool.values() == ["A"]


def test_no_room_is_refused():
    with pytest.raises(UserError, match="max_items=0 must be at least 1"):
        Pool(0)


def test_threads_that_ask_for_one_key_get_one_value():
    pool, started, number = Pool[str, object](1), threading.Barrier(8), [0]
    found: list[object] = []

    def make() -> object:
        number[0] += 1
        threading.Event().wait(0.02)  # long enough for all to come
        return object()

    def ask() -> None:
        started.wait()
        found.append(pool.get("a", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number == [1]
    assert len({id(value) for value in found}) == 1


def test_other_keys_are_served_while_a_value_is_made():
    pool, making, finish = Pool[str, str](2), threading.Event(), threading.Event()

    def slow() -> str:
        making.set()
        assert finish.wait(10)
        return "A"

    thread = threading.Thread(target=pool.get, args=("a", slow))
    thread.start()
    assert making.wait(10)
    assert "a" not in pool
    assert pool.get("b", lambda: "B") == "B"
    finish.set()
    thread.join()
    assert sorted(pool.values()) == ["A", "B"]


def test_many_threads_on_few_places_always_get_their_own_value():
    pool = Pool[int, int](3)
    wrong: list[tuple[int, int]] = []

    def work(first: int) -> None:
        for step in range(2000):
            key = (first + step * 7) % 11
            value = pool.get(key, lambda key=key: key * key)
            if value != key * key:
                wrong.append((key, value))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(pool) <= 3
