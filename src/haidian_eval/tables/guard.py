"""Hostile and classified files are refused before anything parses them."""

from __future__ import annotations

import gzip
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import IO

from haidian_eval.errors import TableError

MEGABYTE = 2**20
MOST_BYTES = 400 * MEGABYTE  # of a file as it is, and of a workbook unpacked
MOST_UNPACKED = 100 * MEGABYTE  # of a compressed CSV, and of one part of a workbook but its sheets
MOST_RATIO = 250  # how much smaller an honest part of a workbook gets when it is packed
MOST_PARTS = 2_000
MOST_COLUMNS = 2_000
MOST_SIGNS = 32_767  # in one cell: what a spreadsheet holds
MOST_CELLS = 50_000_000
DEEPEST = 10_000  # elements left open in a piece
SPARSE = 20  # a row number may be this many times the number of rows
EARLY = 100_000  # rows up to here may have gaps
KINDS = {
    ".csv": "csv", ".txt": "csv", ".gz": "csv.gz", ".xlsx": "xlsx", ".xlsm": "xlsx",
    ".parquet": "parquet",
}  # fmt: skip
LEADS = {"xlsx": b"PK\x03\x04", "parquet": b"PAR1", "csv.gz": b"\x1f\x8b"}
GAP = "[ \u3000]*"
WORDS = f"[秘机绝]{GAP}密"
LEVEL = f"密{GAP}级{GAP}"
# A mark stands alone in its cell, perhaps with a star and a term; 商业秘密保护条例 is no mark.
CLASSIFIED = (
    f"({LEVEL}[:：]?{GAP})?({WORDS})([★☆*✩].*|[(（].{{0,12}}[)）])?|{LEVEL}[:：]{GAP}({WORDS}).*"
)
IN_NAME = re.compile(rf"(^|[\s(（\[【_\-.])({WORDS})([\s)）\]】_\-.★☆]|$)")
IN_HEADER = re.compile(rb"<(?:odd|even|first)(?:Header|Footer)>([^<]*)<")
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class RefusedError(TableError):
    """A file is not opened; `rule` is refused or classified, `found` says what was seen."""

    def __init__(self, rule: str, found: str) -> None:
        super().__init__(f"{found} ({rule})")
        self.rule, self.found = rule, found


def refuse_hostile(path: Path | str) -> str:
    """Return the kind of an honest file (csv, csv.gz, xlsx, parquet); raise RefusedError otherwise.

    Nothing is parsed here: names, sizes and bytes are looked at, a piece at a time.
    """
    if ADDRESS.match(str(path)):
        raise RefusedError("refused", "an address; only files of this machine are read")
    if "\0" in str(path):
        raise RefusedError("refused", "a path with a control character")
    path = Path(path)
    if not stat.S_ISREG(path.stat().st_mode):
        raise RefusedError("refused", "not a file")
    if IN_NAME.search(path.name):
        raise RefusedError("classified", "a mark in the file's name")
    kind = KINDS.get(path.suffix.casefold())
    if kind is None or (kind == "csv.gz" and Path(path.stem).suffix.casefold() != ".csv"):
        raise RefusedError("refused", f"the ending {path.suffix or path.name}")
    if path.stat().st_size > MOST_BYTES:
        raise RefusedError("refused", f"{path.stat().st_size // MEGABYTE} MB")
    with path.open("rb") as file:
        look_at_lead(file.read(512), kind)
    if kind == "xlsx":
        look_at_workbook(path)
    return kind


