r"""Sample words and metadata packets of the LPM01A's binary stream (protocols.md 3.4).

A sample is two bytes, big-endian: bits 15..12 are n, bits 11..0 are m, its value is m · 16^-n; n = 15 is not
a sample. So samples, divided at any byte, never contain a byte pair ``F0 F1`` to ``F0 FF``, nor the end of
packets, ``FF FF``: the beginning of a packet is found by its two bytes, even after bytes were lost. (The
pair ``F0 F0`` can occur: a sample that ends with F0, then a packet.) A payload may contain any bytes, also
``FF FF`` (65535 ms): most packets end after their fixed length, the two packets of text at ``FF FF``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

ERROR, INFO, MARK, END, OVERCURRENT, TARGET, VOLTAGE, TEMPERATURE, POWER = range(0xF1, 0xFA)
"""Types of packets. F5 is overcurrent in two implementations; UM2269 Rev 6 calls it reserved and prints F4 in
its table of the overcurrent (protocols.md 3.4)."""
LENGTHS = {MARK: 9, END: 4, OVERCURRENT: 4, TARGET: 4, VOLTAGE: 6, TEMPERATURE: 6, POWER: 5}
"""Length in bytes of the packets of fixed length, with ``F0 Fx`` in front and ``FF FF`` at the end."""
TERMINATOR = b"\xff\xff"
BEGINNING = re.compile(rb"\xf0[\xf1-\xff]")
NO_SAMPLE = 0xF000
"""Words from here on (n = 15) are not samples."""
OVERFLOW = 0x8000_0000
WRAP_MS = 0x8000_0000
"""A time mark's milliseconds wrap here: they have 31 bits; the 32nd is the overflow flag."""

_LONGEST_TEXT = 4096
_LONGEST_UNKNOWN = 256
_KINDS = {TARGET: "targrst", VOLTAGE: "volt get", TEMPERATURE: "temp", POWER: "pwr"}


class Trouble(Enum):
    """Reasons why no packet was found."""

    INCOMPLETE = "incomplete"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of metadata.

    Attributes:
        code: Its second byte.
        payload: Its bytes between the first two and ``FF FF``.
        stop: Position of its end in the bytes.
    """

    code: int
    payload: bytes
    stop: int

    @property
    def raw(self) -> str:
        """Its bytes, in hexadecimal."""
        return (bytes((0xF0, self.code)) + self.payload + TERMINATOR).hex(" ").upper()

    @property
    def known(self) -> bool:
        """Whether its type is documented."""
        return self.code in LENGTHS or self.code in (ERROR, INFO)

    def answer(self) -> str:
        """An answer as text, such as ``packet F7: volt get 3292``; for other packets, the bytes."""
        what = _KINDS.get(self.code)
        if what is None:
            return f"unknown packet {self.raw}"
        if self.code == POWER:
            return f"packet F9: pwr {'on' if self.payload[0] else 'off'}"
        value = int.from_bytes(self.payload, "big", signed=self.code == TEMPERATURE)
        return f"packet {self.code:X}: {what} {value if self.payload else ''}".rstrip()


def packet_at(data: bytes, at: int) -> Packet | Trouble:
    """Reads the packet that begins at ``at`` with F0 and a type."""
    code = data[at + 1]
    if length := LENGTHS.get(code):
        stop = at + length
        if stop > len(data):
            return Trouble.INCOMPLETE
        if data[stop - 2 : stop] != TERMINATOR:
            return Trouble.MALFORMED
    else:
        longest = _LONGEST_TEXT if code in (ERROR, INFO) else _LONGEST_UNKNOWN
        end = data.find(TERMINATOR, at + 2, at + 4 + longest)
        if end < 0:
            return Trouble.INCOMPLETE if len(data) < at + 4 + longest else Trouble.MALFORMED
        stop = end + 2
        if code in (ERROR, INFO) and not _is_text(data[at + 2 : end]):
            return Trouble.MALFORMED
    return Packet(code, data[at + 2 : stop - 2], stop)


def _is_text(payload: bytes) -> bool:
    return (
        payload.isascii()
        and payload.replace(b"\0", b"").decode("ascii").strip("\r\n\t").replace("\r\n", " ").isprintable()
    )


def values_of(words: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """The values of sample words by arithmetic, faster than ``VALUES`` for many words.

    A power of 16 is a float32 whose exponent has 4 n subtracted: 16^-n has the bits (127 - 4 n) << 23.

    Args:
        words: uint16, of any shape, the value of each word in its bits; overwritten.

    Returns:
        float32, of the same shape; values of words with n = 15 have no meaning.
    """
    powers = words & np.uint16(0xF000)
    powers >>= np.uint16(3)  # 4 n, where the upper half of a float32 has its exponent
    np.subtract(np.uint16(127 << 7), powers, out=powers)
    bits = powers.astype(np.uint32)
    bits <<= np.uint32(16)
    words &= np.uint16(0xFFF)
    values = words.astype(np.float32)
    values *= bits.view(np.float32)
    return values


def _values() -> npt.NDArray[np.float32]:
    word = np.arange(65536, dtype=np.uint16)
    n, m = (word >> 12).astype(np.int32), (word & 0xFFF).astype(np.float64)
    values = np.where(n < 15, np.ldexp(m, -4 * n), np.nan).astype(np.float32)  # exact: m has 12 bits
    return values[word.byteswap()]


VALUES = _values()
"""Value of every sample word, NaN for words that are not samples, by the two bytes read as a little-endian
number; float32, shape (65536,)."""
