"""A HID fixup on a device made by uhid: attached, unplugged while it is linked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.plan import Plan
from tests.support.guest import load
from tests.vm.guest.stage import Stage
from tests.vm.guest.uhid import MOUSE, NAME, mouse

HID = "hid_bpf_ops"


@pytest.fixture(autouse=True)
def hid(stage: Stage) -> Iterator[None]:
    stage.needs(HID)
    load("uhid", "hid_generic")
    yield


def says(stage: Stage, map_id: int) -> dict[str, str]:
    """What the subsystem says of a map."""
    return {said.what: said.value for said in stage.account(map_id).subsystem}


def test_a_fixup_is_attached_and_its_device_unplugged(stage: Stage) -> None:
    """Link and map look as before when the device is gone: only the bus tells."""
    with stage.loaded("hid") as programs, mouse() as device:
        plan = Plan(
            HID,
            "fixup",
            {
                "hid_rdesc_fixup": programs["fixup_rdesc"],
                "hid_device_event": programs["fixup_event"],
            },
            {"hid_id": device.hid_id},
            link=True,
        )
        assert device.descriptor == MOUSE
        assert device.reports(b"\x01\x02\x03") == b"\x01\x02\x03"
        stage.look()
        with stage.registered(plan) as outcome:
            assert (outcome.state, outcome.status) == ("READY", "attached")
            assert device.descriptor == MOUSE[:3] + b"\x04" + MOUSE[4:]
            assert device.reports(b"\x01\x02\x03") == b"\xfe\x02\x03"
            assert stage.dumped(outcome.map_id)["hid_id"] == device.hid_id
            stage.look()
            assert says(stage, outcome.map_id)["device"] == NAME
            assert says(stage, outcome.map_id)["driver"] == "hid-generic"
            device.unplug()
            assert stage.becomes(outcome.map_id, "attached, device gone")
            assert stage.events(outcome.map_id) == [
                "map  → attached",
                "status attached → attached, device gone",
            ]
            found = stage.map(outcome.map_id)
            assert (found.state, found.refcnt, found.links) == ("READY", 1, (outcome.link_id,))
            assert stage.listed(outcome.map_id)["status"] == "attached, device gone"
            assert says(stage, outcome.map_id) == {"device": "gone"}
            ended = stage.unregister(outcome)
            assert ended.ok, ended.words
        assert stage.gone("map", outcome.map_id)


def test_a_device_that_is_not_there_is_refused_in_advance(stage: Stage) -> None:
    with stage.loaded("hid") as programs, mouse() as device:
        plan = Plan(
            HID,
            "fixup",
            {"hid_device_event": programs["fixup_event"]},
            {"hid_id": 0x7FF},
            link=True,
        )
        (failed,) = failures(checks(plan, stage.facts()))
        assert "there is no HID device 0x07ff" in failed.words
        assert f"there now: 0x{device.hid_id:04X}" in failed.words
