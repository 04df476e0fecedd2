"""Registering, unregistering and swapping: a plan, its checks, its steps, and what came of it.

    facts = RegistrationFacts.gather(kernel)
    plan = Plan("tcp_congestion_ops", "stops_reno", {"ssthresh": Loaded(25), …}, {"name": "x"})
    checks(plan, facts)                          -> tuple[Check, ...]
    steps(plan, facts)                           -> tuple[Step, ...]
    execute(plan, facts, kernel.writes, tell)    -> Outcome
    dry_run(plan, facts, kernel.writes, tell)    -> Outcome

    form.form_fields(type_)                      -> tuple[FormField, ...]
    lifetime.holding(plan), .undoing(plan)       -> words; bpftool_equivalent(plan)
    plan_file.to_toml(plan) -> str, .from_toml(text, file) -> Plan
    unregister.plan_for(facts, map_id=, link_id=, pin=) -> Unregistration
    unregister.checks, .steps, .execute(unregistration, facts, writes, tell) -> Outcome
    swap.plan_for(facts, link_id, map_id) -> Swap; swap.checks, .steps, .execute alike

`execute` raises ReadOnly before anything is done, and otherwise never: what went wrong is in the
outcome. It does nothing if a check failed.
"""
