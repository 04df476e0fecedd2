"""Registering, unregistering and swapping: a plan, its checks, its steps, and what came of it.

    facts = RegistrationFacts.gather(kernel)                     # .facts
    plan = Plan("tcp_congestion_ops", "mine", {"ssthresh": Loaded(25)}, {"name": "mine"})  # .plan
    checks(plan, facts)                                          # .checks: what bars the way
    steps(plan, facts), dry_steps(plan, facts)                   # .steps: the calls to come
    execute(plan, facts, kernel.writes, tell) -> Outcome         # .execute; dry_run likewise

    plan, lost = object_plan(file, "dctcp", facts.types)         # .object_plan: of a .bpf.o file
    execute_all(plans, facts, kernel.writes) -> Outcomes         # .execute: all of them or none

`form` says which data members may be set and what each takes, `lifetime` what survives and how to
undo it, `plan_file` keeps a plan in TOML. `unregister` and `swap` each have plan_for, checks,
steps and execute of their own.

`execute` raises ReadOnly before anything is done; what goes wrong later is in the outcome. It does
nothing if a check failed.
"""
