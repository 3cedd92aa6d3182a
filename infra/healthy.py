#!/usr/bin/env python3
"""Health check of a container: exits with 0 if LEEWAY_HEALTH_URL answers, else with 1."""

import os
import sys
from http import HTTPStatus
from urllib.request import urlopen

SECONDS = 5


def main() -> int:
    """Send one request; the error is printed for `docker inspect`."""
    try:
        with urlopen(os.environ["LEEWAY_HEALTH_URL"], timeout=SECONDS) as answer:  # noqa: S310 - set by the operator
            return 0 if answer.status == HTTPStatus.OK else 1
    except (KeyError, OSError) as error:
        sys.stderr.write(f"not healthy: {error!r}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
