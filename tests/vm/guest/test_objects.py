"""Object files registered by a script: libbpf loads the programs, the plan does the rest."""

from __future__ import annotations

import pytest

from stops_tui.bpf.libbpf import CHOOSES
from tests.support.clang import OBJECTS, bpf_object
from tests.support.debian import unpacked
from tests.support.live import eventually
from tests.vm.guest.stage import Stage


@pytest.mark.parametrize("name", ["scx", "qdisc"])
def test_an_object_is_registered_and_pinned(
    stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.needs(OBJECTS[name].struct)
    newer = next(unpacked("bookworm-backports", "libbpf1").glob("usr/lib/*/libbpf.so.1"))
    monkeypatch.setenv(CHOOSES, str(newer))
    pin = stage.bpffs / "fifo"
    order = ("--object", str(bpf_object(name)), "--map", "fifo", "--link", "--pin", str(pin))
    done = stage.json("register", *order)
    stage.kit.map_ids.add(done["map_id"])
    assert (done["ok"], done["status"]) == (True, "attached"), done["words"]
    assert stage.listed(done["map_id"])["link_pins"] == [str(pin)]
    ended = stage.json("unregister", "id", str(done["map_id"]), "--yes")
    assert ended["ok"], ended["words"]
    assert not pin.exists()
    assert eventually(lambda: not stage.kit.map_exists(done["map_id"]))
