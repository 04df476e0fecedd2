"""The account of a map's reference count: who holds it, and what its subsystem says of it.

Looked up when a person or a script asks for it, never by a sweep.
"""

from __future__ import annotations

from stops_tui.struct_ops.account.account import Account, Owner, Part, Said
from stops_tui.struct_ops.account.accounts import Accounts

__all__ = ["Account", "Accounts", "Owner", "Part", "Said"]
