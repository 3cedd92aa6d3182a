"""Replies of the service: a status, a body, and for a refusal what was found, expected and to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal, NamedTuple

import msgspec

Headers = list[tuple[bytes, bytes]]
Family = Literal["own", "inference", "mlflow"]
JSON_TYPE = (b"content-type", b"application/json")
ENCODE = msgspec.json.Encoder().encode


class Reply(NamedTuple):
    """A reply; headers without content-length, which is added when it is sent."""

    status: int
    body: bytes
    headers: Headers


class Refusal(Exception):  # noqa: N818 - a verdict on a request, not an error of the service
    """A request is not answered.

    Parameters
    ----------
    status : int
        The HTTP status.
    code : str
        A short name of the reason, for programs.
    message : str
        What was found, what was expected, and what to do; never a value of the request.
    details : list of dict
        Every fault of a row.
    headers : list of (bytes, bytes)
        Further headers, such as Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: list[dict[str, Any]] | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.status, self.code, self.message = int(status), code, message
        self.details, self.headers = details or [], headers or []
        super().__init__(f"{int(status)} {code}: {message}")

    def body(self, request_id: str, family: Family = "own") -> bytes:
        """Return the body as JSON, in the form of a family of endpoints.

        >>> Refusal(404, "no_path", "not here").body("r1", "inference")
        b'{"error":"not here"}'
        """
        if family == "inference":
            return ENCODE({"error": "; ".join([self.message, *self._lines()])})
        if family == "mlflow":
            return ENCODE({"error_code": self.code.upper(), "message": "; ".join([self.message, *self._lines()])})
        fault: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            fault["details"] = self.details
        return ENCODE({"error": fault, "request_id": request_id})

    def _lines(self) -> list[str]:
        return [f"row {fault['row']}: {fault['reason']}, expected {fault['expected']}" for fault in self.details]


def json_reply(content: Any, status: int = HTTPStatus.OK) -> Reply:
    """Return a reply of JSON.

    >>> json_reply({"live": True})
    Reply(status=200, body=b'{"live":true}', headers=[(b'content-type', b'application/json')])
    """
    return Reply(int(status), ENCODE(content), [JSON_TYPE])
