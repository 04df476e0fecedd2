"""A simulated kernel: the real one's rules, a host that lives, and nothing that can break.

It states the rules of kernel/bpf/bpf_struct_ops.c and of the subsystems a second time, on its own:
a contract test holds both to the real kernel. Its types, programs and code are real ones
(`cast.stops`, a recording made in Linux 7.2).

    types.py        what can be implemented
    objects.py      maps, links, programs, pins, open files; what keeps each alive
    rules/          what each subsystem takes, refuses and holds
    calls.py        the bpf(2) calls that change all of it, by the kernel's rules
    world.py        all of it, as time goes on
    story.py        what happens by itself, on a seeded clock
    kernel.py       the protocol `Kernel`; writes.py `Writes`, users.py `Users`, traffic.py
"""
