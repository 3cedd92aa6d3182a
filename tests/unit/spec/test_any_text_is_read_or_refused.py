"""Whatever a file holds, reading it gives a spec or a SpecError with faults that are sentences."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import SpecError
from tasks.spec.docs.json_schema import blocks, known_keys
from tasks.spec.reading.read_spec import parse_spec

KEYS = sorted({key for block in blocks() for key in known_keys(block)})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([*KEYS, "env:X", "binary", "log", "landing"])
)
NODES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), inner, max_size=6)
    ),
    max_leaves=25,
)
GOOD: dict[str, Any] = {
    "project": "houses",
    "scope": {"owner": "me", "objective": "price", "metric": "log_loss"},
    "source": {"uri": "landing", "id": ["sale"], "event_time": "date", "label": {"column": "price"}},
    "features": {"numbers": ["area"], "categories": ["zip"]},
    "training": {"task": "binary"},
}
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_or_refused(text: str) -> None:
    for fault in faults(text):
        assert fault.startswith("houses/project.yaml")
        assert "Input should" not in fault


def faults(text: str) -> list[str]:
    try:
        parse_spec(text, "houses/project.yaml")
    except SpecError as error:
        return error.faults or ["refused without a word"]
    return []


@FEW
@given(st.dictionaries(st.sampled_from(KEYS), NODES, max_size=6))
def test_any_nested_data_is_read_or_refused(data: dict[str, Any]) -> None:
    read_or_refused(yaml.safe_dump(data, allow_unicode=True))


@FEW
@given(st.sampled_from(sorted(GOOD)), NODES)
def test_any_block_of_a_good_spec_replaced_by_anything_is_read_or_refused(block: str, data: Any) -> None:
    read_or_refused(yaml.safe_dump({**GOOD, block: data}, sort_keys=False))


@FEW
@given(st.sampled_from([block for block in blocks() if block]), st.sampled_from(KEYS), SCALARS)
def test_any_key_set_to_anything_is_read_or_refused(block: tuple[str | int, ...], key: str, value: Any) -> None:
    top = str(block[0])
    data: Any = {key: value}
    for parent in reversed(block[1:]):
        data = [data] if isinstance(parent, int) else {parent: data}
    merged = {**GOOD[top], **data} if isinstance(GOOD.get(top), dict) and isinstance(data, dict) else data
    read_or_refused(yaml.safe_dump({**GOOD, top: merged}, sort_keys=False))


@FEW
@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!|>'\"%@`#,? \n\t0\\x\ud7ff\x85\u2028")), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refused(text)
