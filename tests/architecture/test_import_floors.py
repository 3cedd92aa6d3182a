"""Imports inside flows/ have no cycle; a chain of them has at most nine modules, the parsers of commands being one."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp

MOST_FLOORS = 9


def test_flows_have_few_floors_and_no_cycle() -> None:
    graph = grimp.build_graph("flows", cache_dir=None, exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    floor: dict[str, int] = {}
    for module in TopologicalSorter(imports).static_order():  # raises CycleError
        floor[module] = 1 + max((floor[imported] for imported in imports[module]), default=0)
    top = max(floor.values())
    assert top <= MOST_FLOORS, [module for module, number in floor.items() if number == top]
