"""A bundle that answers rows, with the standard library only: `Bundle.open(folder).answer(row)`.

A bundle repeats its reference rows before it answers any other. What it refuses, it refuses for the reasons of the
nightly batch. A row that the model is unsure of has no prediction and `deferred: true`: a person decides. So has every
row once the bundle is stale.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfoNotFoundError

from tasks.bundle.runtimes.answer_numbers import Numbers, numbers_of
from tasks.bundle.runtimes.bundle_content import DATA_FILE, BundleError, check_files, checked_content
from tasks.bundle.runtimes.compact_walk import CompactModel
from tasks.row_contract.input_rows import InputRows
from tasks.row_contract.row_reader import ContractReader, RowRefused, TypedRow

ONNX_FILE = "model.onnx"
EXACT = 0.0
SHOWN = 5
Run = Callable[[Sequence[float]], Sequence[float]]


class BundleAnswer(NamedTuple):
    """The answer to a row, and what it was made of; without inputs and numbers where the bundle is stale."""

    shown: dict[str, Any]
    row: Mapping[str, Any]
    inputs: Sequence[float] = ()
    numbers: Numbers | None = None


class Bundle:
    """A version of a model outside of its service.

    Attributes
    ----------
    project, version, digest, serial : str, int, str, int
        What it is, with the digest of its version; of two bundles of a project the one with the larger serial is newer.
    kept : dict
        What a kept answer has of the contract: its digest, its columns, and how far numbers may be rounded. Empty where
        the model is a smaller form: its answers are not those of the version.
    stale_on : date or None
        The first day on which it leaves every row to a person.
    contract : namespace
        The columns of a row, and what it must satisfy.
    """

    def __init__(self, data: bytes, run: Run | None = None) -> None:
        plan = checked_content(data)
        about, self._answer = plan["about"], plan["answer"]
        self.project, self.version, self.serial = about["project"], about["version"], about["serial"]
        self.digest: str = about["digest"]
        self.kept: dict[str, Any] = plan["kept"]
        self._made_on = date.fromisoformat(about["made_on"])
        self.stale_on = None if about["stale_on"] is None else date.fromisoformat(about["stale_on"])
        self.references: list[dict[str, Any]] = plan["references"]
        self.contract = _namespace(plan["contract"])
        self.contract.rules = [SimpleNamespace(**rule) for rule in self.contract.rules]
        self._reader = _reader(self.contract)
        inputs = plan["inputs"]
        self._inputs = InputRows(_schema(inputs))
        self._steps = inputs["steps"]
        self._run: Run = run or CompactModel(base64.b64decode(plan["model"]), *plan["leaf"]).sums

    @classmethod
    def open(cls, folder: str | Path) -> Bundle:
        """Return the bundle of a folder, after it has repeated its references.

        Raises
        ------
        BundleError
            One bit differs, or a file is missing.
        """
        where = Path(folder)
        check_files(where)
        graph = where / ONNX_FILE
        bundle = cls((where / DATA_FILE).read_bytes(), onnx_run(graph.read_bytes()) if graph.is_file() else None)
        bundle.selftest()
        return bundle

    def answer(self, row: Mapping[str, Any], today: date | None = None) -> dict[str, Any]:
        """Return the answer to a row, as the prediction service gives it.

        Parameters
        ----------
        row : mapping of str to object
            A JSON object with the columns of the contract.
        today : date, optional
            By default that of the clock, in UTC.

        Returns
        -------
        dict
            `id`, `prediction`, `deferred` and `confidence`; of classes `decision` or `probabilities`; `proposal` where
            people decide with it; `stale` where the bundle is.

        Raises
        ------
        RowRefused
            The row breaks its contract; `faults` has each reason.
        """
        return self.answered(row, today).shown

    def answered(self, row: Mapping[str, Any], today: date | None = None) -> BundleAnswer:
        """Return the same with what `AnswerQueue` keeps of it."""
        typed = self._reader.read(row)
        day = today or datetime.now(UTC).date()
        if self.is_stale(day):
            return BundleAnswer({"id": typed.row_id, "prediction": None, "deferred": True, "stale": True}, row)
        inputs, _, numbers = self._computed(typed)
        return BundleAnswer(self._shown(typed.row_id, numbers), row, inputs, numbers)

    def is_stale(self, day: date) -> bool:
        """Return whether every row is left to a person: the bundle is too old, or the clock is before its making."""
        if day < self._made_on - timedelta(days=1):
            return True
        return self.stale_on is not None and day >= self.stale_on

    def selftest(self) -> None:
        """Repeat the reference rows.

        Raises
        ------
        BundleError
            When one differs, by one bit of a sum or in what is decided; it names the first ones.
        """
        faults = [fault for number, each in enumerate(self.references) for fault in self._faults(number, each)]
        if faults:
            raise BundleError(
                f"version {self.version} of {self.project} does not answer here as where it was bundled: "
                f"{'; '.join(faults[:SHOWN])} ({len(faults)} differences). Write the bundle again, for this platform."
            )

    def found(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a reference row has: the reasons of its refusal, or sums, numbers and who decides."""
        try:
            typed = self._reader.read(row)
        except RowRefused as refusal:
            return {"refused": sorted({fault.reason for fault in refusal.faults})}
        _, sums, numbers = self._computed(typed)
        return {
            "id": typed.row_id,
            "sums": [value if math.isfinite(value) else None for value in sums],
            "prediction": numbers.prediction if math.isfinite(numbers.prediction) else None,
            "unsure": numbers.unsure,
            "decision": numbers.decision,
        }

    def _faults(self, number: int, reference: Mapping[str, Any]) -> list[str]:
        found, wanted = self.found(reference["row"]), reference["found"]
        if found.keys() != wanted.keys():
            return [f"reference {number} is {_verdict(found)}, not {_verdict(wanted)}"]
        return [
            f"{name} of reference {number} is {found[name]}, not {wanted[name]}"
            for name in found
            if not _is_same(found[name], wanted[name], self._answer["tolerance"] if name == "prediction" else EXACT)
        ]

    def _computed(self, row: TypedRow) -> tuple[Sequence[float], Sequence[float], Numbers]:
        inputs = self._inputs.of(row.values)
        sums = self._run(preprocessed(inputs, self._steps))
        return inputs, sums, numbers_of(sums, inputs, self._answer)

    def _shown(self, row_id: str, numbers: Numbers) -> dict[str, Any]:
        degree, task = self.contract.degree, self._answer["task"]
        finite = math.isfinite(numbers.prediction)
        later = degree == "assist" or (degree == "partial" and numbers.unsure)
        answer: dict[str, Any] = {"id": row_id, "prediction": None, "deferred": later or not finite}
        if degree == "assist":
            answer["proposal"] = True
        elif later:
            return answer
        answer["prediction"] = numbers.prediction if finite else None
        answer["confidence"] = numbers.confidence
        if finite and task == "binary":
            answer["decision"] = numbers.decision
        elif finite and task == "multiclass":
            answer["prediction"] = self._answer["classes"][numbers.decision]
            answer["probabilities"] = dict(zip(self._answer["classes"], numbers.probabilities, strict=True))
        return answer


