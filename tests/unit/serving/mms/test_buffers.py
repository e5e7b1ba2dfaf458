"""Which connections of a pool process are read while many bytes are unanswered."""

from dataclasses import dataclass

from serving.mms.buffers import MAX_UNSENT_BYTES, Buffers
from serving.request import RequestBudget


@dataclass(eq=False)
class Connection:
    """A connection that only has sizes."""

    held_bytes: int = 0
    unsent_bytes: int = 0
    is_read: bool = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


def full_buffers(*connections: Connection) -> Buffers:
    """Return buffers of 100 bytes, to which each connection adds 60."""
    buffers = Buffers(RequestBudget(max_buffered_bytes=100))
    for connection in connections:
        connection.held_bytes = 60
        buffers.count(connection)
    return buffers


def test_a_connection_that_exceeds_the_limit_is_paused_until_there_is_room() -> None:
    first, second = Connection(), Connection()
    buffers = full_buffers(first, second)
    while_full = first.is_read, second.is_read

    buffers.resume(is_idle=False)
    still_full = second.is_read
    first.held_bytes = 0
    buffers.count(first)
    buffers.resume(is_idle=False)

    assert while_full == (True, False)
    assert not still_full
    assert second.is_read


def test_a_closed_connection_makes_room() -> None:
    first, second = Connection(), Connection()
    buffers = full_buffers(first, second)

    buffers.remove(first)
    buffers.resume(is_idle=False)

    assert second.is_read
    assert not buffers.is_full


def test_one_message_is_read_to_its_end_where_nothing_else_can_make_room() -> None:
    connections = [Connection() for _ in range(3)]
    buffers = full_buffers(*connections)
    connections[0].held_bytes += 1
    buffers.count(connections[0])

    buffers.resume(is_idle=True)
    buffers.resume(is_idle=True)
    exempt = [connection for connection in connections if connection.is_read]
    buffers.count(exempt[0])
    remains = exempt[0].is_read
    buffers.message_complete(exempt[0])
    buffers.count(exempt[0])

    assert len(exempt) == 1
    assert remains
    assert not exempt[0].is_read


def test_long_work_pauses_while_too_much_is_not_sent() -> None:
    connection = Connection(unsent_bytes=MAX_UNSENT_BYTES + 1)
    buffers = Buffers(RequestBudget())
    before = buffers.has_room_for_long_work

    buffers.sending.add(connection)

    assert before
    assert not buffers.has_room_for_long_work
