"""`python -m tests.bench.serving_peers NAME PORT FOLDER`: servers that the prediction service is compared with.

`constant` replies the same to all, under uvicorn as the service configures it; `fastapi` has a typed row and the same
ONNX model, written as its documentation shows.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel

from tasks.inference import ONNX_FILE, SCHEMA_FILE, ModelSchema, onnx_session, run_session
from tasks.row_contract import InputRows
from tasks.serve.processes.service_supervisor import listeners
from tasks.serve.processes.service_worker import ServiceLoop, worker_config
from tasks.serve.service_settings import ServiceSettings

REPLY = b'{"prediction": 71.5}'


class Flat(BaseModel):
    """A row."""

    flat: int | str
    day: datetime
    area: float
    rooms: float | None = None
    garden: bool | None = None
    city: str | None = None
    built: datetime | None = None


async def constant(_scope: Any, receive: Any, send: Any) -> None:
    """Reply the same to all."""
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(REPLY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": REPLY})


def fastapi_app(folder: Path) -> FastAPI:
    """Return an application with the model of a package."""
    schema = ModelSchema.from_json((folder / SCHEMA_FILE).read_bytes())
    session = onnx_session((folder / ONNX_FILE).read_bytes(), schema.project)
    inputs, app = InputRows(schema), FastAPI()

    @app.post("/predict")
    async def predict(flat: Flat) -> dict[str, float]:
        score = run_session(session, np.array([inputs.of(flat.model_dump())])).ravel()[0] + np.asarray(schema.offset)
        return {"prediction": float(np.exp(score))}

    return app


if __name__ == "__main__":
    name, port, folder = sys.argv[1:]
    served: Any = constant if name == "constant" else fastapi_app(Path(folder))
    settings = ServiceSettings(projects=(), root=str(folder), trusted=(), port=int(port))
    config = worker_config(served, settings, lambda _status: None)
    (listener,) = listeners(settings)
    uvloop.run(uvicorn.Server(config).serve(sockets=[listener]), loop_factory=lambda: ServiceLoop(60.0))
