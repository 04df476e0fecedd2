"""Recordings: what a kernel showed over some time, in a file that plays anywhere.

# The format, version 1

A file is `STOPSREC`, then the version (u16), then blocks. Numbers outside payloads are little
endian. A block is

    u32 length of the payload | u32 CRC-32 of time and payload | u64 time | payload

`time` is milliseconds since the start of the recording, never less than in the block before. There
are at most a million blocks. The payload is zlib data of at most 4 MiB when unpacked: a MessagePack
array of records, each an array whose first element is its tag (`records.py` has every field):

    0 Start       host, when, interval, the tool's version, whether it is redacted
    1 KernelBtf   a subset of vmlinux's or a module's BTF, under the ids it has in the kernel
    2 ProgramBtf  the BTF object of a program, whole
    3 Program     struct bpf_prog_info of a program, when first seen and when it changed
    4 Code        a program's instructions, and what is needed to print them
    5 Change      maps, links, programs that came, changed or went; subsystems, and their log
    6 Holders     pins and open file descriptors, when they changed
    7 Conditions  what else decides whether something can be registered
    8 End         why it ends: no End, and the recorder was killed

The first block holds Start and the kernel's BTF. A block without records says that nothing changed
until its time. What a later record says of an object replaces what an earlier one said. A file only
grows, a block at a write: it can be read up to its last whole block, however its recorder ended.
A reader of version 1 ignores fields at the end of a record that it does not know, and refuses
unknown tags and versions.
"""
