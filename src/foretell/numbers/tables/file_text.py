"""Reads a text file as people have them: compressed or not, in any of the usual encodings."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

from foretell.errors import UserError

_PACKED = {b"\x1f\x8b": ("gzip", gzip.decompress), b"BZh": ("bzip2", bz2.decompress), b"\xfd7zXZ\x00": ("xz", lzma.decompress)}
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
#: Files that are often mistaken for tables of text, by their first bytes.
_OTHERS = {
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"%PDF": "a PDF",
    b"SQLite": "a database",
    b"\x89PNG": "an image",
}
_OTHERS |= {b"ARROW1": "an Arrow file", b"\x28\xb5\x2f\xfd": "a file packed by zstd"}
#: Characters that text does not hold: control characters but for tabs and line ends.
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a")) + b"\x7f"


def read_text(path: Path, encoding: str | None = None) -> tuple[str, str, str]:
    """The text of a file with line ends as "\\n", the name of its encoding, and what packed it ("" for nothing).

    Files packed by gzip, bzip2, xz and zip are unpacked. encoding: None takes the one that a byte-order mark names, else UTF-8, UTF-16
    where every second byte is 0, and Windows-1252 where the bytes are no UTF-8. Errors: UserError for what is no text, and for bytes
    that a given encoding does not have.
    """
    data, packing = _unpacked(path, path.read_bytes())
    found = _encoding(data) if encoding is None else encoding
    try:
        text = data.decode(found)
    except LookupError as error:
        raise UserError(f"--encoding {encoding!r} is no encoding that Python knows; take for example utf-8 or latin-1") from error
    except UnicodeError as error:
        where = "--encoding" if encoding is not None else "its encoding"
        raise UserError(f"{path} is no table in {found} ({error}); correct {where}, or save it as UTF-8") from error
    if any(char in text for char in map(chr, _CONTROL)):
        kind = "NUL bytes" if "\0" in text else "control characters"
        raise UserError(f"{path} holds {kind}, so it is no table of text; export it as comma-separated values in UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff"), found, packing


def _unpacked(path: Path, data: bytes) -> tuple[bytes, str]:
    for magic, what in _OTHERS.items():
        if data.startswith(magic):
            raise UserError(f"{path} is {what}, not a table of text; export it as comma-separated values")
    try:
        for magic, (name, unpack) in _PACKED.items():
            if data.startswith(magic):
                return unpack(data), name
        if data.startswith(b"PK\x03\x04"):
            return _from_zip(path, data), "zip"
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
        raise UserError(f"{path} cannot be unpacked ({error}); it may be cut: copy it again") from error
    return data, ""


def _from_zip(path: Path, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        names = [name for name in packed.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
        if "[Content_Types].xml" in names or "mimetype" in names:
            raise UserError(f"{path} is a spreadsheet; export the sheet as comma-separated values")
        if len(names) != 1:
            raise UserError(f"{path} holds {len(names)} files ({', '.join(names[:3])}); unpack it, and give one of them")
        return packed.read(names[0])


def _encoding(data: bytes) -> str:
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return name
    head = data[: 1 << 16]
    if len(head) > 3 and head.count(0) * 4 > len(head):
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            data.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"  # five bytes have no character in Windows-1252
        return "cp1252"
    return "utf-8"
