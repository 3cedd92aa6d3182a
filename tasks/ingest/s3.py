"""A bucket, or a part of one, as a landing place; Amazon's or any store that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from tasks.errors import SourceError, Unreachable
from tasks.ingest.objects import StoredObject, is_delivery

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 4
CONNECT_SECONDS = 5
READ_SECONDS = 30
SERVER_FAULT = 500
WHAT_TO_DO = {
    "NoSuchBucket": "make the bucket, or correct the uri",
    "NoSuchKey": "a delivered object must stay where it landed",
    "404": "a delivered object must stay where it landed",
}
GRANT = "give these credentials s3:ListBucket and s3:GetObject on the landing place, or use others"


@dataclass(frozen=True, slots=True)
class S3Source:
    """The objects of a bucket below a prefix (empty, or ending in `/`); `endpoint` is None for Amazon's own."""

    bucket: str
    prefix: str
    endpoint: str | None = None

    def list(self) -> list[StoredObject]:
        """Return every delivery below the prefix, in the order of its keys; the listing has no limit.

        Raises
        ------
        SourceError
            When the bucket is missing or closed to these credentials.
        Unreachable
            When the store does not answer.
        """
        with self._faults("listed"):
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            found = [
                StoredObject(each["Key"].removeprefix(self.prefix), each["Size"], each["LastModified"])
                for page in pages
                for each in page.get("Contents", [])
                if not each["Key"].endswith("/")
            ]
        return sorted((each for each in found if is_delivery(each.key)), key=lambda each: each.key)

    def read(self, key: str) -> bytes:
        """Return the content of one object, as long as the store says it is.

        Raises
        ------
        SourceError
            When the object is gone or closed to these credentials.
        Unreachable
            When the store does not answer, or the download came out short.
        """
        from boto3.s3.transfer import TransferConfig

        name, content = self.prefix + key, BytesIO()
        with self._faults(f"read at {name!r}"):
            client = self._client()
            size_bytes = client.head_object(Bucket=self.bucket, Key=name)["ContentLength"]
            # Unlike get_object, a managed download is tried again when it breaks off midway.
            client.download_fileobj(self.bucket, name, content, Config=TransferConfig(use_threads=False))
        if (got_bytes := content.tell()) != size_bytes:
            raise Unreachable(f"s3://{self.bucket}/{name} has {size_bytes} bytes, {got_bytes} came; read it again")
        return content.getvalue()

    def _client(self) -> S3Client:
        from boto3.session import Session
        from botocore.config import Config

        config = Config(
            retries={"max_attempts": ATTEMPTS, "mode": "standard"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
        )
        return Session().client("s3", endpoint_url=self.endpoint, config=config)

    @contextmanager
    def _faults(self, what: str) -> Iterator[None]:
        """Turn the store's errors into ours, by whether trying again can help."""
        from boto3.exceptions import Boto3Error
        from botocore import exceptions as boto

        where = f"s3://{self.bucket}/{self.prefix} at {self.endpoint or 'Amazon'} cannot be {what}"
        try:
            yield
        except boto.ClientError as error:
            raise _refusal(where, error) from error
        except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound) as error:
            raise SourceError(
                f"{where}: {error}. "
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an AWS_PROFILE, or run with a role"
            ) from error
        except (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, Boto3Error) as error:
            raise Unreachable(f"{where}: {error}") from error
        except (boto.BotoCoreError, ValueError) as error:  # an address or a bucket name that cannot be one
            raise SourceError(
                f"{where}: {error}. Correct source.uri, source.s3_endpoint or the AWS configuration"
            ) from error


def _refusal(where: str, error: Exception) -> SourceError | Unreachable:
    """Return our error for an answer of the store that is not a success."""
    response = getattr(error, "response", {})
    code = str(response.get("Error", {}).get("Code", "unknown"))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status >= SERVER_FAULT or code in {"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException"}:
        return Unreachable(f"{where}: the store answered {code}")
    return SourceError(f"{where}: the store answered {code}; {WHAT_TO_DO.get(code, GRANT)}")
