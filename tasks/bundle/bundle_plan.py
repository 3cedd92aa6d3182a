"""The plan of a bundle: what its runtime needs to read, check, preprocess and answer rows, as plain JSON.

The file of a bundle is a line with the format, its protocol, a checksum and a sha256 of the rest; then this plan.
Bundles are read by their own runtime only: a change of the plan raises PROTOCOL of `bundle_content` and of the
runtimes in other languages with it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import msgspec

from tasks.bundle.packed_model import packed_model
from tasks.bundle.portable_pattern import portable_pattern
from tasks.bundle.raw_limits import CALIBRATED_ROUNDING, ROUNDING, limits_of
from tasks.bundle.runtimes.bundle_content import FORMAT, PROTOCOL
from tasks.compact.compact_file import is_exponential
from tasks.compact.smaller_trees import LeafKind
from tasks.inference.schema import ModelSchema
from tasks.row_contract import RowContract
from tasks.row_contract.compiled_contract import contract_digest
from tasks.row_contract.row_reader import cells
from tasks.serving_store import ServablePackage

TABLE_ROUNDING = 1e-12
"""How far a calibrated probability may be from that of the batch."""
FNV_START, FNV_FACTORS, FNV_BITS = 0x811C9DC5, (0x01000193, 0x9E3779B1), 0xFFFFFFFF


@dataclass(frozen=True)
class BundledVersion:
    """What a bundle is made of.

    Attributes
    ----------
    package : ServablePackage
        The contract, and reference requests with the answers of the nightly batch.
    schema : ModelSchema
        The meaning of inputs and outputs.
    model : bytes
        The compact file; of a bundle for onnxruntime the graph.
    made_on, stale_on : date, date or None
        The day of making, and the first day on which the bundle leaves every row to a person.
    serial : int
        Of two bundles of a project, the newer one has the larger one.
    label, objective : str
        What is predicted, and what for; shown to people.
    row_label : str
        The column of a label that lands with the rows, which a kept answer has empty; an empty text if there is none.
    leaf : {"f8", "f4", "i2"}
        The type of the leaves of the model, see `packed_model`.
    smaller : str
        What was made smaller; an empty text where the model is that of the version.
    """

    package: ServablePackage
    schema: ModelSchema
    model: bytes
    made_on: date
    stale_on: date | None
    serial: int
    label: str
    objective: str
    row_label: str = ""
    leaf: LeafKind = "f8"
    smaller: str = ""

    @property
    def contract(self) -> RowContract:
        """The row contract."""
        return self.package.row_contract


def bundle_plan(bundled: BundledVersion, *, compact: bool) -> dict[str, Any]:
    """Return the plan of a version, without references.

    Parameters
    ----------
    compact : bool
        Whether the plan has the compact model; that of a bundle for onnxruntime does not.
    """
    package, schema = bundled.package, bundled.schema
    exponential = compact and is_exponential(bundled.model)
    packed = packed_model(bundled.model, bundled.leaf) if compact else None
    return {
        "about": {
            "project": package.project,
            "version": package.version,
            "digest": package.version_digest,
            "serial": bundled.serial,
            "label": bundled.label,
            "objective": bundled.objective,
            "made_on": bundled.made_on.isoformat(),
            "stale_on": None if bundled.stale_on is None else bundled.stale_on.isoformat(),
            "smaller": bundled.smaller,
        },
        "contract": _contract(bundled.contract),
        "inputs": _inputs(schema),
        "kept": {} if bundled.smaller else _kept(bundled, exponential=exponential),
        "answer": {
            "task": schema.task,
            "link": schema.link,
            "exponential": exponential,
            "probability": schema.output == "probability",
            "offset": list(schema.offset) if isinstance(schema.offset, tuple) else schema.offset,
            "calibration": [asdict(table) for table in schema.calibration],
            "classes": list(schema.class_names),
            "tolerance": _tolerance(schema, exponential=exponential),
            **limits_of(schema, exponential=exponential),
        },
        "model": base64.b64encode(packed.content).decode() if packed else "",
        "leaf": list(packed[1:]) if packed else [],
        "references": [],
    }


def bundle_data(plan: Mapping[str, Any], references: Sequence[Mapping[str, Any]]) -> bytes:
    r"""Return the file of a bundle: ASCII, and inert inside of a page.

    >>> bundle_data({"a": "</script>"}, []).splitlines()[1]
    b'{"a":"\\u003c/script>","references":[]}'
    """
    text = json.dumps({**plan, "references": list(references)}, separators=(",", ":"), allow_nan=False)
    body = text.replace("<", "\\u003c").encode("ascii")
    return f"{FORMAT} {PROTOCOL} {checksum(body)} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def checksum(content: bytes) -> str:
    """Return 16 digits that change with any single byte: each step of either half can be undone.

    Fowler, Noll and Vo's hash (FNV-1a) of 32 bits, with two factors.

    Examples
    --------
    The first half is FNV-1a, of which "a" is known to have e40c292c.

    >>> checksum(b"a")[:8]
    'e40c292c'
    """
    halves = []
    for factor in FNV_FACTORS:
        half = FNV_START
        for byte in content:
            half = (half ^ byte) * factor & FNV_BITS
        halves.append(f"{half:08x}")
    return "".join(halves)


def _contract(contract: RowContract) -> dict[str, Any]:
    """Return the contract with the kind of each column, and each pattern as JavaScript has it."""
    content: dict[str, Any] = json.loads(msgspec.json.encode(contract))
    rules = []
    for rule, made in zip(contract.rules, content["rules"], strict=True):
        limits = made["limits"]
        if "regex" in limits:
            limits["pattern"] = portable_pattern(limits["regex"])
        rules.append({**made, "reason": rule.reason})
    kinds = [[name, kind] for name, _, kind in cells(contract)]  # an object of JavaScript has an order of its own
    return {**content, "rules": rules, "columns": list(contract.columns), "kinds": kinds}


def _inputs(schema: ModelSchema) -> dict[str, Any]:
    numbers = {name: place for place, name in enumerate(schema.inputs)}
    return {
        "numbers": list(schema.numbers),
        "booleans": list(schema.booleans),
        "categories": [[name, list(table)] for name, table in schema.categories.items()],
        "dates": [asdict(part) for part in schema.dates],
        "time": None if schema.time is None else asdict(schema.time),
        "event_time": schema.event_time,
        "steps": [{**asdict(step), "input": numbers[step.source]} for step in schema.steps],
    }


def _kept(bundled: BundledVersion, *, exponential: bool) -> dict[str, Any]:
    """Return what a kept answer has of its contract, as the prediction log of the service has it."""
    contract, schema = bundled.contract, bundled.schema
    hidden = set(contract.known_columns)  # the label, and what privacy.drop names
    rounds = schema.task == "multiclass" or _tolerance(schema, exponential=exponential) > 0
    several = CALIBRATED_ROUNDING if schema.task == "multiclass" and schema.calibration else TABLE_ROUNDING
    return {
        "contract": contract_digest(contract),
        "columns": [name for name, _, _ in cells(contract) if name not in hidden],
        "label": bundled.row_label,
        "rounding": several if rounds else 0.0,
    }


def _tolerance(schema: ModelSchema, *, exponential: bool) -> float:
    """Return how far a prediction may be from that of the batch, as a share of it: 0 where nothing is rounded."""
    if schema.task == "multiclass":
        return 0.0  # the number of the chosen class
    if schema.link == "identity" and not (exponential or schema.calibration or schema.output == "probability"):
        return 0.0
    return ROUNDING if not schema.calibration else TABLE_ROUNDING
