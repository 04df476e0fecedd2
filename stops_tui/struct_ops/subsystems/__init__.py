"""What each kernel subsystem adds to its struct_ops type. One small file a subsystem."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems import dummy, hid, io_uring, qdisc, sched_ext, smc, tcp
from stops_tui.struct_ops.subsystems.subsystem import Data, Registering, Says, Subsystem

_BY_TYPE = {
    subsystem.type_name: subsystem
    for subsystem in (
        tcp.TCP,
        dummy.DUMMY,
        sched_ext.SCHED_EXT,
        sched_ext.SCHED_EXT_CID,
        qdisc.QDISC,
        hid.HID,
        io_uring.IO_URING,
        smc.SMC,
    )
}


def of_type(type_name: str) -> Subsystem:
    """What is known of this type's subsystem; one that adds nothing where it is unknown."""
    return _BY_TYPE.get(type_name) or Subsystem(type_name)


__all__ = ["Data", "Registering", "Says", "Subsystem", "of_type"]
