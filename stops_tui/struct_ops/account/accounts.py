"""Takes accounts: a look at refcnt, one at who holds it, and one at refcnt again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from time import monotonic

from stops_tui.btf import BtfError, Enum, Kind
from stops_tui.kernels.kernel import Kernel, RawHolders
from stops_tui.struct_ops.account import hid, others, qdisc, sched_ext, tcp
from stops_tui.struct_ops.account.account import LINK, REGISTRATION, Account, Found, Part
from stops_tui.struct_ops.account.asked import Asked, Known, known
from stops_tui.struct_ops.account.rates import EventRates
from stops_tui.struct_ops.account.sentence import sentence
from stops_tui.struct_ops.holders import by_map
from stops_tui.struct_ops.inventory import Inventory, Snapshot, StructOpsMap

LOOKS = 3
"""How often is looked again while reference counts move …"""
PATIENCE = 1.0
"""… unless looking took as many seconds: what takes long moves for ever."""

_LOOKS: Mapping[str, others.Look] = {
    "tcp_congestion_ops": tcp.look,
    "Qdisc_ops": qdisc.look,
    "sched_ext_ops": sched_ext.look,
    "sched_ext_ops_cid": sched_ext.look,
    "hid_bpf_ops": hid.look,
    "io_uring_bpf_ops": others.io_uring,
    "smc_hs_ctrl": others.smc,
    "bpf_dummy_ops": others.nothing,
}

_ASSOCIATED = "programs associated with it (BPF_PROG_ASSOC_STRUCT_OPS): the kernel tells of none"
_MOVED = "more was counted than refcnt has: it moved while it was looked at"


class Accounts:
    """Takes accounts of one kernel's maps. Remembers the look before: for one thread at a time.

    Args:
        kernel: Whose maps.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._inventory = Inventory(kernel)
        self._rates = EventRates()

    def take(
        self,
        wanted: Collection[int],
        holders: RawHolders | None = None,
        held: Collection[int] = (),
        unregistered: Mapping[int, float] | None = None,
    ) -> dict[int, Account]:
        """The accounts of these maps, by id; without those that are gone by then.

        Args:
            wanted: The maps, by id.
            holders: Who has maps and links open or pinned, if that was looked up already.
            held: The links that this program holds.
            unregistered: When a map was seen to be unregistered, in seconds since the epoch.
        """
        accounts, after = self._settled(wanted)
        keepers = by_map(holders or self._kernel.holders(), after)
        times, now = unregistered or {}, self._kernel.now()
        told = {}
        for map_id, account in accounts.items():
            whole = account._replace(keepers=keepers.get(map_id, account.keepers))
            seconds = max(now - times[map_id], 0) if map_id in times else None
            told[map_id] = whole._replace(sentence=sentence(whole, held, seconds))
        return told

    def _settled(self, wanted: Collection[int]) -> tuple[dict[int, Account], Snapshot]:
        """The sums, and the snapshot they are of: looked at again, a few times, if it moved."""
        ends = monotonic() + PATIENCE
        after = self._inventory.sweep()
        for left in reversed(range(LOOKS)):
            before, found = after, self._look(after, wanted)
            after = self._inventory.sweep()
            accounts = {
                map_id: self._account(before.maps[map_id], after.maps[map_id], found.get(map_id))
                for map_id in wanted
                if map_id in before.maps and map_id in after.maps
            }
            if not left or monotonic() > ends or all(map(_adds_up, accounts.values())):
                break
        return accounts, after

    def _look(self, snapshot: Snapshot, wanted: Collection[int]) -> dict[int, Found]:
        """What the subsystems of these maps tell, by map id."""
        types: dict[str, list[Known]] = defaultdict(list)
        concerned = {snapshot.maps[m].type_name for m in wanted if m in snapshot.maps}
        for map_ in snapshot.maps.values():
            if map_.type_name in concerned:
                types[map_.type_name].append(known(map_))
        found: dict[int, Found] = {}
        for type_name, maps in types.items():
            look = _LOOKS.get(type_name, others.unknown)
            found |= look(Asked(self._kernel.users, maps, frozenset(wanted), self._rates))
        return found

    def _account(self, before: StructOpsMap, map_: StructOpsMap, found: Found | None) -> Account:
        found = found or Found()
        parts = (*_own(map_), *found.parts)
        unexplained = map_.refcnt - sum(part.n for part in parts)
        unseen = [*found.unseen]
        if unexplained > 0:
            unseen += [*found.could_hold, *self._associations()]
        elif unexplained < 0:
            unseen.append(_MOVED)
        return Account(
            map_,
            known(map_).name,
            parts,
            unexplained,
            settled=before.refcnt == map_.refcnt,
            not_looked_at=tuple(unseen),
            reason=found.reason,
            subsystem=found.said,
            use=found.use,
        )

    def _associations(self) -> Iterator[str]:
        """Programs of other types may hold a map too, where the kernel has the command for it."""
        btf = self._kernel.kernel_btfs()[0].btf
        try:
            commands = btf.type(btf.find("bpf_cmd", Kind.ENUM) or 0)
        except BtfError:
            return
        names = {value.name for value in commands.values} if isinstance(commands, Enum) else ()
        if "BPF_PROG_ASSOC_STRUCT_OPS" in names:
            yield _ASSOCIATED


def _own(map_: StructOpsMap) -> Iterator[Part]:
    """What registers the map: a plain one itself, others a link (kernel/bpf/bpf_struct_ops.c)."""
    if map_.state == "INUSE":
        yield Part(REGISTRATION, 1, detail="the kernel's own, until unregistered")
    for link in map_.links:
        detail = f"link {link}, until it is detached or closed"
        yield Part(LINK, 1, detail=detail, which=str(link))


def _adds_up(account: Account) -> bool:
    return account.settled and account.unexplained >= 0
