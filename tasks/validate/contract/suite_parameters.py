"""Suite parameters: the values of the spec put in where the suite names them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.errors import ContractError, nearest
from tasks.validate.contract.gx_lock import quiet_great_expectations

PARAMETER = "$PARAMETER"
WORD = re.compile(r"[A-Za-z_$][\w$]*")


def with_parameters(
    configurations: Sequence[dict[str, Any]], values: Mapping[str, Any], path: Path
) -> list[dict[str, Any]]:
    """Return expectations with the value in the place of each `{"$PARAMETER": "name"}`.

    The text may be a name or a calculation, such as `max_rooms * 2`, as Great Expectations itself reads it.

    Parameters
    ----------
    configurations : sequence of dict
        Expectations as they stand in the file.
    values : mapping
        `contract.parameters` of the spec.
    path : Path
        The file, for what is said of faults.

    Raises
    ------
    ContractError
        When a name has no value, a calculation cannot be read, or a value is given that nothing asks for.

    Examples
    --------
    >>> limit = {"column": "rooms", "max_value": {"$PARAMETER": "most"}}
    >>> asked = [{"type": "expect_column_max_to_be_between", "kwargs": limit}]
    >>> with_parameters(asked, {"most": 40}, Path("expectations.json"))[0]["kwargs"]
    {'column': 'rooms', 'max_value': 40}
    """
    asked = {word for each in configurations for text in _expressions(each["kwargs"]) for word in WORD.findall(text)}
    idle = [name for name in values if name not in asked]
    if idle:
        hints = "".join(nearest(name, sorted(asked)) for name in idle)
        written = json.dumps({PARAMETER: idle[0]})
        raise ContractError(
            f"contract.parameters gives {idle}, but no expectation in {path} asks for it{hints}. Write {written} in "
            "the place of a value there, or take it out"
        )
    if not asked:
        return list(configurations)
    faults: list[str] = []
    with quiet_great_expectations():
        filled = [{**each, "kwargs": _filled(each, each["kwargs"], values, faults)} for each in configurations]
    if faults:
        raise ContractError("\n".join(f"{path}: {fault}" for fault in faults))
    return filled


def _expressions(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if PARAMETER in value:
            yield str(value[PARAMETER])
            return
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _expressions(each)


def _filled(expectation: dict[str, Any], value: Any, values: Mapping[str, Any], faults: list[str]) -> Any:
    if isinstance(value, list):
        return [_filled(expectation, each, values, faults) for each in value]
    if not isinstance(value, dict):
        return value
    if PARAMETER not in value:
        return {key: _filled(expectation, each, values, faults) for key, each in value.items()}
    from great_expectations.core.suite_parameters import parse_suite_parameter

    text = str(value[PARAMETER])
    try:
        return parse_suite_parameter(text, dict(values))
    except Exception as error:  # noqa: BLE001 - its parser raises whatever its grammar does
        known = f"known are {sorted(values)}" if values else "contract.parameters is empty"
        faults.append(
            f"{expectation['type']} asks for the parameter {text!r}, which has no value ({_short(error)}); {known}"
            f"{nearest(text, sorted(values))}. Give it under contract.parameters in project.yaml"
        )
        return None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
