"""Make words of others fit to be read by people and log files: no phone numbers, no end of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from airflow_provider_mysmpp.gateway.errors import classify

_LONGEST_WORDS: Final = 300
_LONG_NUMBER = re.compile(r"\d{9,}")
_SHOWN_HEAD, _SHOWN_TAIL = 4, 2


def mask_phone(phone: object) -> str:
    """
    Return a phone as it may be shown: ``79612242243`` becomes ``7961*****43``.

    :param phone: The phone as digits, or what was given in its place. A value too short to keep both ends
        is hidden whole.
    """
    text = str(phone)
    hidden = len(text) - _SHOWN_HEAD - _SHOWN_TAIL
    if hidden < 1:
        return "*" * len(text)
    return text[:_SHOWN_HEAD] + "*" * hidden + text[-_SHOWN_TAIL:]


def mask_numbers(text: str) -> str:
    """
    Return ``text`` with every run of nine or more digits masked.

    :param text: Words of the gateway or of a library, which may repeat a phone.
    """
    return _LONG_NUMBER.sub(lambda match: mask_phone(match[0]), text)


def safe_words(value: Any) -> str | None:
    """
    Return words of the gateway as they may be shown: trimmed, not endless, numbers masked; None if there are none.

    :param value: What stands in an answer where words are expected.
    """
    if not isinstance(value, str) or not (words := " ".join(value.split())):
        return None
    # JSON can carry half of a surrogate pair, which no database or log file takes.
    return mask_numbers(words)[:_LONGEST_WORDS].encode(errors="replace").decode()


def hide_secrets(content: bytes, secrets: Iterable[str]) -> bytes:
    """
    Return an answer whose error texts hold no secret: some gateways repeat the request in them, and people read them.

    A text of the catalogue stays, whatever the secrets are.

    :param content: The body of an answer.
    :param secrets: What must not be shown.
    """
    wide = b"\0" in content  # UTF-16 or UTF-32, which a parser of JSON tells by itself
    present = [
        secret for secret in secrets if secret and (wide or any(form in content for form in _as_written(secret)))
    ]

    def hide(document: dict[str, Any]) -> dict[str, Any]:
        words = document.get("error")
        if isinstance(words, str) and classify(words) is None:
            for secret in present:
                words = words.replace(secret, "***")
            document["error"] = words
        return document

    if present:
        with suppress(ValueError, RecursionError):  # what is no JSON has no words to show
            return json.dumps(json.loads(content, object_hook=hide)).encode()
    return content


def _as_written(secret: str) -> set[bytes]:
    """Return the ways in which JSON may write a secret, mostly one; some encoders escape the slash."""
    ways = (secret, json.dumps(secret, ensure_ascii=False)[1:-1], json.dumps(secret)[1:-1])
    return {form.encode() for way in ways for form in (way, way.replace("/", "\\/"))}
