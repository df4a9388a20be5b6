"""Read whom a notification is for, however a template wrote it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from airflow_provider_mysmpp.gateway.errors import ConfigurationError

_BETWEEN_PHONES: Final = re.compile(r"[,;\r\n]")
_LIST: Final = re.compile(r"""[\[{]|\(\s*['"]""")  # a parenthesis alone begins the code of a city


def read_phones(recipients: Any) -> Iterator[Any]:
    """
    Yield each phone of a rendered ``to``, not yet checked.

    :param recipients: A phone; several in one text, with commas, semicolons or line ends between them; a list written
        as text, as a template makes it; or a list of all these.
    :raises ConfigurationError: A list written as text can't be read.
    """
    if isinstance(recipients, str):
        text = recipients.strip()
        if _LIST.match(text):
            yield from read_phones(_read_list(text))
        else:
            yield from filter(None, (phone.strip() for phone in _BETWEEN_PHONES.split(text)))
    elif isinstance(recipients, Iterable) and not isinstance(recipients, Mapping | bytes):
        for each in recipients:
            yield from read_phones(each)
    elif recipients is not None:
        yield recipients


def _read_list(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    raise ConfigurationError("'to' is a list written as text that can't be read; write phones with commas between them")
