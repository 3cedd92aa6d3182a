"""Route: which package answers a project's requests.

PROTOCOL is the number of the format; see `tasks.serving_store.servable_package` for how to change it.
"""

from __future__ import annotations

import msgspec

from tasks.errors import EvidenceError

PROTOCOL = 1
PURPOSE = "leeway route of {project}"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The package that serves.

    Attributes
    ----------
    serial : int
        Grows with every change; a worker never goes back to a smaller one.
    package : str
        The sha256 of its signed `package.json`.
    version : int
        The number of its version, for people.
    """

    protocol: int
    project: str
    serial: int
    package: str
    version: int

    def to_json(self) -> bytes:
        """Return the route as JSON."""
        return msgspec.json.encode(self)


def read_route(content: bytes, project: str) -> Route:
    """Return the route of JSON text.

    Raises
    ------
    EvidenceError
        It is no route of this project, or has an unknown protocol.
    """
    try:
        route = msgspec.json.decode(content, type=Route)
    except msgspec.MsgspecError as error:
        raise EvidenceError(f"found no route ({error}); publish the champion again.") from error
    if route.protocol != PROTOCOL or route.project != project:
        raise EvidenceError(
            f"found a route of protocol {route.protocol} for {route.project!r}; expected {PROTOCOL} for {project!r}."
        )
    return route
