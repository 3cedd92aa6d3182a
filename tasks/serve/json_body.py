"""Strict JSON: a name occurs once in an object, numbers are finite, texts are whole; faults name the field.

The fast decoder keeps the last of two equal names. Whether a name was repeated is seen by counting colons: in a body
without escapes, those outside of texts are exactly one a name. Only where the count differs, or the body has escapes,
is it read a second time by the slower decoder that sees every name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from tasks.serve.replies import Refusal

_decode = msgspec.json.Decoder().decode
MAX_DEPTH = 12
LONGEST_NAME = 80


def decoded(body: bytes, *, nan_is_missing: bool = False) -> Any:
    r"""Return the value of a JSON body.

    Parameters
    ----------
    nan_is_missing : bool
        Whether the literal NaN is read as null, as MLflow's clients write missing numbers.

    Raises
    ------
    Refusal
        400, when it is no JSON, repeats a name, or has a number without a finite value.

    Examples
    --------
    >>> decoded(b'{"area": 50}')
    {'area': 50}
    >>> decoded(b'{"area": 50, "area": 60}')
    Traceback (most recent call last):
    tasks.serve.replies.Refusal: 400 repeated_name: the name 'area' occurs twice in one object; send it once
    """
    try:
        value = _decode(body)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.MsgspecError, ValueError) as error:
        if nan_is_missing and b"NaN" in body:
            return _read_strictly(body, {"NaN": None})
        _name_fault(body)
        raise Refusal(HTTPStatus.BAD_REQUEST, "not_json", f"the body is no JSON: {_position(error)}") from None
    if b"\\" in body or body.count(b":") != _colons(value, MAX_DEPTH):
        _name_fault(body)
    return value


def _colons(value: Any, depth: int) -> int:
    """Return the names of all objects, and the colons inside of texts."""
    if isinstance(value, dict):
        if depth == 0:
            raise _too_deep()
        count = len(value)
        for name, part in value.items():
            count += name.count(":")
            if isinstance(part, str):
                count += part.count(":")
            elif isinstance(part, dict | list):
                count += _colons(part, depth - 1)
        return count
    if isinstance(value, list):
        if depth == 0:
            raise _too_deep()
        return sum(_colons(part, depth - 1) for part in value if isinstance(part, str | dict | list))
    return value.count(":") if isinstance(value, str) else 0


def _too_deep() -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "too_deep", f"the body is nested more than {MAX_DEPTH} deep; send flat rows")


def _name_fault(body: bytes) -> None:
    """Raise a refusal that names the field, if the fault is one of a field."""
    try:
        _read_strictly(body, {})
    except Refusal as refusal:
        if refusal.code != "not_json":
            raise


def _read_strictly(body: bytes, constants: Mapping[str, Any]) -> Any:
    """Return the value of a body, read slowly; `constants` are the values of NaN, Infinity and -Infinity if allowed."""

    def constant(name: str) -> Any:
        return constants[name] if name in constants else _Infinite()

    try:
        value = json.loads(body, object_pairs_hook=_object, parse_constant=constant, parse_float=_finite)
        _check_value("the body", value)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "not_json", f"the body is no JSON: {type(error).__name__}") from None
    _colons(value, MAX_DEPTH)
    return value


class _Infinite:
    """Represents a number without a finite value until its field is known."""


def _finite(text: str) -> float | _Infinite:
    number = float(text)
    return number if number - number == 0 else _Infinite()


def _check_value(where: str, value: Any) -> None:
    """Refuse a number or a text that is not whole, also inside of lists."""
    if isinstance(value, list):
        for part in value:
            _check_value(where, part)
    elif isinstance(value, _Infinite):
        raise Refusal(
            HTTPStatus.BAD_REQUEST,
            "not_finite",
            f"{where} has NaN, Infinity or a number beyond 1.8e308; send null if missing",
        )
    elif isinstance(value, str) and _is_broken(value):
        raise Refusal(HTTPStatus.BAD_REQUEST, "not_a_text", f"{where} has half a character, such as \\ud800")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name, value in pairs:
        if name in seen:
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                "repeated_name",
                f"the name {_shown(name)} occurs twice in one object; send it once",
            )
        _check_value(_shown(name), value)
        if "\0" in name or _is_broken(name):
            raise Refusal(
                HTTPStatus.BAD_REQUEST, "not_a_text", f"the name {_shown(name)} has a NUL or half a character"
            )
        seen[name] = value
    return seen


def _is_broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _shown(name: str) -> str:
    return ascii(name[:LONGEST_NAME])


def _position(error: Exception) -> str:
    text = str(error)
    return text.partition(" - at ")[0].removeprefix("JSON is malformed: ") or type(error).__name__
