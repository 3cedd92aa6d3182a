"""The process that reads a file which is adopted: scikit-learn follows its numbers here, and nowhere else.

It answers two questions: what is in the file, and, with rows of the project, which model that is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.errors import Error
from tasks.inference import ModelSchema
from tasks.model import AdoptedPipeline, adopted_pipeline, foreign_estimator, model_files
from tasks.spec.project_spec import ProjectSpec
from tasks.train.adopted.adopted_fit import proven_model
from tasks.user_code.confined.answer_loop import answer_flow
from tasks.user_code.confined.framing import ChildMessage, EncodedFrame
from tasks.user_code.frame_codec import decoded


class AdoptionAnswers:
    """Answers about one file, which it keeps between two questions."""

    def __init__(self) -> None:
        self._pipeline: AdoptedPipeline | None = None

    def answered(self, asked: ChildMessage, _folder: Path) -> ChildMessage:
        """Return the answer to a question; a refusal is one too."""
        try:
            return self._read(asked) if self._pipeline is None else self._proven(asked, self._pipeline)
        except MemoryError:
            return ChildMessage({"refused": ["MemoryError", ""]})
        except Error as error:
            return ChildMessage({"refused": [type(error).__name__, str(error)]})

    def _read(self, asked: ChildMessage) -> ChildMessage:
        spec = ProjectSpec.model_validate(asked.header["spec"])
        foreign = foreign_estimator(asked.header["name"], bytes(_sent(asked).content))
        self._pipeline = pipeline = adopted_pipeline(foreign.fitted, spec)
        return ChildMessage(
            {"estimator": _kind(pipeline.original), "columns": pipeline.columns, "made_with": foreign.made_with}
        )

    def _proven(self, asked: ChildMessage, pipeline: AdoptedPipeline) -> ChildMessage:
        known = ModelSchema.from_json(asked.header["schema"].encode())
        proof = proven_model(pipeline, decoded(_sent(asked)), known)
        files = model_files(proof.model)
        sizes = {name: len(content) for name, content in files.items()}
        return ChildMessage({"difference": proof.difference}, EncodedFrame(sizes, b"".join(files.values())))


def _sent(asked: ChildMessage) -> EncodedFrame:
    if asked.frame is None:
        raise ValueError("found a question without content")
    return asked.frame


def _kind(original: Any) -> str:
    final = original.steps[-1][1] if hasattr(original, "steps") else original
    return type(final).__name__


if __name__ == "__main__":
    answer_flow(AdoptionAnswers().answered)
