"""The one name of a person outside the contacts table: 8 bytes of BLAKE2b, keyed with the store's salt.

Limits, suppressions, ledgers and snapshots know people by it alone, so that Redis holds no phone numbers.
Who is one person is decided by the match key (`phones.match_key`), else by the `user_id`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from engine.contacts.digests import digest_all, digest_on_two_cores
from engine.errors import InputError
from engine.words import N_

KEY_BYTES = 8
BUCKETS = 10_000
PSEUDONYM_PREFIX = b"\xff\xff\xff\xff"
"""What the pseudonyms of erased people begin with (claim.lua knows it too): such a row is never sent to."""
_NOBODY = N_("a contact needs a phone number or a user id")


def person_key(salt: bytes, match_key: str | None, user_id: str | None) -> bytes:
    """The 8 bytes that name a person.

    Args:
        salt: `Warehouse.salt`; keys of two stores can't be compared.
        match_key: digits from `phones.match_key`; None or empty when there is no phone.
        user_id: the provider's id, looked at only when there is no match key.

    Raises:
        InputError: both are empty.
    """
    identity = match_key or user_id
    if not identity:
        raise InputError(reason=_NOBODY)
    return blake2b(identity.encode(), digest_size=KEY_BYTES, key=salt).digest()


def person_numbers(salt: bytes, identities: Iterable[str]) -> list[int]:
    """`key_to_int(person_key(…))` for many identities (match key, else user id), in order."""
    digests = digest_all(salt, KEY_BYTES, (identity.encode() for identity in identities))
    return [key_to_int(digests[at : at + KEY_BYTES]) for at in range(0, len(digests), KEY_BYTES)]


def person_array(salt: bytes, identities: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    """`person_numbers` for a million: UTF-8 identities without line ends, 0.7 µs each, on two cores."""
    digests = digest_on_two_cores(salt, KEY_BYTES, list(identities))
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


def key_to_int(key: bytes) -> int:
    """The UBIGINT that DuckDB and Parquet hold: big endian, unsigned."""
    return int.from_bytes(key, "big")


def key_from_int(number: int) -> bytes:
    """The 8 bytes that Redis holds."""
    return int(number).to_bytes(KEY_BYTES, "big")


def bucket_of(number: int) -> int:
    """0..9999, the same for a person for ever: a stable random share of the contacts."""
    return number % BUCKETS


def new_pseudonym() -> bytes:
    """What stands for an erased person in place of their key; nothing leads from one to the other."""
    return PSEUDONYM_PREFIX + secrets.token_bytes(KEY_BYTES - len(PSEUDONYM_PREFIX))


def is_pseudonym(key: bytes) -> bool:
    """Whether a key stands for an erased person."""
    return key.startswith(PSEUDONYM_PREFIX)
