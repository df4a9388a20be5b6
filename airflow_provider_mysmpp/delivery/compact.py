"""Many ids in few bytes: sorted, as differences, packed, and written in letters that every database takes."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

_SEVEN_BITS: Final = 0x7F
_MORE: Final = 0x80


def pack_ids(ids: Iterable[str]) -> str:
    """
    Return ids in a compact form that :func:`unpack_ids` reads; each once, sorted.

    :param ids: Digits without leading zeros.
    """
    before, packed = 0, bytearray()
    for number in sorted({int(id_sms) for id_sms in ids}):
        difference, before = number - before, number
        while difference > _SEVEN_BITS:
            packed.append(difference & _SEVEN_BITS | _MORE)
            difference >>= 7
        packed.append(difference)
    return b64encode(zlib.compress(packed, 9)).decode()


def unpack_ids(packed: str) -> list[str]:
    """
    Return the ids of :func:`pack_ids`, sorted.

    :param packed: What that returned.
    """
    differences, value, shift = [], 0, 0
    for byte in zlib.decompress(b64decode(packed)):
        value |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if not byte & _MORE:
            differences.append(value)
            value = shift = 0
    return [str(number) for number in accumulate(differences)]
