"""The rules that the demo kernel is held to, on real kernels: of types that not every one has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.types_contract import TYPES_CONTRACT, Rule
from tests.support.writes_contract import Bench
from tests.vm.guest.stage import Stage


@pytest.fixture
def bench(stage: Stage) -> Iterator[Bench]:
    with closing(Bench(stage.kernel, stage.kit.name("c"))) as bench:
        yield bench
        made = (call.result for call in bench.calls if call.command == "BPF_MAP_CREATE")
        stage.kit.map_ids.update(map_id for map_id in made if map_id)


@pytest.mark.parametrize("rule", TYPES_CONTRACT, ids=lambda rule: rule.holds.__name__)
def test_rule(stage: Stage, bench: Bench, rule: Rule) -> None:
    stage.needs(rule.type_name)
    stage.kit.need_links()
    rule.holds(bench)
