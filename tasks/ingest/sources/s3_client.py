"""The client of S3: credentials from the AWS default chain, bounded waits and retries, errors of Leeway's types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from tasks.errors import SourceError, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Addressing = Literal["auto", "path", "virtual"]
ATTEMPTS = 4
CONNECT_SECONDS = 5
READ_SECONDS = 30
SERVER_FAULT = 500
BUSY = frozenset({"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "InternalError"})
GONE = frozenset({"NoSuchKey", "404", "NoSuchVersion"})
UNREADABLE = GONE | {"InvalidObjectState", "KeyTooLongError"}
"""Refusals that are about one object: it is gone or archived, or no object can have such a key."""
GRANT = "give these credentials s3:ListBucket and s3:GetObject on the landing zone, or use others"
STAYS = "a delivered object must stay where it landed"
WHAT_TO_DO = {
    "NoSuchBucket": "create the bucket, or correct the uri",
    **dict.fromkeys(GONE, STAYS),
    "InvalidObjectState": "the object is archived: restore it, or remove it from the landing zone",
    "KeyTooLongError": "a key has at most 1,024 bytes with its prefix: use a shorter prefix or name",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set AWS_REGION",
}


def s3_client(endpoint: str | None, addressing: Addressing) -> S3Client:
    """Return a client of Amazon S3, or of another store at `endpoint`; one call waits at most two minutes."""
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        s3={"addressing_style": addressing},
    )
    return Session().client("s3", endpoint_url=endpoint, config=config)


@contextmanager
def our_errors(where: str) -> Iterator[None]:
    """Raise the store's errors as errors of Leeway, by whether a retry can help."""
    from boto3.exceptions import Boto3Error
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    try:
        yield
    except boto.ClientError as error:
        raise _refusal(where, error) from error
    except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound) as error:
        raise SourceError(
            f"{where}: {error}. "
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an AWS_PROFILE, or run with a role"
        ) from error
    except (
        *(boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, ResponseParserError, Boto3Error),
        *(boto.FlexibleChecksumError, boto.ChecksumError),
    ) as error:
        raise Unreachable(f"{where}: {error}; is the store up, and its address right?") from error
    except (boto.BotoCoreError, ValueError) as error:  # an invalid address or bucket name
        raise SourceError(
            f"{where}: {error}. Correct source.uri, source.s3_endpoint or the AWS configuration"
        ) from error


def code_of(error: Exception) -> str:
    """Return the error code of an unsuccessful response."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", "unknown"))


def status_of(error: Exception) -> int:
    """Return the HTTP status of an unsuccessful response; 0 when it is unknown."""
    return int(getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _refusal(where: str, error: Exception) -> SourceError | Unreachable:
    """Return the error of Leeway for an unsuccessful response."""
    code = code_of(error)
    if status_of(error) >= SERVER_FAULT or code in BUSY:
        return Unreachable(f"{where}: the store answered {code}; try again later")
    return SourceError(f"{where}: the store answered {code}; {WHAT_TO_DO.get(code, GRANT)}")
