"""A store that speaks S3 and takes down every request: `python -m tests.infra.recording_store FILE` prints its port.

To an account with the name of a role, it refuses what the policies of that role do not allow.

A process of its own: the Delta reader holds Python's lock while it waits for the store, so a store in a thread of the
same process would never answer it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.infra.iam_policies import allowed, as_iam_sees, resources


@cache
def roles() -> frozenset[str]:
    """Return the names of the roles in infra/aws."""
    return frozenset(resources("AWS::IAM::Role"))


def main(path: Path) -> None:
    """Serve until killed; one JSON line a request."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application: Callable[..., Iterable[bytes]] = DomainDispatcherApplication(create_backend_app)
    with path.open("a", buffering=1) as taken_down:

        def recording(environment: dict[str, Any], respond: Any) -> Iterable[bytes]:
            body = b""
            if "delete" in environment["QUERY_STRING"]:
                body = environment["wsgi.input"].read(int(environment["CONTENT_LENGTH"]))
                environment["wsgi.input"] = BytesIO(body)
            request = {
                "method": environment["REQUEST_METHOD"],
                "path": environment["PATH_INFO"],
                "query": environment["QUERY_STRING"],
                "source": environment.get("HTTP_X_AMZ_COPY_SOURCE", ""),
                "body": body.decode(),
            }
            taken_down.write(json.dumps(request) + "\n")
            role = account(environment)
            refused = [call for call in as_iam_sees(request) if not allowed(role, call)] if role in roles() else []
            if refused:
                respond("403 Forbidden", [("Content-Type", "application/xml")])
                return [f"<Error><Code>AccessDenied</Code><Message>{refused[0]}</Message></Error>".encode()]
            return application(environment, respond)

        server = make_server("127.0.0.1", 0, recording, threaded=True)
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


def account(environment: dict[str, Any]) -> str:
    """Return the key that a request is signed with, which is the name of its account here."""
    found = re.search(r"Credential=([^/]+)/", environment.get("HTTP_AUTHORIZATION", ""))
    return found[1] if found else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
