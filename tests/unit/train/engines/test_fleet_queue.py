"""The queue of a job over several hosts: each customer leaves it once, whatever happens to the hosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.channel import Customer
from train.engines.fleet_queue import MOST_PER_CALL, FleetQueue


def customers(count: int) -> list[Customer]:
    return [Customer(f"{number:05}", ()) for number in range(count)]


def taken(queue: FleetQueue, host: str) -> list[str]:
    return [customer.name for customer in queue.take(host)]


@pytest.mark.parametrize(
    ("waiting", "size"), [(100_000, MOST_PER_CALL), (800, 100), (80, 10), (8, 1), (3, 1), (0, 0)]
)
def test_a_call_has_an_eighth_of_what_waits_for_two_hosts_but_at_most_256(waiting: int, size: int) -> None:
    queue = FleetQueue(customers(waiting), ["a", "b"])

    assert len(taken(queue, "a")) == size


def test_customers_leave_in_their_order() -> None:
    queue = FleetQueue(customers(20), ["a", "b"])

    names = [name for _ in range(20) for host in "ab" for name in taken(queue, host)]

    assert names == [customer.name for customer in customers(20)]


def test_what_a_call_did_not_take_stays_in_the_queue() -> None:
    queue = FleetQueue(customers(80), ["a"])
    for _ in queue.take("a"):
        break

    assert list(queue.in_hand("a")) == ["00000"]
    assert taken(queue, "a")[0] == "00001"


def test_customers_of_a_lost_host_come_after_all_others_and_alone() -> None:
    queue = FleetQueue(customers(80), ["a", "b"])
    lost = taken(queue, "a")
    assert queue.lose("a") == []
    queue.close("a")

    calls = []
    while call := taken(queue, "b"):
        calls.append(call)
        assert taken(queue, "b") == [] or len(call) > 1 or call[0] not in lost
        assert all(queue.finish("b", name) for name in list(queue.in_hand("b")))

    assert len(lost) == 10
    assert calls[-10:] == [[name] for name in lost]
    assert not queue.has_work()


def test_a_customer_that_two_hosts_were_lost_with_is_given_up_and_the_others_go_on() -> None:
    queue = FleetQueue(customers(3), ["a", "b", "c"])
    first = taken(queue, "a")
    assert queue.lose("a") == []
    rest = taken(queue, "c") + taken(queue, "c")
    assert taken(queue, "b") == first

    assert queue.lose("b") == first
    assert sorted(first + rest) == [customer.name for customer in customers(3)]
    assert all(queue.finish("c", name) for name in rest)
    assert not queue.has_work()


def test_a_result_counts_once_and_only_from_the_host_that_has_the_customer() -> None:
    queue = FleetQueue(customers(1), ["a", "b"])
    taken(queue, "a")
    queue.lose("a")
    taken(queue, "b")

    assert not queue.finish("a", "00000")
    assert queue.has_work()
    assert queue.finish("b", "00000")
    assert not queue.finish("b", "00000")
    assert not queue.has_work()


def test_customers_that_a_host_never_got_wait_again_in_front() -> None:
    queue = FleetQueue(customers(3), ["a"])
    first, second = taken(queue, "a"), taken(queue, "a")

    queue.put_back("a", [*first, "unknown"])

    assert list(queue.in_hand("a")) == second
    assert taken(queue, "a") == first
    assert set(queue.in_hand("a")) == {*first, *second}


def test_a_customer_of_one_host_goes_nowhere_else_and_is_given_up_with_it() -> None:
    owners = {customer.name: "ab"[place % 2] for place, customer in enumerate(customers(10))}
    queue = FleetQueue(customers(10), ["a", "b"], owners)
    at_a = taken(queue, "a")
    queue.lose("a")

    assert sorted(queue.close("a")) == ["00000", "00002", "00004", "00006", "00008"]
    assert at_a == ["00000"]
    at_b = [name for _ in range(9) for name in taken(queue, "b")]
    assert at_b == ["00001", "00003", "00005", "00007", "00009"]
    assert all(queue.finish("b", name) for name in at_b)
    assert not queue.has_work()


def test_two_customers_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        FleetQueue([Customer("7", ()), Customer("7", ())], ["a"])


@given(data=st.data(), count=st.integers(0, 30))
def test_each_customer_leaves_once_whatever_happens(data: st.DataObject, count: int) -> None:
    hosts = ["a", "b", "c", "d"]
    queue = FleetQueue(customers(count), hosts)
    left: list[str] = []
    while queue.has_work():
        host = data.draw(st.sampled_from(hosts))
        in_hand = taken(queue, host)
        event = data.draw(st.sampled_from(["work", "work", "lose", "put back"]))
        match event:
            case "work":
                left += [name for name in in_hand if queue.finish(host, name)]
            case "lose":
                left += queue.lose(host)
                if len(hosts) > 1:
                    hosts.remove(host)
                    assert queue.close(host) == []
            case _:
                queue.put_back(host, list(queue.in_hand(host)))

    assert sorted(left) == [customer.name for customer in customers(count)]
