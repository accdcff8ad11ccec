"""The bytes of a file or of standard input: of what kind, unpacked, in UTF-8, and cut into rows.

A quotation mark that is not closed would take in the rows after it without a word. So a text with
marks is gone through first: one that opens stands at a cell's start, one that closes at its end;
two alone in their cells ("the same") have no row in between. A row that breaks this is one line.
"""

from __future__ import annotations

import codecs
import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardiorisk.errors import UnusableData
from cardiorisk.files.columns import LONGEST_ROW_BYTES

STREAM = Path("-")  # standard input or output
PIECE_BYTES = 1024 * 1024  # also what is looked at before anything is read
LONGEST_CELL_BYTES = 64 * 1024  # between two quotation marks; else nobody closed the first

_CR, _LF = b"\r\n"  # as numbers
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
    def __init__(self, file: BufferedReader, encoding: str | None) -> None:
        self.file = file
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
        # What carries along that which is no text: half a character, or a byte.
        is_wide = self.encoding.startswith(("utf-16", "utf-32"))
        self._errors = "surrogatepass" if is_wide else "surrogateescape"

    def text(self) -> Iterator[bytes]:
        """In UTF-8, without its mark, in pieces."""
        pieces: Iterator[bytes] = chain(self._pieces, [b""])
        if self.encoding != "utf-8":
            pieces = self._decoded(pieces)
        yield next(pieces).removeprefix(codecs.BOM_UTF8)
        yield from pieces

    def _decoded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)(self._errors)
        try:
            for piece in pieces:
                yield decoder.decode(piece, not piece).encode("utf-8", "surrogatepass")
        except UnicodeError as error:
            said = f"not text in {self.encoding}, so say in what: --encoding ({error})"
            raise UnusableData(said) from error

    def written_back(self, text: bytes) -> bytes:
        if self.encoding == "utf-8":
            return text
        return text.decode("utf-8", "surrogatepass").encode(self.encoding, self._errors)


def _pieces(file: BufferedReader | gzip.GzipFile) -> Iterator[bytes]:
    """In pieces of at least ``PIECE_BYTES`` but for the last, which may be empty."""
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


@dataclass(frozen=True)
class Block:
    text: bytes
    first_line: int
    row: re.Pattern[bytes]  # its group "broken" is what has marks that do not match
    has_broken: bool = False

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        signs = np.frombuffer(self.text, np.uint8)
        returns = signs == _CR
        returns[:-1] &= signs[1:] != _LF
        breaks = np.flatnonzero(returns | (signs == _LF))
        if b'"' in self.text:
            starts = np.array([row.start() for row in self.rows], np.int64)
        else:
            starts = np.concatenate([[0], breaks[:-1] + 1])
            starts = starts[~np.isin(signs[starts], (_CR, _LF))]  # empty lines are no rows
        return self.first_line + np.searchsorted(breaks, starts)

    @cached_property
    def rows(self) -> list[re.Match[bytes]]:
        return [row for row in self.row.finditer(self.text) if row[0].strip(b"\r\n")]


class Blocks:
    """Cuts a text into blocks; each ends with the last sign of ``line_end``."""

    def __init__(
        self, separator: str, line_end: str, longest: int = LONGEST_CELL_BYTES, width: int = 0
    ) -> None:
        cut = re.escape(separator).encode()
        lone = rb'(?:%b[^"\r\n]*+[\r\n][^"]*+(?<=[%b\r\n])|[\r\n][^"]*+(?<=%b))"(?=[%b\r\n])'
        lone = rb'(?=(?:[^"%b]*+%b){%d})' % (cut, cut, (width or longest) - 1) + lone % ((cut,) * 4)
        marked = rb'"(?!%b)[^"]{0,%d}+(?:""[^"]{0,%d}+)*+' % (lone, longest, longest)
        cell = rb'(?:%b"(?=[%b\r\n])|[^"%b\r\n][^%b\r\n]*+|(?=[%b\r\n]))' % (marked, *[cut] * 4)
        end = rb"(?:\r\n|\n|\r)"
        self._good_rows = re.compile(rb"(?:(?:%b%b)*+%b%b)*+" % (cell, cut, cell, end))
        row = rb"(?:%b%b)*+(?:%b%b|(?P<broken>[^\r\n]*+)%b)" % (cell, cut, cell, end, end)
        self._row = re.compile(row)
        self._marked = re.compile(marked)
        self._newline = line_end[-1:].encode()

    def cut(self, pieces: Iterable[bytes], line: int) -> Iterator[Block]:
        """Give a block of whole rows a piece; the first line has that number."""
        rest = b""
        for piece in chain(filter(None, pieces), [b""]):
            is_last = not piece
            rest += piece
            if is_last and rest and not rest.endswith(self._newline):
                rest += self._newline
            if block := self._whole_rows(rest, line, is_last=is_last):
                yield block
                text = block.text
                rest = rest[len(text) :]
                line += text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
            if len(rest) > LONGEST_ROW_BYTES:
                raise UnusableData(f"the row that starts on line {line} does not end in 16 MiB")

    def _whole_rows(self, text: bytes, line: int, *, is_last: bool) -> Block | None:
        text = text if is_last else text.removesuffix(b"\r")  # a line feed may follow
        if b'"' not in text:
            end = text.rfind(self._newline) + 1
            return Block(text[:end], line, self._row) if end else None
        end, has_broken = 0, False
        while (good := self._good_rows.match(text, end)) and (end := good.end()) < len(text):
            found = self._row.match(text, end)
            if found is None or not (is_last or self._is_sure(text, found)):
                break
            end, has_broken = found.end(), True
        return Block(text[:end], line, self._row, has_broken) if end else None

    def _is_sure(self, text: bytes, row: re.Match[bytes]) -> bool:
        """Tell whether nothing that may follow the text closes the row's mark."""
        marked = self._marked.match(text, row.start("broken"))
        return marked is None or marked.end() + 1 < len(text)
