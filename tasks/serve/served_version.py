"""A version that answers requests: loaded from its verified package, and ready once its references are repeated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tasks.arrays import BoolArray, FloatArray
from tasks.compact import COMPACT_FILE
from tasks.errors import EvidenceError
from tasks.inference.automation_degree import are_answers_kept_back, deferred_under, is_drawn
from tasks.inference.matrix_model import MatrixModel
from tasks.inference.model_answers import Answers, answers
from tasks.inference.model_runner import Run, model_runner
from tasks.inference.onnx_session import ONNX_FILE
from tasks.inference.schema import SCHEMA_FILE, ModelSchema
from tasks.row_contract import ContractReader, InputRows, RowRefused, TypedRow
from tasks.row_contract.compiled_contract import contract_digest
from tasks.row_contract.made_values import FAILED
from tasks.row_contract.row_reader import cells
from tasks.row_contract.table_values import typed_cells
from tasks.serve.made_features.made_rows import FeatureMaker, feature_maker
from tasks.serving_store import ReferenceRequest, ServablePackage

SHOWN_FAULTS = 5
Answer = dict[str, Any]
Accepted = tuple[ReferenceRequest, TypedRow]


@dataclass(frozen=True)
class SessionModel(MatrixModel):
    """A model that runs with the compact evaluator, or with onnxruntime, on one thread."""

    onnx_bytes: bytes
    compact_bytes: bytes | None

    def run(self, columns: FloatArray) -> FloatArray:
        """Return the output of the model: shape (n, outputs)."""
        return self._run(columns)

    @cached_property
    def _run(self) -> Run:
        return model_runner(self.onnx_bytes, self.compact_bytes, self.schema.project)


class AnsweredRow(NamedTuple):
    """The answer to a row as a client sees it, and what the log keeps of it.

    That is its place in the run of the model that gave it, and the state of the feature tables.
    """

    answer: Answer
    inputs: FloatArray
    computed: Answers
    place: int
    tables: str = ""


class ServedVersion:
    """A version of a project, with its contract.

    Attributes
    ----------
    project, number, digest, contract_digest : str, int, str, str
        The project, the number of the version, the digest of its signed manifest, and that of its contract.
    reader : ContractReader
        Reads rows by the contract.
    columns : tuple of str
        The columns of a row that are read, and may be logged.
    features : FeatureMaker or None
        Adds what the project's function makes of rows.
    """

    def __init__(self, package: ServablePackage, files: Mapping[str, bytes], home: Path = Path()) -> None:
        schema = ModelSchema.from_json(files[SCHEMA_FILE])
        self.project, self.number, self.digest = package.project, package.version, package.version_digest
        self.contract = package.row_contract
        self.contract_digest = contract_digest(self.contract)
        self.schema = schema
        self.reader = ContractReader(self.contract)
        self.features: FeatureMaker | None = feature_maker(self.contract, home)
        hidden = set(self.contract.known_columns)  # the label, and what privacy.drop names
        self.columns = tuple(name for name, _, _ in cells(self.contract) if name not in hidden)
        self._model = SessionModel(schema, files[ONNX_FILE], files.get(COMPACT_FILE))
        self._inputs = InputRows(schema)
        self._width = len(schema.inputs)
        self._keeps_back, self._proposes = are_answers_kept_back(self.contract.degree), self.contract.degree == "assist"
        has_more = schema.task != "regression" or schema.deferral is not None or schema.interval is not None
        self._has_more = not self._keeps_back and has_more

    def answers(self, rows: Sequence[TypedRow]) -> list[AnsweredRow]:
        """Return the answer to each row."""
        inputs, computed = self._computed(rows)
        deferred = deferred_under(self.contract.degree, computed.unsure).tolist()
        shown = zip(rows, computed.prediction.tolist(), computed.confidence.tolist(), deferred, strict=True)
        made = [self._shown(row.row_id, prediction, sure, later) for row, prediction, sure, later in shown]
        if self._has_more:
            for place, answer in enumerate(made):
                self._add(answer, computed, place)
        return [AnsweredRow(answer, inputs, computed, place, rows[place].tables) for place, answer in enumerate(made)]

    def is_positive(self, predictions: FloatArray) -> BoolArray:
        """Return whether each probability is a decision for class 1."""
        return np.asarray(self._model.decisions(predictions) == 1, dtype=np.bool_)

    def prove(self, references: Sequence[ReferenceRequest], repeated: Callable[[], None] = lambda: None) -> None:
        """Repeat the reference requests, one at a time and all at once.

        Parameters
        ----------
        repeated : callable
            Called after each single one; what it raises ends the proof.

        Raises
        ------
        EvidenceError
            When one answer differs from that of the nightly batch in one bit, or a row is refused for other reasons.
        """
        faults, accepted = self._verdicts(references)
        accepted = self._with_features(accepted, faults)
        for place in range(len(accepted)):
            faults += self._differences(accepted[place : place + 1])
            repeated()
        faults += self._differences(accepted)
        if not accepted:
            faults.append("no reference request is accepted")
        if faults:
            raise EvidenceError(
                f"version {self.number} of {self.project} does not answer here as in the nightly batch: "
                f"{'; '.join(faults[:SHOWN_FAULTS])} ({len(faults)} differences). The machines or their libraries "
                "differ: use the locked packages on the same kind of processor, or publish the version again."
            )

    def _verdicts(self, references: Sequence[ReferenceRequest]) -> tuple[list[str], list[Accepted]]:
        """Return what differs in which rows are refused, and the accepted rows."""
        faults: list[str] = []
        accepted: list[Accepted] = []
        for number, reference in enumerate(references):
            try:
                row = self.reader.read(reference.row)
            except RowRefused as refusal:
                codes = {fault.reason for fault in refusal.faults}
                if codes != set(reference.refused):
                    faults.append(f"reference {number} is refused for {sorted(codes)}, not {sorted(reference.refused)}")
                continue
            if reference.answer is None and FAILED.reason not in reference.refused:
                faults.append(f"reference {number} is accepted, not refused for {sorted(reference.refused)}")
                continue
            joined = typed_cells(reference.joined, self.contract.tables)
            accepted.append((reference, row._replace(values=row.values | joined)))
        return faults, accepted

    def _with_features(self, accepted: list[Accepted], faults: list[str]) -> list[Accepted]:
        """Return the rows with what the project's function makes; what differs in which it fails on is added."""
        if self.features is None:
            return accepted
        made = self.features.made([row for _, row in accepted])
        for (reference, row), one in zip(accepted, made, strict=True):
            if (one is None) != (reference.answer is None):
                faults.append(f"features.function {'fails' if one is None else 'does not fail'} on {row.row_id}")
        pairs = zip(accepted, made, strict=True)
        return [(reference, one) for (reference, _), one in pairs if one is not None and reference.answer is not None]

    def _differences(self, asked: Sequence[Accepted]) -> list[str]:
        if not asked:
            return []
        _, computed = self._computed([row for _, row in asked])
        deferred = deferred_under(self.contract.degree, computed.unsure)
        faults = []
        for place, (reference, row) in enumerate(asked):
            wanted = reference.answer
            found = {**self._bits(computed, place), "row_id": row.row_id, "deferred": bool(deferred[place])}
            faults += [
                f"{name} of {row.row_id} is {value}, not {getattr(wanted, name)}"
                for name, value in found.items()
                if value != getattr(wanted, name)
            ]
        return faults

    def _bits(self, computed: Answers, place: int) -> dict[str, Any]:
        chosen = computed.prediction[place]
        several = computed.probabilities
        return {
            "prediction": float(chosen).hex(),
            "score": float(computed.score[place]).hex(),
            "confidence": float(computed.confidence[place]).hex(),
            "reasons": computed.reasons[place],
            "probabilities": () if several is None else tuple(float(share).hex() for share in several[place]),
            "predicted_class": self.schema.class_names[int(chosen)] if self.schema.class_names else "",
        }

    def _computed(self, rows: Sequence[TypedRow]) -> tuple[FloatArray, Answers]:
        inputs = np.array([self._inputs.of(row.values) for row in rows], dtype=np.float64)
        inputs = inputs.reshape(len(rows), self._width)
        return inputs, answers(inputs, self._model)

    def _shown(self, row_id: str, prediction: float, sure: float, later: bool) -> Answer:
        """Return what a client sees: nothing of the model where people decide without it."""
        finite = math.isfinite(prediction)
        answer: Answer = {"id": row_id, "prediction": None, "deferred": later or not finite}
        if self._keeps_back:
            return answer
        if self._proposes:
            if is_drawn(row_id, self.contract.blind_share, "blind"):
                return answer
            answer["proposal"] = True
        elif later:
            return answer
        elif is_drawn(row_id, self.contract.audit_share, "audit"):
            answer["audit"] = True
        answer["prediction"] = prediction if finite else None
        answer["confidence"] = sure
        return answer

    def _add(self, answer: Answer, computed: Answers, place: int) -> None:
        """Add why a row is unsure, an interval, and what a classifier decides, to an answer with its prediction."""
        is_blind = self._proposes and "proposal" not in answer
        if computed.reasons[place] and not is_blind:
            answer["reasons"] = computed.reasons[place]
        if answer["prediction"] is None:
            return
        if computed.bounds is not None:
            lower, upper = (float(bound[place]) for bound in computed.bounds)
            answer |= {"lower": lower, "upper": upper if math.isfinite(upper) else None}
        names = self.schema.class_names
        if self.schema.task == "binary":
            answer["decision"] = int(self._model.decisions(computed.prediction[place : place + 1])[0])
        elif names and computed.probabilities is not None:
            answer["prediction"] = names[int(computed.prediction[place])]
            answer["probabilities"] = dict(zip(names, computed.probabilities[place].tolist(), strict=True))
