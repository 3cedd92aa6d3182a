"""Suite parameters: values of the spec that replace their names in the suite."""

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
    """Return expectations with each `{"$PARAMETER": "name"}` replaced by its value.

    The text is a name or a calculation, such as `max_rooms * 2`, in the syntax of Great Expectations.

    Parameters
    ----------
    configurations : sequence of dict
        Expectations as written in the file.
    values : mapping
        `contract.parameters` of the spec.
    path : Path
        The file, for messages.

    Raises
    ------
    ContractError
        When a name has no value, a calculation cannot be read, or no expectation uses a value.

    Examples
    --------
    >>> limit = {"column": "rooms", "max_value": {"$PARAMETER": "most"}}
    >>> rules = [{"type": "expect_column_max_to_be_between", "kwargs": limit}]
    >>> with_parameters(rules, {"most": 40}, Path("expectations.json"))[0]["kwargs"]
    {'column': 'rooms', 'max_value': 40}
    """
    used = {word for rule in configurations for text in _expressions(rule["kwargs"]) for word in WORD.findall(text)}
    unused = [name for name in values if name not in used]
    if unused:
        hints = "".join(nearest(name, sorted(used)) for name in unused)
        example = json.dumps({PARAMETER: unused[0]})
        raise ContractError(
            f"contract.parameters gives {unused}, but no expectation in {path} uses it{hints}. Write {example} instead "
            "of a value there, or remove it"
        )
    if not used:
        return list(configurations)
    faults: list[str] = []
    with quiet_great_expectations():
        filled = [{**rule, "kwargs": _filled(rule, rule["kwargs"], values, faults)} for rule in configurations]
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
        for item in value:
            yield from _expressions(item)


def _filled(expectation: dict[str, Any], value: Any, values: Mapping[str, Any], faults: list[str]) -> Any:
    if isinstance(value, list):
        return [_filled(expectation, item, values, faults) for item in value]
    if not isinstance(value, dict):
        return value
    if PARAMETER not in value:
        return {key: _filled(expectation, item, values, faults) for key, item in value.items()}
    from great_expectations.core.suite_parameters import parse_suite_parameter

    text = str(value[PARAMETER])
    try:
        return parse_suite_parameter(text, dict(values))
    except Exception as error:  # noqa: BLE001 - its parser raises any error of its grammar
        available = f"known are {sorted(values)}" if values else "contract.parameters is empty"
        faults.append(
            f"{expectation['type']} uses the parameter {text!r}, which has no value ({_short(error)}); {available}"
            f"{nearest(text, sorted(values))}. Give it under contract.parameters in project.yaml"
        )
        return None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
