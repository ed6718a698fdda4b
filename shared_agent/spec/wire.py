"""The wire format: versioned JSON, the same in every queue, state machine and file.

A reader accepts unknown fields of its own version (they come from a newer writer and carry no obligation) and refuses a
version it does not know, by name, so that a rolling deployment fails loudly instead of misreading.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from shared_agent.errors import InputError

VERSION = 1

T = TypeVar("T", bound=msgspec.Struct)


class _Versioned(msgspec.Struct):
    version: int = 1


_encoder = msgspec.json.Encoder()
_version_decoder = msgspec.json.Decoder(_Versioned)
_decoders: dict[type, msgspec.json.Decoder[msgspec.Struct]] = {}


def encode(envelope: msgspec.Struct) -> bytes:
    """The JSON of a Task, Outcome, JobSettings or another envelope of this package."""
    return _encoder.encode(envelope)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Read an envelope of type ``kind``. Raises InputError naming what is wrong with it."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        if _version_decoder.decode(data).version != VERSION:
            raise InputError(
                "version",
                f"this {kind.__name__} was written in a wire format that is not {VERSION}",
                remedy="upgrade shared-agent here, or send it to a worker of the same version",
            )
        return decoder.decode(data)  # pyright: ignore[reportReturnType]
    except msgspec.MsgspecError as error:
        raise InputError(kind.__name__, f"is not a valid envelope: {error}", remedy="check who wrote it") from error