def preprocessed(inputs: Sequence[float], steps: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the columns that a model receives, by the steps of its schema.

    >>> preprocessed([math.nan], [{"input": 0, "kind": "number", "fill": 40.0, "shift": 30.0, "scale": 5.0}])
    [2.0]
    """
    if not steps:
        return list(inputs)
    columns: list[float] = []
    for step in steps:
        value = inputs[step["input"]]
        if step["kind"] == "missing":
            columns.append(float(math.isnan(value)))
            continue
        if step["fill"] is not None and math.isnan(value):
            value = step["fill"]
        if step["kind"] == "number":
            columns.append((value - step["shift"]) / step["scale"])
        else:
            columns += [float(math.isnan(value) if code is None else value == code) for code in step["values"]]
    return columns


def onnx_run(graph: bytes) -> Run:
    """Return what runs the graph of a bundle for onnxruntime, of which the bundle needs the package, and numpy."""
    import numpy as np
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # several threads add up in another order
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0].name

    def run(columns: Sequence[float]) -> list[float]:
        numbers = np.asarray(session.run(None, {given: np.array([columns], dtype=np.float64)})[0])
        return [float(number) for number in numbers.ravel()]

    return run


def _namespace(content: Mapping[str, Any]) -> Any:
    return SimpleNamespace(**content)


def _reader(contract: Any) -> ContractReader:
    try:
        return ContractReader(contract)
    except ZoneInfoNotFoundError as error:
        raise BundleError(
            f"this machine does not know the time zone {contract.time_zone}; install its time zones (tzdata)"
        ) from error


def _schema(inputs: Mapping[str, Any]) -> Any:
    """Return what `InputRows` reads of a schema."""
    return SimpleNamespace(
        numbers=inputs["numbers"],
        booleans=inputs["booleans"],
        categories=dict(inputs["categories"]),
        dates=[SimpleNamespace(**part) for part in inputs["dates"]],
        time=SimpleNamespace(**inputs["time"]) if inputs["time"] else None,
        event_time=inputs["event_time"],
    )


def _verdict(found: Mapping[str, Any]) -> str:
    return f"refused for {', '.join(found['refused'])}" if "refused" in found else "accepted"


def _is_same(one: Any, other: Any, tolerance: float) -> bool:
    if not tolerance or one is None or other is None:
        return bool(one == other)
    return bool(abs(one - other) <= tolerance * max(1.0, abs(other)))
