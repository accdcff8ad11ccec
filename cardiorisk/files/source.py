"""The bytes of a file or of standard input: what kind it is, unpacked, and as UTF-8.

A byte that is no text in the file's encoding is carried along as one of 128 characters that no
text has (U+10FF80 and on), and is the same byte again where it is written.
"""

from __future__ import annotations

import codecs
import gzip
import re
import sys
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
    (
        rb"PK\x03\x04.{0,3000}?(?:word|ppt)/",
        "a Word or PowerPoint file: copy its table into a spreadsheet, and save that as CSV",
    ),
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
_CARRIED = re.compile(rb"\xf4\x8f[\xbe\xbf][\x80-\xbf]")
_KEEPING = "cardiorisk.keep"
_FIRST_KEPT, _UNKNOWN = 0x10FF80, ord("?")


def _keep(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        kept = error.object[error.start : error.end]
        return "".join(chr(0x10FF00 + byte) for byte in kept), error.end
    if isinstance(error, UnicodeEncodeError):
        signs = map(ord, error.object[error.start : error.end])
        return bytes(sign & 0xFF if sign >= _FIRST_KEPT else _UNKNOWN for sign in signs), error.end
    raise error


class Source:
    """A file that is read once, from its start.

    Attributes:
        length: in bytes, None for what is no regular file.
        is_gzip: whether it is unpacked on the way.
        encoding: of its text, and whether a byte order mark says so.
    """

    def __init__(self, path: Path) -> None:
        codecs.register_error(_KEEPING, _keep)
        is_stream = path == STREAM
        self._file = open(  # noqa: SIM115 - a path or a descriptor; closed by `close`
            sys.stdin.fileno() if is_stream else path, "rb", closefd=not is_stream
        )
        self.length = None if is_stream or not path.is_file() else path.stat().st_size

    def find_out(self, encoding: str | None) -> None:
        """Look at the first bytes; the encoding is the one that was said, if any."""
        self.is_gzip = self._file.peek(2).startswith(b"\x1f\x8b")
        pieces = _pieces(gzip.GzipFile(fileobj=self._file) if self.is_gzip else self._file)
        head = next(pieces, b"")
        self._pieces = chain([head], pieces)
        self.is_parquet = head.startswith(b"PAR1")
        self._refuse_kinds(head)
        self.encoding, self.has_mark = _find_encoding(head, encoding)

    def position(self) -> int:
        """Return how much of the file was read."""
        return 0 if self.length is None else self._file.tell()

    def close(self) -> None:
        self._file.close()

    def text(self) -> Iterator[bytes]:
        """Give the text in UTF-8, without its mark, in pieces."""
        decoder = codecs.getincrementaldecoder(self.encoding)(_KEEPING)
        mark = "\ufeff"
        for piece in self._pieces:
            text = decoder.decode(piece)
            if text:
                yield text.removeprefix(mark).encode()
                mark = ""
        yield decoder.decode(b"", True).encode()  # noqa: FBT003 - the codec's signature

    def _refuse_kinds(self, head: bytes) -> None:
        if not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
            raise UnusableData("the file is empty")
        for start, said in _KINDS:
            if re.match(start, head[:4096], re.DOTALL | re.IGNORECASE):
                raise UnusableData(f"this is {said}")
        if self.is_parquet and (self.length is None or self.is_gzip):
            raise UnusableData("Parquet is read from its end: give it as a plain file")


def _pieces(file: BufferedReader | gzip.GzipFile) -> Iterator[bytes]:
    """Give all bytes, in pieces of at least ``PIECE_BYTES`` but for the last.

    ``read1``, as ``read`` asks a pipe again and again without a look at signals.
    """
    piece = b""
    try:
        while more := file.read1(PIECE_BYTES):
            piece += more
            if len(piece) >= PIECE_BYTES:
                yield piece
                piece = b""
    except EOFError as error:
        raise UnusableData("the gzip file is cut off; fetch it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnusableData(f"the gzip file is damaged ({error})") from error
    if piece:
        yield piece


def written_back(text: bytes, encoding: str) -> bytes:
    """Return text as ``Source.text`` gave it in the encoding it came from."""
    if encoding != "utf-8":
        return text.decode().encode(encoding, _KEEPING)
    if b"\xf4\x8f" in text:
        return _CARRIED.sub(lambda found: bytes([ord(found[0].decode()) & 0xFF]), text)
    return text


def _find_encoding(head: bytes, said: str | None) -> tuple[str, bool]:
    mark = next((name for start, name in _MARKS if head.startswith(start)), None)
    if said is not None:
        named = codecs.lookup(said).name.removesuffix("-sig")
        if mark is not None and mark.startswith(named):
            return mark, True
        return (f"{named}-le" if named in {"utf-16", "utf-32"} else named), False
    if mark is not None:
        return mark, True
    sample = head[:4096]
    odd, even = sample[1::2].count(0), sample[::2].count(0)
    if max(odd, even) > len(sample) // 5 and min(odd, even) <= len(sample) // 50:
        return ("utf-16-le" if odd > even else "utf-16-be"), False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252", False
    return "utf-8", False
