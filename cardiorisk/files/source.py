"""The bytes of a file or of standard input: what kind it is, unpacked, and as UTF-8.

A byte that is no text in the file's encoding is carried along, and written as it was.
"""

from __future__ import annotations

import codecs
import gzip
import os
import re
import zlib
from collections.abc import Iterator
from io import BufferedReader
from itertools import chain
from pathlib import Path

from cardiorisk.errors import UnusableData

STREAM = Path("-")
"""Standard input or output."""

PIECE_BYTES = 1024 * 1024
"""Also what is looked at before anything is read."""

_SAVE = "open it where it comes from and save it as CSV or Parquet"
_UNPACK = "unpack it, or pack it with gzip"
_KINDS = (
    (rb"PK\x03\x04.{0,64}mimetypeapplication/vnd.oasis", f"an OpenDocument file (.ods): {_SAVE}"),
    (rb"PK\x03\x04.{0,3000}?(?:word|ppt)/", "a Word or PowerPoint file: give its table as CSV"),
    (rb"PK\x03\x04.{0,3000}?(?:\[Content_Types\]|_rels/|xl/)", f"an Excel file (.xlsx): {_SAVE}"),
    (rb"PK[\x03\x05]", f"a zip archive: {_UNPACK}"),
    (rb"\xd0\xcf\x11\xe0", f"an Excel file of the old kind (.xls): {_SAVE}"),
    (rb"%PDF-", "a PDF: ask for the table as CSV, Parquet or a spreadsheet"),
    (rb"\s*<(?:!doctype|html|table|\?xml|head|meta)", f"a web page (HTML or XML): {_SAVE}"),
    (rb"BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!", f"a compressed file: {_UNPACK}"),
    (rb"SQLite format 3|ARROW1|Obj\x01|\x89HDF|\x89PNG|\xff\xd8\xff", f"no table: {_SAVE}"),
    (rb"\s*[{\[]\s*[{\"\[]", f"JSON: {_SAVE}"),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Source:
    """A file that is read once, from its start.

    Attributes:
        length: in bytes, None where it has no end yet.
        has_mark: whether it starts with a byte order mark.
    """

    def __init__(self, file: BufferedReader, encoding: str | None) -> None:
        self._file = file
        self.length = os.fstat(file.fileno()).st_size if file.seekable() else None
        self.is_gzip = file.peek(2).startswith(b"\x1f\x8b")
        pieces = _pieces(gzip.GzipFile(fileobj=file) if self.is_gzip else file)
        head = next(pieces)
        self._pieces = chain([head], pieces)
        self.is_parquet = head.startswith(b"PAR1")
        if not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
            raise UnusableData("the file is empty")
        for start, said in _KINDS:
            if re.match(start, head[:4096], re.DOTALL | re.IGNORECASE):
                raise UnusableData(f"this is {said}")
        if self.is_parquet and (self.is_gzip or self.length is None):
            raise UnusableData("Parquet is read from its end: give it as a plain file")
        self.encoding, self.has_mark = _find_encoding(head, encoding)

    def position(self) -> int:
        """Return how much of the file was read."""
        return self._file.tell() if self.length else 0

    def text(self) -> Iterator[bytes]:
        """Give the text in UTF-8, without its mark, in pieces."""
        decoder = codecs.getincrementaldecoder(self.encoding)(_errors(self.encoding))
        mark = codecs.BOM_UTF8
        for piece in chain(self._pieces, [b""]):
            text = piece
            if self.encoding != "utf-8":
                try:
                    text = decoder.decode(piece, not piece).encode("utf-8", "surrogatepass")
                except UnicodeError as error:
                    raise UnusableData(f"the text is not {self.encoding}: {error}") from error
            yield text.removeprefix(mark)
            mark = b""


def _pieces(file: BufferedReader | gzip.GzipFile) -> Iterator[bytes]:
    """Give all bytes, in pieces of at least ``PIECE_BYTES`` but for the last, maybe empty."""
    more, piece = b"more", b""
    try:
        while more:
            more = file.read1(PIECE_BYTES)  # ``read`` would wait on a pipe, deaf to signals
            piece += more
            if len(piece) >= PIECE_BYTES or not more:
                yield piece
                piece = b""
    except (OSError, EOFError, zlib.error) as error:
        raise UnusableData(f"damaged or cut off, so fetch it again ({error})") from error


def written_back(text: bytes, encoding: str) -> bytes:
    """Return text as ``Source.text`` gave it in the encoding it came from."""
    if encoding == "utf-8":
        return text
    return text.decode("utf-8", "surrogatepass").encode(encoding, _errors(encoding))


def _errors(encoding: str) -> str:
    """Return what carries along that which is no text: half a character, or a byte."""
    return "surrogatepass" if encoding.startswith("utf-") else "surrogateescape"


def _find_encoding(head: bytes, said: str | None) -> tuple[str, bool]:
    named = codecs.lookup(said).name.removesuffix("-sig") if said else ""
    for start, name in _MARKS:
        if head.startswith(start) and name.startswith(named):
            return name, True
    if named:
        return f"{named}-le" if named in {"utf-16", "utf-32"} else named, False
    sample = head[:4096]
    odd, even = sample[1::2].count(0), sample[::2].count(0)
    if max(odd, even) > len(sample) // 5 and min(odd, even) <= len(sample) // 50:
        return ("utf-16-le" if odd > even else "utf-16-be"), False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252", False
    return "utf-8", False
