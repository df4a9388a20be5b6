"""Which messages to wait for, out of the forms in which a DAG has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, Final, NamedTuple

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.gateway.states import read_id

SUFFIXES: Final = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
"""What the name of a file of messages may end with; it chooses the format."""

_LIST_AS_TEXT: Final = ("[", "{", "(")


class Sent(NamedTuple):
    """
    One message that was sent.

    :param id_sms: The gateway's number of it, digits without leading zeros.
    :param entry: Its entry of the mapping as it was given.
    :param parts: The parts that the send expected, or None.
    """

    id_sms: str
    entry: Mapping[str, Any]
    parts: int | None = None


ReadFile = Callable[[str], Iterable[Sent]]
"""Opens a file of messages and yields them."""


def is_path(value: Any) -> bool:
    """
    Tell whether a value names a file of messages.

    :param value: Anything.
    """
    return isinstance(value, str | PathLike) and str(value).endswith(SUFFIXES)


def read_messages(given: Any, read_file: ReadFile) -> list[Sent]:
    """
    Return the messages that are meant, each once.

    :param given: The mapping of a send, ids, the path of a file with the results of a send, or any list of these.
    :param read_file: Opens a file.
    :raises ConfigurationError: It is none of these.
    """
    messages: dict[str, Sent] = {}
    for message in _walk(given, read_file):
        messages.setdefault(message.id_sms, message)
    return list(messages.values())


def _walk(given: Any, read_file: ReadFile) -> Iterator[Sent]:
    if given is None:
        raise ConfigurationError(
            "messages is None, or holds it: the task that should return them returned nothing. If there is nothing to"
            " wait for, let it return an empty list."
        )
    if isinstance(given, Mapping):
        yield from sent_of(given)
    elif is_path(given):
        yield from read_file(str(given))
    elif isinstance(given, str | int | float):
        yield _of_id(given)
    elif isinstance(given, Iterable):
        for item in given:
            yield from _walk(item, read_file)
    else:
        raise ConfigurationError(f"messages holds a {type(given).__name__}. {_WORDS}")


def sent_of(entry: Mapping[str, Any], parts: int | None = None) -> Iterator[Sent]:
    """
    Yield the message of an entry, or nothing where the gateway did not take it.

    :param entry: A mapping with ``id_sms``.
    :param parts: The parts that the send expected, or None.
    :raises ConfigurationError: It has no ``id_sms``, or one that is none.
    """
    if "id_sms" not in entry:
        raise ConfigurationError(f"messages holds a mapping without 'id_sms'. {_WORDS}")
    if entry["id_sms"] in (None, ""):
        return
    id_sms = read_id(entry["id_sms"])
    if id_sms is None:
        raise ConfigurationError("messages holds an 'id_sms' that is no number above 0.")
    yield Sent(id_sms, entry, parts)


def _of_id(given: str | float) -> Sent:
    if isinstance(given, str) and given.lstrip()[:1] in _LIST_AS_TEXT:
        raise ConfigurationError(
            "messages is a list written as text, as a template makes it. Pass the output of the task itself, or set"
            " render_template_as_native_obj=True in the DAG."
        )
    id_sms = read_id(given)
    if id_sms is None:
        raise ConfigurationError(f"messages holds something that is no id_sms. {_WORDS}")
    return Sent(id_sms, {"id_sms": id_sms})


_WORDS: Final = (
    "Pass the output of a MySmppSendOperator, a list of id_sms, or the path of its results, which ends with"
    f" {', '.join(SUFFIXES)}."
)