def look_at_lead(lead: bytes, kind: str) -> None:
    """Refuse a file whose first bytes are not of its kind."""
    if kind in LEADS:
        if not lead.startswith(LEADS[kind]):
            old = lead.startswith(b"\xd0\xcf\x11\xe0")
            found = "an old or encrypted Office file" if old else f"no {kind} inside"
            raise RefusedError("refused", found)
    elif lead.startswith((*LEADS.values(), b"\x80", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise RefusedError("refused", "no text inside")


def unpacked(path: Path) -> bytes:
    """Return the content of a compressed CSV up to the cap."""
    content = bytearray()
    try:
        with gzip.open(path) as file:
            while piece := file.read(MEGABYTE):
                content += piece
                if len(content) > MOST_UNPACKED:
                    raise RefusedError("refused", f"over {MOST_UNPACKED // MEGABYTE} MB unpacked")
    except (OSError, EOFError, ValueError) as error:
        raise RefusedError("refused", f"gzip: {error}") from None
    look_at_lead(bytes(content[:512]), "csv")
    return bytes(content)


def look_at_workbook(path: Path) -> None:
    """Refuse a workbook whose parts are too many, too large, or say what no sheet says."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            look_at_parts(parts)
            for part in parts:
                if part.filename.casefold().endswith((".xml", ".rels", ".vml")):
                    with archive.open(part) as stream:
                        look_at_xml(stream, sheet="/worksheets/sheet" in part.filename.casefold())
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as error:
        raise RefusedError("refused", f"zip: {error}") from None


def look_at_parts(parts: list[zipfile.ZipInfo]) -> None:
    """Refuse what the list of contents already tells."""
    if len(parts) > MOST_PARTS:
        raise RefusedError("refused", f"{len(parts)} parts")
    total = sum(part.file_size for part in parts)
    if total > MOST_BYTES:
        raise RefusedError("refused", f"{total // MEGABYTE} MB unpacked")
    for part in parts:
        name, size = part.filename, part.file_size
        if size > MOST_UNPACKED and "/worksheets/" not in name:
            raise RefusedError("refused", f"{name}: {size // MEGABYTE} MB unpacked")
        if size > 10 * MEGABYTE and size > MOST_RATIO * part.compress_size:
            raise RefusedError("refused", f"{name}: packed 1 : {MOST_RATIO} or more")
    if "xl/workbook.xml" not in {part.filename.casefold() for part in parts}:
        raise RefusedError("refused", "no workbook inside")


def pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a stream a megabyte at a time, each piece with the end of the one before."""
    tail = b""
    while piece := stream.read(MEGABYTE):
        yield tail + piece
        tail = piece[-256:]


def look_at_xml(stream: IO[bytes], *, sheet: bool) -> None:
    """Refuse declarations, far cells, endless texts and a mark in the printed header."""
    rows = last = 0
    for number, piece in enumerate(pieces(stream)):
        if number == 0 and (piece[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in piece[:64]):
            raise RefusedError("refused", "XML that is not UTF-8")
        if b"<!DOCTYPE" in piece or b"<!ENTITY" in piece:
            raise RefusedError("refused", "declared entities")
        if piece.count(b"<") - 2 * piece.count(b"</") - piece.count(b"/>") > DEEPEST:
            raise RefusedError("refused", "elements nested without end")
        for start in range(0, len(piece) - 4 * MOST_SIGNS, 4 * MOST_SIGNS):
            if piece.find(b"<", start, start + 4 * MOST_SIGNS) < 0:
                raise RefusedError("refused", "a text without end in one cell")
        for words in IN_HEADER.findall(piece):
            plain = unescape(words.decode("utf-8", "replace"))
            shown = re.sub(r"&[LCRGPNDTFA]|&\"[^\"]*\"|&\d+", " ", plain)
            if re.search(rf"(^|\s|{LEVEL}[:：])({WORDS})", shown):
                raise RefusedError("classified", "a mark in the printed header")
        if sheet:
            for far in filter(beyond, set(re.findall(rb'\br="([A-Z]{3,})\d', piece))):
                raise RefusedError("refused", f"a cell in column {far.decode()}")
            found = re.findall(rb'<row [^>]*?\br="(\d+)"', piece)
            here = piece.count(b"<row")
            if piece.count(b"<c") > MOST_COLUMNS * (here + 1):
                raise RefusedError("refused", "a row of cells without end")
            rows += here
            last = max(last, *map(int, found), 0)
    if last > EARLY and last > SPARSE * rows:
        raise RefusedError("refused", f"a cell in row {last} of {rows} rows")


def beyond(letters: bytes) -> bool:
    """Tell whether a column lies beyond the last one that is read."""
    place = 0
    for letter in letters:
        place = 26 * place + letter - 64
    return place > MOST_COLUMNS
