"""The sheets of a file as text: every cell as it was written, with the number of its row."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from haidian_eval.tables import guard
from haidian_eval.tables.guard import RefusedError

TOP = 30  # rows in which the header is looked for
BATCH = 50_000
CONTROLS = (*range(9), *range(14, 32))
MARK = re.compile(guard.CLASSIFIED)
MARK_SEEN = f"^[ \u3000\t]*({guard.CLASSIFIED})[ \u3000\t]*$"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its first rows as records, all of its rows as columns of text.

    numbers: the row number of every row. columns: one array per column, all of one length.
    filled, unread: place of a column -> row numbers of its cells that a merged range filled, and
    of its formulas without a stored value. notes: rule -> what was seen.
    """

    name: str
    numbers: np.ndarray
    columns: list[pa.ChunkedArray]
    filled: dict[int, list[int]] = field(default_factory=dict)
    unread: dict[int, list[int]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def top(self) -> list[list[str]]:
        """The first rows, as lists of cells."""
        heads = [column.slice(0, TOP).to_pylist() for column in self.columns]
        return [list(row) for row in zip(*heads, strict=True)]


def read_sheets(path: Path | str) -> list[Sheet]:
    """Return the sheets of a CSV, XLSX or Parquet file; raise RefusedError for a hostile one."""
    kind = guard.refuse_hostile(path)
    path = Path(path)
    if kind == "xlsx":
        from haidian_eval.tables.excel import workbook_sheets

        sheets = workbook_sheets(path)
    elif kind == "parquet":
        sheets = parquet_sheets(path)
    else:
        sheets = sheets_of_text(path.read_bytes() if kind == "csv" else guard.unpacked(path))
    for column in (column for sheet in sheets for column in sheet.columns):
        look_at_cells(column)
        if kind.startswith("csv"):  # whose bytes were looked at
            continue
        if pc.any(pc.match_substring_regex(column, "[\x00-\x08\x0e-\x1f]")).as_py():
            raise RefusedError("refused", "a control character in a cell")
    return sheets


def look_at_cells(column: pa.ChunkedArray) -> None:
    """Refuse a column with a cell that is too long or that is a mark."""
    lengths = pc.binary_length(column)
    long = pc.filter(column, pc.greater(lengths, guard.MOST_SIGNS))
    if (pc.max(pc.utf8_length(long)).as_py() or 0) > guard.MOST_SIGNS:
        raise RefusedError("refused", f"a cell of more than {guard.MOST_SIGNS} letters")
    named = pc.filter(column, pc.match_substring(column, "密"))
    if pc.any(pc.match_substring_regex(named, MARK_SEEN)).as_py():
        raise RefusedError("classified", "a mark in a cell")


def marked(cells: list[str]) -> bool:
    """Tell whether a row of cells holds a mark."""
    known = (unicodedata.normalize("NFKC", cell).strip() for cell in cells if cell)
    return any(map(MARK.fullmatch, known))


def is_utf8(content: bytes) -> bool:
    """Tell whether bytes are strictly UTF-8, a piece at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(content), guard.MEGABYTE):
            decoder.decode(content[start : start + guard.MEGABYTE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def sheets_of_text(content: bytes) -> list[Sheet]:
    """Return the sheet that bytes hold: fast where every line is one row, else cell by cell."""
    if any(bytes([code]) in content for code in CONTROLS):
        raise RefusedError("refused", "a control character")
    if len(content) > guard.MEGABYTE and b"\n" not in content[: guard.MEGABYTE]:
        raise RefusedError("refused", "a first line without end")
    content, notes = content.removeprefix(b"\xef\xbb\xbf"), {}
    if not is_utf8(content):  # strictly first, since GB18030 accepts most of it
        content, notes = content.decode("gb18030").encode(), {"encoding_read": "GB18030"}
    for number, line in enumerate(content[:BATCH].splitlines()[:TOP], 1):
        if marked(line.decode("utf-8", "replace").replace('"', "").split(",")):
            raise RefusedError("classified", f"a mark in row {number}")
    sheet = fast_sheet(content, notes) if b'"' not in content else None
    if sheet is None:  # quoted cells, blank lines or rows of several widths
        reader = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        sheet = sheet_of_rows("", numbered(reader), notes=notes)
    return [sheet]


def fast_sheet(content: bytes, notes: dict[str, str]) -> Sheet | None:
    """Return the sheet of bytes in which every line is a row of one width, else None."""
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    width = content.partition(b"\n")[0].count(b",") + 1
    if content.count(b"\r") != content.count(b"\r\n") or not content or width > guard.MOST_COLUMNS:
        return None
    names = [str(place) for place in range(width)]
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(content),
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            parse_options=pyarrow.csv.ParseOptions(quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    if len(table) != lines:
        return None
    return Sheet("", np.arange(1, lines + 1), table.columns, notes=notes)


def numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV reader, each with the line on which it begins."""
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        if "field larger" in str(error):
            seen = f"an unclosed quote, or a cell of more than {guard.MOST_SIGNS} letters"
            raise RefusedError("refused", f"row {line}: {seen}") from None
        raise csv.Error(f"row {line}: {error}") from None


def sheet_of_rows(name: str, rows: Iterator[tuple[int, list[str]]], **more: Any) -> Sheet:
    """Return a sheet of rows of several widths, taken in batches; a mark stops the reading."""
    numbers: list[np.ndarray] = []
    batches: list[list[pa.Array]] = []
    while batch := list(itertools.islice(rows, BATCH)):
        records = [cells for _, cells in batch]
        for place, cells in enumerate(records):
            if len(cells) > guard.MOST_COLUMNS:
                raise RefusedError("refused", f"{len(cells)} columns in row {batch[place][0]}")
            if (len(cells) < 3 or place < TOP) and marked(cells):
                raise RefusedError("classified", f"a mark in row {batch[place][0]}")
        filled = itertools.zip_longest(*records, fillvalue="")
        batches.append([pa.array(column, pa.large_string()) for column in filled])
        numbers.append(np.array([number for number, _ in batch]))
    width = max(map(len, batches), default=0)
    if width * sum(map(len, numbers)) > guard.MOST_CELLS:
        raise RefusedError("refused", f"more than {guard.MOST_CELLS} cells")
    for batch_number, columns in enumerate(batches):
        blank = pa.array([""] * len(numbers[batch_number]), pa.large_string())
        columns += [blank] * (width - len(columns))
    columns = [pa.chunked_array(parts, pa.large_string()) for parts in zip(*batches, strict=True)]
    rows_at = np.concatenate(numbers) if numbers else np.array([], dtype=int)
    return Sheet(name, rows_at, columns, **more)


def parquet_sheets(path: Path) -> list[Sheet]:
    """Return the one sheet of a Parquet file: its names are the first row, records count from 1."""
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        rows = file.metadata.num_rows
        if len(names) > guard.MOST_COLUMNS or rows * len(names) > guard.MOST_CELLS:
            raise RefusedError("refused", f"{len(names)} columns, {rows} rows")
        look_at_chunks(file.metadata)
        texts = [n for n in names if pa.types.is_string(file.schema_arrow.field(n).type)]
        table = pq.ParquetFile(path, read_dictionary=texts).read()
        columns = [text_column(table.column(name)) for name in names]
    except (pa.ArrowException, OSError) as error:
        raise RefusedError("refused", f"Parquet: {str(error).splitlines()[0]}") from None
    heads = [pa.chunked_array([pa.array([name], pa.large_string()), *c.chunks]) for name, c in
             zip(names, columns, strict=True)]  # fmt: skip
    return [Sheet("", np.arange(table.num_rows + 1), heads)]


def look_at_chunks(metadata: Any) -> None:
    """Refuse a Parquet file that unpacks to too much, in all or for one value."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    if sum(chunk.total_uncompressed_size for chunk in chunks) > guard.MOST_BYTES:
        raise RefusedError("refused", "too much unpacked")
    for chunk in chunks:
        if chunk.total_uncompressed_size > 4 * guard.MOST_SIGNS * (chunk.num_values + 8):
            raise RefusedError("refused", f"a cell of more than {guard.MOST_SIGNS} letters")


def text_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of any type as text; a missing value is a blank."""
    if pa.types.is_dictionary(column.type):
        for chunk in column.chunks:
            look_at_cells(pa.chunked_array([chunk.dictionary]))
            lengths = pc.take(pc.binary_length(chunk.dictionary), chunk.indices)
            if (pc.sum(lengths).as_py() or 0) > guard.MOST_BYTES:
                raise RefusedError("refused", "a column without end")
    try:
        text = pc.cast(column, pa.large_string())
    except pa.ArrowException:
        raise RefusedError("refused", f"a column of type {column.type}") from None
    return pc.fill_null(text, "")
