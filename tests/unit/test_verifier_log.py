"""What a verifier's log says of why and where; any text is a log."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stops_tui.struct_ops.verifier_log import Refusal, refusal

NEWER = """\
0: R1=ctx() R10=fp0
; struct tcp_sock *tp = (struct tcp_sock *)ctx[0]; @ refused.c:21
0: (79) r1 = *(u64 *)(r1 +0)
func 'undo_cwnd' arg0 has btf_id 2953 type STRUCT 'sock'
1: R1=trusted_ptr_tcp_sock()
; __u32 window = tp->snd_cwnd; @ refused.c:22
1: (61) r0 = *(u32 *)(r1 +1444)       ; R0=scalar(smin=0,smax=umax=0xffffffff) R1=trusted_ptr_
; tp->snd_una = window; /* this line */ @ deep/in/refused.c:24
2: (63) *(u32 *)(r1 +1672) = r0
no write support to tcp_sock at off 1672
processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""

OLDER = """\
; if (!tp)
3: (15) if r1 == 0x0 goto pc+2        ; R1_w=ptr_tcp_sock(off=0,imm=0)
; return tp->snd_cwnd / parts;
4: (61) r0 = *(u32 *)(r1 +1444)       ; R0_w=scalar(umax=4294967295) R1_w=ptr_tcp_sock(off=0,imm=0)

from 3 to 6: R1_w=0 R10=fp0
6: (95) exit
R0 !read_ok
processed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""

BEFORE = """\
unreachable insn 5
processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""

LATER = """\
; mark = 1; @ a.c:3
7: (b7) r2 = 1                        ; R2_w=1
mark_precise: frame0: last_idx 7 first_idx 0 subseq_idx -1
mark_precise: frame0: regs=r2 stack= before 6: (b7) r2 = 0
invalid access to map value, value_size=8 off=8 size=8
R1 max value is outside of the allowed memory range
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""


EXPLAINED = """\
0: R1=ctx() R10=fp0
; asm volatile("%0 = r5" : "=r"(out) :); @ w.c:7
0: (bf) r0 = r5
R5 !read_ok

Verification failed: Register Type Safety: Unreadable register

Reason:
  R5 has never been initialized on this path, so the verifier cannot use it as an input.

At:
  wild @ w.c:7:2
  Instruction context:
  >>> 0 | (bf) r0 = r5
      1 | (95) exit

Suggestion:
  Initialize R5 on every path before this instruction.

processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""

ONLY_EXPLAINED = """\
last insn is not an exit or jmp

Verification failed: Program Structure: Subprogram can fall through

At:
  insn 0
       | ^-- error: subprogram can fall through
  Instruction context:
  >>> 0 | (b7) r0 = 0

Suggestion:
  End each subprogram with an exit.

processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""

LOOP = """\
1: (05) goto pc-2
0: (b7) r0 = 0
infinite loop detected at insn 1
cur state: R10=fp0
old state: R10=fp0
processed 10 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0
"""


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (
            NEWER,
            Refusal(
                "p",
                NEWER,
                "no write support to tcp_sock at off 1672",
                2,
                "(63) *(u32 *)(r1 +1672) = r0",
                "tp->snd_una = window; /* this line */",
                "refused.c:24",
                8,
            ),
        ),
        (
            OLDER,
            Refusal(
                "p",
                OLDER,
                "R0 !read_ok",
                6,
                "(95) exit",
                "return tp->snd_cwnd / parts;",
                "",
                6,
            ),
        ),
        (BEFORE, Refusal("p", BEFORE, "unreachable insn 5", 5)),
        (
            LATER,
            Refusal(
                "p",
                LATER,
                "R1 max value is outside of the allowed memory range",
                7,
                "(b7) r2 = 1",
                "mark = 1;",
                "a.c:3",
                1,
            ),
        ),
        (
            EXPLAINED,
            Refusal(
                "p",
                EXPLAINED,
                "R5 !read_ok",
                0,
                "(bf) r0 = r5",
                'asm volatile("%0 = r5" : "=r"(out) :);',
                "w.c:7",
                2,
            ),
        ),
        (
            ONLY_EXPLAINED,
            Refusal(
                "p",
                ONLY_EXPLAINED,
                "last insn is not an exit or jmp",
                0,
                "(b7) r0 = 0",
                line=8,
            ),
        ),
        (
            LOOP,
            Refusal("p", LOOP, "infinite loop detected at insn 1", 1, "(05) goto pc-2", line=0),
        ),
        ("", Refusal("p", "", "")),
        ("processed 0 insns\n", Refusal("p", "processed 0 insns\n", "")),
    ],
    ids=[
        "6.10 and later",
        "before 6.10",
        "no instruction shown",
        "notes between",
        "explained",
        "by its explanation",
        "loop",
        "none",
        "empty",
    ],
)
def test_why_and_where(log: str, found: Refusal) -> None:
    assert refusal("p", log) == found


def test_in_one_line() -> None:
    assert str(refusal("p", NEWER)) == (
        "no write support to tcp_sock at off 1672 (instruction 2, refused.c:24)"
    )
    assert str(refusal("p", BEFORE)) == "unreachable insn 5 (instruction 5)"
    assert str(refusal("p", "it is no\n")) == "it is no"


LINES = st.one_of(
    st.text(),
    st.sampled_from(NEWER.splitlines() + OLDER.splitlines() + LATER.splitlines()),
    st.from_regex(r"; .* @ [^ ]*:[0-9]*", fullmatch=True),
    st.from_regex(r"[0-9]{1,12}: \([0-9a-f]{2}\) .*", fullmatch=True),
)


@given(st.lists(LINES).map("\n".join))
@example("999999999999999999: (95) exit")
@example("; @ :1\n0: (95) exit")
def test_any_text_is_a_log(log: str) -> None:
    found = refusal("p", log)
    lines = log.splitlines()
    assert found.log == log
    assert (found.line >= 0) <= (found.insn >= 0)
    if found.line >= 0:
        number, _, rest = lines[found.line].partition(": ")
        assert int(number) == found.insn
        assert found.text
        assert rest.startswith(found.text)
    assert found.reason == "" or any(found.reason in line for line in lines)
    assert found.source == "" or any(found.source in line for line in lines)
    assert "\n" not in str(found)
