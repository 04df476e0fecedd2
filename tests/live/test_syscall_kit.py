"""The kit of the live tests does what it says: states, reference counts, and leaving nothing."""

from __future__ import annotations

import os

import pytest

from tests.support.child import in_child
from tests.support.live import Kit, available, eventually


@pytest.mark.parametrize("state", ["INIT", "INUSE", "TOBEFREE"])
def test_plain_map_in_each_state(kit: Kit, state: str) -> None:
    with kit.tcp_map(state=state) as ops:
        assert ops.state == state
        assert ops.refcnt == (state == "INUSE")
        assert (ops.name in available()) == (state == "INUSE")
    assert not kit.map_exists(ops.id)


def test_link_registers_and_its_end_unregisters(kit: Kit) -> None:
    with kit.tcp_map(link=True) as ops:
        assert (ops.state, ops.refcnt) == ("READY", 0)
        with ops.link():
            assert ops.name in available()
            assert ops.refcnt == 1
        assert ops.name not in available()
        assert (ops.state, ops.refcnt) == ("READY", 0)


def test_each_client_holds_the_map(kit: Kit) -> None:
    with kit.tcp_map() as ops:
        with kit.clients(ops.name, 5) as clients:
            assert ops.refcnt == 1 + len(clients) == 6
            ops.unregister()
            assert (ops.state, ops.refcnt) == ("TOBEFREE", 5)
        assert ops.refcnt == 0


def test_children_inherit_the_listeners_congestion_control(kit: Kit) -> None:
    with kit.tcp_map() as ops, kit.clients("reno", 3, listening_name=ops.name):
        assert ops.refcnt == 1 + 1 + 3


def test_a_registered_map_without_our_fd_is_cleaned_up(kit: Kit) -> None:
    with pytest.raises(ZeroDivisionError), kit.tcp_map() as ops:
        ops.drop()
        assert kit.map_exists(ops.id)
        raise ZeroDivisionError
    assert not kit.map_exists(ops.id)
    assert ops.name not in available()


def test_what_another_process_left_registered_is_cleaned_up(kit: Kit) -> None:
    """Else every test after the one that left it would fail, and the host would keep it."""
    name = kit.name()

    def leaves() -> None:
        with kit.tcp_map(name=name):
            os._exit(0)

    with pytest.raises(AssertionError, match="without an answer"):
        in_child(leaves)
    assert kit.left() == [f"congestion control {name}"]
    kit.free_ours()
    assert eventually(lambda: not kit.left())


def test_no_file_descriptor_is_left_open(kit: Kit) -> None:
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names, not paths)
    with kit.tcp_map(link=True) as ops, ops.link(), kit.clients(ops.name, 2):
        pass
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
