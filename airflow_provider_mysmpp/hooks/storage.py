"""Files of messages in whatever storage Airflow reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_mysmpp.delivery.files import read_sent, write_rows
from airflow_provider_mysmpp.delivery.messages import Sent


def read_file(path: str) -> Iterator[Sent]:
    """
    Yield the accepted messages of a file with the results of a send.

    :param path: A path or an object storage URL.
    :raises ConfigurationError: It holds something else.
    """
    place: Any = ObjectStoragePath(path)
    with place.open("rb") as file:
        yield from read_sent(file, path)


def write_file(path: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """
    Write what became of messages.

    :param path: A path or an object storage URL, whose folder is made if need be.
    :param rows: A mapping for each message.
    """
    place: Any = ObjectStoragePath(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        write_rows(rows, file, path)


def is_shared(path: Any) -> bool:
    """
    Tell whether a path means the same file on every machine.

    :param path: A path or an object storage URL.
    """
    scheme, separator, _ = str(path).partition("://")
    return bool(separator) and scheme not in ("file", "local")
