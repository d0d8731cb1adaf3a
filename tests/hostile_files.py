"""Files that a reader must survive: bombs, lies, code, marks of secrecy; and honest look-alikes.

`python tests/hostile_files.py` reads each in a child of its own and prints what became of it.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

LIMIT = 4 * 1024**3  # address space that a child gets on top of its parent's
PATIENCE = 30.0  # seconds until a child is ended
SECRET = "七号工程进度甲乙丙丁"  # stands after a mark; must be seen nowhere
CONTRACT = """
[small]
zh = "小表"
en = "Small table"
about = { zh = "一行为一个对象。", en = "One row is a thing." }
key = ["thing_id"]
[small.columns]
thing_id = { is = "id!", zh = "编号", en = "Thing id" }
name = { is = "text", zh = "名称", en = "Name" }
value = { is = "number", zh = "数值", en = "Value" }
"""
HEADER = "thing_id,name,value\n"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KINDS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'

Made = Path | str


@dataclass(frozen=True)
class Hostile:
    """How a hostile file is made and which rules may refuse it.

    rules: those of which one must stop the file; none: any. read: the file may also be read.
    masked: the text that may appear nowhere in the defects.
    """

    make: Callable[[Path], Made]
    rules: tuple[str, ...] = ("refused",)
    read: bool = False
    masked: str = ""


@dataclass(frozen=True)
class Benign:
    """How an honest file is made and how many rows of it count."""

    make: Callable[[Path], Made]
    rows: int
    noted: str = ""  # pattern of a word that must be noted


# --- workbooks -------------------------------------------------------------------------------


def inline(reference: str, text: str) -> str:
    """Return a cell with its text in place."""
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def number(reference: str, value: float) -> str:
    """Return a number cell."""
    return f'<c r="{reference}"><v>{value}</v></c>'


def header(row: int = 1) -> str:
    """Return the header of the small table."""
    names = zip("ABC", ("thing_id", "name", "value"), strict=True)
    return f'<row r="{row}">' + "".join(inline(f"{c}{row}", n) for c, n in names) + "</row>"


def row(place: int, name: str = "甲", thing: str = "") -> str:
    """Return a row of the small table."""
    cells = inline(f"A{place}", thing or f"T{place}") + inline(f"B{place}", name)
    return f'<row r="{place}">{cells}{number(f"C{place}", 1.5)}</row>'


def sheet(data: str, *, before: str = "", after: str = "", top: str = DECLARED) -> str:
    """Return the XML of a sheet."""
    body = f"{before}<sheetData>{data}</sheetData>{after}"
    return f'{top}<worksheet xmlns="{MAIN}" xmlns:r="{LINKS}">{body}</worksheet>'


def small_sheet(**around: str) -> str:
    """Return a sheet with the small table in two rows."""
    return sheet(header() + row(2) + row(3, "乙"), **around)


def parts_of(
    sheets: Mapping[str, str | bytes], *, states: Mapping[str, str] | None = None
) -> dict[str, str | bytes]:
    """Return the parts of a workbook with these sheets (name -> XML)."""
    listed, linked, kinds = [], [], []
    for i, name in enumerate(sheets, start=1):
        state = f' state="{states[name]}"' if states and name in states else ""
        listed.append(f'<sheet name="{name}" sheetId="{i}"{state} r:id="rId{i}"/>')
        linked.append(
            f'<Relationship Id="rId{i}" Type="{LINKS}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        )
        kinds.append(
            f'<Override PartName="/xl/worksheets/sheet{i}.xml" '
            f'ContentType="{KINDS}.worksheet+xml"/>'
        )
    relations = f'{DECLARED}<Relationships xmlns="{PACKAGE}/relationships">'
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f'{DECLARED}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{KINDS}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{KINDS}.styles+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{KINDS}.sharedStrings+xml"/>'
        f"{''.join(kinds)}</Types>",
        "_rels/.rels": f'{relations}<Relationship Id="rId1" Type="{LINKS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{DECLARED}<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">'
        f"<sheets>{''.join(listed)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"{relations}{''.join(linked)}"
        f'<Relationship Id="rIdS" Type="{LINKS}/styles" Target="styles.xml"/>'
        f'<Relationship Id="rIdT" Type="{LINKS}/sharedStrings" Target="sharedStrings.xml"/>'
        "</Relationships>",
        "xl/styles.xml": styles(),
        "xl/sharedStrings.xml": shared(["甲", "乙"]),
    }
    return parts | {f"xl/worksheets/sheet{i}.xml": x for i, x in enumerate(sheets.values(), 1)}


def styles(top: str = DECLARED, name: str = "Calibri") -> str:
    """Return the XML of a workbook's styles."""
    return (
        f'{top}<styleSheet xmlns="{MAIN}">'
        f'<fonts count="1"><font><name val="{name}"/></font></fonts>'
        '<fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="1"><xf/></cellXfs><cellStyles count="1">'
        '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def shared(texts: list[str], top: str = DECLARED) -> str:
    """Return the XML of shared strings."""
    items = "".join(f"<si><t>{text}</t></si>" for text in texts)
    return f'{top}<sst xmlns="{MAIN}" count="{len(texts)}" uniqueCount="{len(texts)}">{items}</sst>'


def pack(
    path: Path, parts: Mapping[str, str | bytes | Iterator[bytes]], name: str = "a.xlsx"
) -> Path:
    """Write parts into a zip file; a part may come in pieces."""
    target = path / name
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, content in parts.items():
            pieces: Any = content
            if isinstance(content, str):
                pieces = [content.encode()]
            elif isinstance(content, bytes):
                pieces = [content]
            with archive.open(part, "w", force_zip64=True) as file:
                for piece in pieces:
                    file.write(piece)
    return target


def book(
    path: Path, xml: str | bytes | Iterator[bytes], name: str = "a.xlsx", **parts: Any
) -> Path:
    """Write a workbook with one sheet; `parts` by their place, xl__styles for xl/styles.xml."""
    named = {f"{k.replace('__', '/')}.xml": v for k, v in parts.items()}
    return pack(path, parts_of({"Sheet1": ""}) | {"xl/worksheets/sheet1.xml": xml} | named, name)


def pieces(first: str, middle: str, times: int, last: str) -> Iterator[bytes]:
    """Yield a text with a middle repeated many times, a million characters at once."""
    yield first.encode()
    chunk = max(1, 1_000_000 // len(middle))
    for _ in range(times // chunk):
        yield (middle * chunk).encode()
    yield (middle * (times % chunk)).encode()
    yield last.encode()


def split_at(xml: str) -> tuple[str, str]:
    """Return the parts of a text before and after the character @."""
    before, _, after = xml.partition("@")
    return before, after


def bomb_cell(path: Path) -> Path:
    return book(path, pieces(*around(sheet(header() + row(2, "@")), "a", 400_000_000)))


def around(xml: str, middle: str, times: int) -> tuple[str, str, int, str]:
    before, after = split_at(xml)
    return before, middle, times, after


def bomb_strings(path: Path) -> Path:
    strings = pieces(*around(shared(["@"]), "</t></si><si><t>aaaaaaaaaaaaaaaa", 10_000_000))
    return book(path, small_sheet(), xl__sharedStrings=strings)


def bomb_rows(path: Path) -> Path:
    """Three hundred megabytes of empty cells without a reference."""
    return book(path, pieces(*around(sheet(header() + "<row>@</row>"), "<c/>", 75_000_000)))


def bomb_styles(path: Path) -> Path:
    return book(path, small_sheet(), xl__styles=pieces(*around(styles(name="@"), "x", 300_000_000)))


def bomb_attribute(path: Path) -> Path:
    xml = sheet(header() + row(2), before='<sheetPr codeName="@"/>')
    return book(path, pieces(*around(xml, "x", 300_000_000)))


def bomb_unused_part(path: Path) -> Path:
    """The bomb lies beside the table, in a part that nothing names."""
    parts: dict[str, Any] = dict(parts_of({"Sheet1": small_sheet()}))
    return pack(path, parts | {"xl/media/image1.bin": pieces("", "\0", 1_000_000_000, "")})


def many_entries(path: Path) -> Path:
    parts = parts_of({"Sheet1": small_sheet()})
    with zipfile.ZipFile(path / "a.xlsx", "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
        for i in range(60_000):
            archive.writestr(zipfile.ZipInfo(f"xl/media/{i}"), b"")
    return path / "a.xlsx"


def overlapping(path: Path) -> Path:
    """A thousand sheets that share the same compressed bytes: 10 MB each, 10 GB in all."""
    kernel = small_sheet().encode() + b" " * 10_000_000
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(kernel) + packer.flush()
    names = [f"xl/worksheets/sheet{i}.xml" for i in range(1, 1001)]
    parts = parts_of(dict.fromkeys((f"S{i}" for i in range(1, 1001)), ""))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for part, content in parts.items():
            if part not in names:
                archive.writestr(part, content)
    raw = stream.getvalue()
    end = raw.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack("<HII", raw[end + 10 : end + 20])
    sizes = (zlib.crc32(kernel), len(packed), len(kernel))
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, *sizes, 24, 0)
    data = raw[:start] + local + names[0].ljust(24, "x").encode() + packed
    central = raw[start : start + size]
    for name in names:
        fixed = struct.pack(
            "<4s6H3I5H2I",
            b"PK\x01\x02",
            20,
            20,
            0,
            8,
            0,
            33,
            *sizes,
            len(name),
            0,
            0,
            0,
            0,
            0,
            start,
        )
        central += fixed + name.encode()
    total = count + len(names)
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, total, total, len(central), len(data), 0)
    (path / "a.xlsx").write_bytes(data + central + tail)
    return path / "a.xlsx"


def lying_size(path: Path) -> Path:
    """The directory says 1,000 bytes; the sheet inflates to 300 MB."""
    target = book(path, pieces(*around(sheet(header() + row(2, "@")), "a", 300_000_000)))
    raw = bytearray(target.read_bytes())
    name = b"xl/worksheets/sheet1.xml"
    entry = raw.rindex(name)  # in the central directory
    size_at = entry - 46 + 24
    raw[size_at : size_at + 4] = struct.pack("<I", 1000)
    target.write_bytes(bytes(raw))
    return target


def zip_in_zip(path: Path) -> Path:
    """A workbook that holds only another workbook."""
    inner = bomb_cell(path).read_bytes()
    return pack(path, {"xl/a.xlsx": inner, "a.xlsx": inner}, "nested.xlsx")


def many_sheets(path: Path) -> Path:
    return pack(path, parts_of({f"S{i}": small_sheet() for i in range(5_000)}))


def far_cell(path: Path) -> Path:
    last = f'<row r="1048576">{number("XFD1048576", 1)}</row>'
    return book(path, sheet(header() + row(2) + last))


def far_row(path: Path) -> Path:
    return book(path, sheet(header() + row(2) + row(1048576)))


def far_row_without_cells(path: Path) -> Path:
    """The number of the row is far; the cells have no references."""
    cells = '<row r="1048576"><c t="inlineStr"><is><t>T9</t></is></c></row>'
    return book(path, sheet(header() + row(2) + cells))


def far_column(path: Path) -> Path:
    last = f'<row r="3">{inline("A3", "T3")}{number("XFD3", 1)}</row>'
    return book(path, sheet(header() + row(2) + last))


def beyond_excel(path: Path) -> Path:
    return book(path, sheet(header() + f'<row r="2">{number("ZZZZZZ99999999999", 1)}</row>'))


def negative_row(path: Path) -> Path:
    return book(path, sheet(header() + f'<row r="-5">{number("A-5", 1)}</row>' + row(2)))


def lying_dimension(path: Path) -> Path:
    return book(path, small_sheet(before='<dimension ref="A1:XFD1048576"/>'))


def small_dimension_far_cell(path: Path) -> Path:
    last = f'<row r="1048576">{number("XFD1048576", 1)}</row>'
    return book(path, sheet(header() + last, before='<dimension ref="A1:C2"/>'))


def merge_bomb(path: Path) -> Path:
    after = '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    return book(path, small_sheet(after=after))


def many_merges(path: Path) -> Path:
    ranges = '<mergeCell ref="A2:C900000"/>' * 200_000
    return book(path, small_sheet(after=f"<mergeCells>{ranges}</mergeCells>"))


def many_columns(path: Path) -> Path:
    cells = "".join(f'<c t="inlineStr"><is><t>c{i}</t></is></c>' for i in range(100_000))
    return book(path, sheet(f'<row r="1">{cells}</row>' + row(2)))


def long_cell(path: Path) -> Path:
    return book(path, sheet(header() + row(2, "长" * 5_000_000)))


def long_shared_string(path: Path) -> Path:
    cell = '<row r="2"><c r="A2" t="s"><v>0</v></c></row>'
    return book(path, sheet(header() + cell), xl__sharedStrings=shared(["a" * 5_000_000]))


def long_number(path: Path) -> Path:
    cell = f'<row r="2">{inline("A2", "T2")}<c r="C2"><v>{"9" * 5_000_000}</v></c></row>'
    return book(path, sheet(header() + cell))


def deep_nesting(path: Path) -> Path:
    depth = 300_000
    return book(path, small_sheet(before="<x>" * depth + "</x>" * depth))


def raw_nul_in_xml(path: Path) -> Path:
    return book(path, small_sheet().replace("乙", "乙\0丙"))


def escaped_nul(path: Path) -> Path:
    return book(path, small_sheet().replace("乙", "乙_x0000_丙"))


# --- entities --------------------------------------------------------------------------------


def laughs(root: str) -> str:
    """Return a document type in which an entity grows to a thousand million."""
    names = "abcdefghij"
    grown = "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in pairwise(names))
    return f'{DECLARED}<!DOCTYPE {root} [<!ENTITY a "lollollol">{grown}]>'


def outside(root: str, target: str = "file:///etc/hostname") -> str:
    """Return a document type with an entity outside the file."""
    return f'{DECLARED}<!DOCTYPE {root} [<!ENTITY e SYSTEM "{target}">]>'


def billion_laughs(path: Path) -> Path:
    return book(path, sheet(header() + row(2, "&j;"), top=laughs("worksheet")))


def quadratic_entity(path: Path) -> Path:
    top = f'{DECLARED}<!DOCTYPE worksheet [<!ENTITY a "{"x" * 50_000}">]>'
    return book(path, sheet(header() + row(2, "&a;" * 10_000), top=top))


def external_entity(path: Path) -> Path:
    return book(path, sheet(header() + row(2, "&e;"), top=outside("worksheet")))


def external_dtd(path: Path) -> Path:
    top = f'{DECLARED}<!DOCTYPE worksheet SYSTEM "http://127.0.0.1:9/a.dtd">'
    return book(path, small_sheet(top=top))


def parameter_entity(path: Path) -> Path:
    top = f'{DECLARED}<!DOCTYPE worksheet [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>'
    return book(path, small_sheet(top=top))


def dtd_utf16(path: Path) -> Path:
    top = outside("worksheet").replace("UTF-8", "UTF-16")
    return book(path, sheet(header() + row(2, "&e;"), top=top).encode("utf-16"))


def dtd_utf16_big_endian_strings(path: Path) -> Path:
    top = laughs("sst").replace("UTF-8", "UTF-16")
    strings = b"\xfe\xff" + shared(["&j;"], top).encode("utf-16-be")
    return book(path, small_sheet(), xl__sharedStrings=strings)


def dtd_far_down(path: Path) -> Path:
    """The document type stands behind a long comment."""
    top = outside("worksheet").replace("<!DOCTYPE", f"<!--{'x' * 100_000}--><!DOCTYPE")
    return book(path, sheet(header() + row(2, "&e;"), top=top))


def dtd_in_strings(path: Path) -> Path:
    return book(path, small_sheet(), xl__sharedStrings=shared(["&j;"], laughs("sst")))


def dtd_in_styles(path: Path) -> Path:
    return book(path, small_sheet(), xl__styles=styles(laughs("styleSheet"), "&j;"))


def dtd_in_workbook(path: Path) -> Path:
    parts = parts_of({"Sheet1": small_sheet()})
    xml = str(parts["xl/workbook.xml"]).replace(DECLARED, laughs("workbook"))
    return pack(path, parts | {"xl/workbook.xml": xml.replace('"Sheet1"', '"&j;"')})


def dtd_in_content_types(path: Path) -> Path:
    parts = parts_of({"Sheet1": small_sheet()})
    xml = str(parts["[Content_Types].xml"]).replace(DECLARED, laughs("Types"))
    return pack(path, parts | {"[Content_Types].xml": xml})


def dtd_in_relations(path: Path) -> Path:
    parts = parts_of({"Sheet1": small_sheet()})
    place = "xl/_rels/workbook.xml.rels"
    xml = str(parts[place]).replace(DECLARED, outside("Relationships"))
    return pack(path, parts | {place: xml})


# --- text files ------------------------------------------------------------------------------


def text(path: Path, content: str | bytes, name: str = "small.csv") -> Path:
    """Write a file."""
    raw = content.encode() if isinstance(content, str) else content
    (path / name).write_bytes(raw)
    return path / name


def nul_csv(path: Path) -> Path:
    return text(path, HEADER + "T1,甲\0乙,1\n")


def nul_far_down(path: Path) -> Path:
    lines = "".join(f"T{i},甲,1\n" for i in range(100_000))
    return text(path, HEADER + lines + "X,\0,1\n")


def utf16_csv(path: Path) -> Path:
    return text(path, (HEADER + "T1,甲,1\n").encode("utf-16"))


def many_columns_csv(path: Path) -> Path:
    names = ",".join(f"c{i}" for i in range(100_000))
    return text(path, f"{names}\n{'1,' * 99_999}1\n")


def wide_row_csv(path: Path) -> Path:
    """The header is honest; one row has 100,000 cells."""
    return text(path, f"{HEADER}T1,甲,1\nT2,乙,{'1,' * 100_000}1\n")


def long_cell_csv(path: Path) -> Path:
    return text(path, f"{HEADER}T1,{'长' * 5_000_000},1\n")


def long_quoted_cell_csv(path: Path) -> Path:
    return text(path, HEADER + 'T1,"' + "行\n" * 2_000_000 + '",1\n')


def one_long_line(path: Path) -> Path:
    return text(path, "a" * 50_000_000)


def unclosed_quote(path: Path) -> Path:
    return text(path, HEADER + 'T1,"甲,1\n' + "T2,乙,2\n" * 1_000_000)


def many_quotes(path: Path) -> Path:
    return text(path, HEADER + 'T1,"甲"",1\n' * 1_000_001)


def gzip_bomb(path: Path) -> Path:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with (path / "small.csv.gz").open("wb") as file:
        file.write(packer.compress(HEADER.encode()))
        line = "T1,甲,1\n".encode() * 10_000
        for _ in range(300_000_000 // len(line)):
            file.write(packer.compress(line))
        file.write(packer.flush())
    return path / "small.csv.gz"


def gzip_of_gzip(path: Path) -> Path:
    return text(path, gzip.compress(gzip_bomb(path).read_bytes()), "double.csv.gz")


def gzip_lying_size(path: Path) -> Path:
    """The trailer says that ten bytes come out."""
    raw = gzip_bomb(path).read_bytes()
    return text(path, raw[:-4] + struct.pack("<I", 10), "lying.csv.gz")


def gzip_many_members(path: Path) -> Path:
    member = gzip.compress(HEADER.encode() + "T1,甲,1\n".encode() * 2_000_000)
    return text(path, member * 30, "members.csv.gz")


def truncated_gzip(path: Path) -> Path:
    raw = gzip.compress((HEADER + "T1,甲,1\n" * 1000).encode())
    return text(path, raw[: len(raw) // 2], "cut.csv.gz")


def gzip_named_csv(path: Path) -> Path:
    return text(path, gzip.compress((HEADER + "T1,甲,1\n").encode()))


def bytes_that_are_no_text(path: Path) -> Path:
    return text(path, HEADER.encode() + b"T1,\xff\xff\xfe\x80,1\n" * 100)


# --- other kinds of files --------------------------------------------------------------------


class Opened:
    """Writes a file when it is unpickled: whoever reads a pickle runs its code."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.mark, "code ran")


def pickled(path: Path, name: str) -> Path:
    return text(path, pickle.dumps(Opened(path / "ran.txt")), name)


def truncated_zip(path: Path) -> Path:
    raw = book(path, small_sheet()).read_bytes()
    return text(path, raw[: len(raw) // 2], "a.xlsx")


def damaged_zip(path: Path) -> Path:
    """One byte of the sheet's compressed content is another."""
    raw = bytearray(book(path, sheet(header() + "".join(map(row, range(2, 500))))).read_bytes())
    raw[raw.index(b"xl/worksheets/sheet1.xml") + 200] ^= 255
    return text(path, bytes(raw), "a.xlsx")


def encrypted(path: Path) -> Path:
    """An OLE file with the stream of an encrypted workbook, as Excel saves one with a password."""
    directory = "EncryptedPackage".encode("utf-16-le").ljust(128, b"\0")
    return text(path, ole() + directory * 8, "a.xlsx")


def ole() -> bytes:
    """Return the head of an OLE file."""
    head = (
        bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH", 62, 3, 65534, 9, 6)
    )
    return head.ljust(512, b"\xff")


def old_xls(path: Path) -> Path:
    return text(path, ole() + "Workbook".encode("utf-16-le").ljust(4096, b"\0"), "a.xls")


def encrypted_zip_entry(path: Path) -> Path:
    """The flag of an encrypted entry is set in the zip file."""
    target = book(path, small_sheet())
    raw = bytearray(target.read_bytes())
    name = b"xl/worksheets/sheet1.xml"
    raw[raw.index(name) - 30 + 6] |= 1
    raw[raw.rindex(name) - 46 + 8] |= 1
    target.write_bytes(bytes(raw))
    return target


def zip_without_workbook(path: Path) -> Path:
    return pack(path, {"readme.txt": "nothing"})


def binary_workbook(path: Path) -> Path:
    parts = {"[Content_Types].xml": f'{DECLARED}<Types xmlns="{PACKAGE}/content-types"/>'}
    return pack(path, parts | {"xl/workbook.bin": "x"}, "a.xlsb")


def open_document(path: Path) -> Path:
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return pack(path, {"mimetype": kind, "content.xml": "<x/>"}, "a.ods")


def empty_file(path: Path, name: str) -> Path:
    return text(path, b"", name)


def html(path: Path, name: str) -> Path:
    page = "<html><body><table><tr><td>thing_id</td><td>value</td></tr></table></body></html>"
    return text(path, page, name)


def pdf(path: Path) -> Path:
    return text(path, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "a.csv")


def parquet(path: Path, table: pa.Table, name: str = "a.parquet", **options: Any) -> Path:
    pq.write_table(table, path / name, **options)
    return path / name


def parquet_repeated(path: Path) -> Path:
    """Thirty million rows of one value: a few kilobytes on disc, gigabytes as text."""
    one = pa.DictionaryArray.from_arrays(
        pa.array([0] * 1_000_000, pa.int32()), pa.array(["同一个很长的值" * 20])
    )
    schema = pa.schema([(n, one.type) for n in ("thing_id", "name", "value")])
    with pq.ParquetWriter(path / "a.parquet", schema) as writer:
        for _ in range(30):
            writer.write_table(pa.table([one] * 3, schema=schema))
    return path / "a.parquet"


def parquet_long_cell(path: Path) -> Path:
    cells = {"thing_id": ["T1"], "name": ["长" * 5_000_000], "value": ["1"]}
    return parquet(path, pa.table(cells))


def parquet_bomb_page(path: Path) -> Path:
    """One page of 400 MB that compresses to a few kilobytes."""
    cells = {"thing_id": ["T1"], "name": ["a" * 400_000_000], "value": ["1"]}
    plain: dict[str, Any] = {"use_dictionary": False, "write_statistics": False}
    return parquet(path, pa.table(cells), compression="zstd", **plain)


def parquet_truncated(path: Path) -> Path:
    cells = {"thing_id": [f"T{i}" for i in range(1000)]}
    raw = parquet(path, pa.table(cells)).read_bytes()
    return text(path, raw[: len(raw) // 2], "a.parquet")


def parquet_lying_footer(path: Path) -> Path:
    """The footer is said to be longer than the file."""
    raw = parquet(path, pa.table({"thing_id": ["T1"]})).read_bytes()
    return text(path, raw[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1", "a.parquet")


def parquet_damaged_footer(path: Path) -> Path:
    raw = bytearray(parquet(path, pa.table({"thing_id": ["T1"] * 50})).read_bytes())
    for place in range(len(raw) - 200, len(raw) - 40, 7):
        raw[place] ^= 255
    return text(path, bytes(raw), "a.parquet")


def parquet_wide(path: Path) -> Path:
    return parquet(path, pa.table({f"c{i}": ["1"] for i in range(5_000)}))


def parquet_nested(path: Path) -> Path:
    cells = {"thing_id": ["T1"], "name": [[{"a": ["b"]}]], "value": [1.0]}
    return parquet(path, pa.table(cells))


def parquet_nul(path: Path) -> Path:
    return parquet(path, pa.table({"thing_id": ["T1"], "name": ["甲\0乙"], "value": ["1"]}))


# --- paths -----------------------------------------------------------------------------------


def folder_named_csv(path: Path) -> Path:
    (path / "small.csv").mkdir()
    return path / "small.csv"


def endless_device(path: Path) -> Path:
    (path / "small.csv").symlink_to("/dev/zero")
    return path / "small.csv"


def pipe(path: Path) -> Path:
    os.mkfifo(path / "small.csv")
    return path / "small.csv"


def file_address(path: Path) -> str:
    return "file://" + str(text(path, HEADER + "T1,甲,1\n"))


# --- marks of secrecy ------------------------------------------------------------------------


def marked_csv(mark: str) -> Callable[[Path], Path]:
    """Return a maker: the mark in a cell of its own above the table."""
    return lambda path: text(path, f"{mark},,\n{HEADER}T1,{SECRET},1\n")


def marked_in_a_row(path: Path) -> Path:
    lines = "".join(f"T{i},甲,1\n" for i in range(5_000))
    return text(path, f"{HEADER}{lines}T5000,机密★1年,1\nT5001,{SECRET},1\nT5002,{SECRET},xx\n")


def marked_name(path: Path) -> Path:
    return text(path, f"{HEADER}T1,{SECRET},{SECRET}\n", "reports_机密.csv")


def marked_name_xlsx(path: Path) -> Path:
    return book(path, sheet(header() + row(2, SECRET)), "【秘密】汇总.xlsx")


def marked_print(tag: str, mark: str) -> Callable[[Path], Path]:
    """Return a maker: the mark in the header or footer of the printed page."""
    after = f"<headerFooter><{tag}>&amp;L&amp;14{mark}&amp;C第 &amp;P 页</{tag}></headerFooter>"
    return lambda path: book(path, sheet(header() + row(2, SECRET), after=after))


def marked_sheet_name(path: Path) -> Path:
    return pack(path, parts_of({"机密": sheet(header() + row(2, SECRET))}))


def marked_cell_xlsx(path: Path) -> Path:
    mark = f'<row r="1">{inline("C1", "绝密★长期")}</row>'
    return book(path, sheet(mark + header(2) + row(3, SECRET)))


def marked_shared_string(path: Path) -> Path:
    mark = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    strings = shared(["密级：秘密", SECRET])
    return book(path, sheet(mark + header(2) + row(3, SECRET)), xl__sharedStrings=strings)


def marked_rich_text(path: Path) -> Path:
    """The mark is written in two pieces with different fonts."""
    mark = '<row r="1"><c r="A1" t="inlineStr"><is><r><t>机</t></r><r><t>密</t></r></is></c></row>'
    return book(path, sheet(mark + header(2) + row(3, SECRET)))


def marked_hidden_sheet(path: Path) -> Path:
    mark = f'<row r="1">{inline("A1", "机密")}</row><row r="2">{inline("A2", SECRET)}</row>'
    parts = parts_of({"Sheet1": small_sheet(), "Sheet2": sheet(mark)}, states={"Sheet2": "hidden"})
    return pack(path, parts)


def marked_parquet(path: Path) -> Path:
    cells = {"thing_id": ["T1", "T2"], "name": ["机密", SECRET], "value": ["1", SECRET]}
    return parquet(path, pa.table(cells))


def marked_gzip(path: Path) -> Path:
    return text(path, gzip.compress(f"绝密\n{HEADER}T1,{SECRET},1\n".encode()), "a.csv.gz")


def marked_gb18030(path: Path) -> Path:
    return text(path, f"机密★5年,,\n{HEADER}T1,{SECRET},1\n".encode("gb18030"))


# --- what slows a reader down ----------------------------------------------------------------


def slow_cells(cell: str, times: int = 200) -> Callable[[Path], Path]:
    """Return a maker: cells on which a careless pattern takes for ever."""
    lines = "".join(f'T{i},"{cell}","{cell}"\n' for i in range(times))
    return lambda path: text(path, HEADER + lines)


# --- honest files ----------------------------------------------------------------------------


def honest_words(path: Path) -> Path:
    words = (
        "商业秘密保护条例", "保守国家秘密法宣传", "机密级打印机采购", "无秘密可言",
        "绝密飞行（电影）", "非密", "公开", "涉密人员培训", "密级评定办法",
    )  # fmt: skip
    lines = "".join(f"T{i},{word},{i}\n" for i, word in enumerate(words))
    return text(path, HEADER + lines)


def honest_repetition(path: Path) -> Path:
    """Fifty thousand rows that differ only in their number: they compress to a fortieth."""
    rows = (row(i, "海淀区人民政府办公室关于印发通知") for i in range(2, 50_002))
    return book(path, sheet(header() + "".join(rows)))


def honest_width(path: Path) -> Path:
    names = [f"c{i}" for i in range(497)]
    lines = [",".join(["thing_id", "name", "value", *names])]
    lines += [",".join([f"T{i}", "甲", "1", *["0"] * 497]) for i in range(20)]
    return text(path, "\n".join(lines) + "\n")


def honest_gaps(path: Path) -> Path:
    return book(path, sheet(header() + row(2) + row(3) + row(40) + row(1000)))


def honest_empty_styled_rows(path: Path) -> Path:
    """Somebody drew borders around 3,000 rows in which nothing is written."""
    cells = "".join(
        f'<row r="{i}"><c r="A{i}" s="0"/><c r="B{i}" s="0"/><c r="C{i}" s="0"/></row>'
        for i in range(4, 3000)
    )
    return book(path, sheet(header() + row(2) + row(3) + cells))


def honest_whole_columns(path: Path) -> Path:
    """Whole columns have a format; the dimension is honest."""
    before = '<dimension ref="A1:C3"/><cols><col min="1" max="16384" width="9" style="0"/></cols>'
    return book(path, small_sheet(before=before))


def honest_long_cell(path: Path) -> Path:
    return text(path, f"{HEADER}T1,{'长' * 32_767},1\nT2,乙,2\n")


def honest_gzip(path: Path) -> Path:
    lines = "".join(f"T{i},海淀区,{i}\n" for i in range(100_000))
    return text(path, gzip.compress((HEADER + lines).encode()), "small.csv.gz")


def honest_sheets(path: Path) -> Path:
    sheets = {f"第{i}页": sheet(header() + row(2, thing=f"P{i}")) for i in range(1, 31)}
    return pack(path, parts_of(sheets))


def honest_hidden_sheet(path: Path) -> Path:
    other = sheet(header() + row(2, thing="H1"))
    sheets = {"Sheet1": small_sheet(), "Sheet2": other}
    return pack(path, parts_of(sheets, states={"Sheet2": "hidden"}))


def honest_macros(path: Path) -> Path:
    parts = parts_of({"Sheet1": small_sheet()})
    return pack(path, parts | {"xl/vbaProject.bin": ole() + b"\0" * 4096})


def macro_workbook(path: Path) -> Path:
    """Macros under their own suffix and kind."""
    parts = parts_of({"Sheet1": small_sheet()})
    kinds = str(parts["[Content_Types].xml"]).replace(
        f"{KINDS}.sheet.main+xml", "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    )
    more = {"[Content_Types].xml": kinds, "xl/vbaProject.bin": ole() + b"\0" * 4096}
    return pack(path, parts | more, "a.xlsm")


def honest_links(path: Path) -> Path:
    parts = parts_of({"Sheet1": small_sheet()})
    link = f'{DECLARED}<externalLink xmlns="{MAIN}"/>'
    return pack(path, parts | {"xl/externalLinks/externalLink1.xml": link})


def honest_print_header(path: Path) -> Path:
    words = "&amp;C商业秘密保护工作统计表&amp;R第&amp;P页"
    after = f"<headerFooter><oddHeader>{words}</oddHeader></headerFooter>"
    return book(path, small_sheet(after=after))


def honest_formula(path: Path) -> Path:
    cells = inline("A2", "T2") + '<c r="C2"><f>1+1</f><v>2</v></c>'
    return book(path, sheet(header() + f'<row r="2">{cells}</row>'))


def honest_ratio_of_text(path: Path) -> Path:
    """A CSV with a quarter of a million short rows."""
    return text(path, HEADER + "".join(f"T{i},甲,1\n" for i in range(250_000)))


def unusable(make: Callable[[Path], Made]) -> Hostile:
    """A file that nobody could read; it may be stopped under any rule."""
    return Hostile(make, ())


def classified(make: Callable[[Path], Made]) -> Hostile:
    return Hostile(make, ("classified",), masked=SECRET)


def either(make: Callable[[Path], Made]) -> Hostile:
    """A file that may be refused or read, as long as it is quick."""
    return Hostile(make, (), read=True)


HOSTILE: Mapping[str, Hostile] = {
    **{
        make.__name__: Hostile(make)
        for make in (
            bomb_cell, bomb_strings, bomb_rows, bomb_styles, bomb_attribute, bomb_unused_part,
            many_entries, overlapping, many_sheets, far_cell, far_row, far_row_without_cells,
            far_column, beyond_excel, small_dimension_far_cell, many_columns, long_cell,
            long_shared_string, long_number, billion_laughs, quadratic_entity, external_entity,
            external_dtd, parameter_entity, dtd_utf16, dtd_utf16_big_endian_strings, dtd_far_down,
            dtd_in_strings, dtd_in_styles, dtd_in_workbook, dtd_in_content_types, dtd_in_relations,
            nul_csv, nul_far_down, many_columns_csv, long_cell_csv, long_quoted_cell_csv,
            one_long_line, gzip_bomb, gzip_of_gzip, gzip_lying_size, gzip_many_members,
            gzip_named_csv, encrypted, old_xls, encrypted_zip_entry, binary_workbook,
            open_document, parquet_repeated, parquet_long_cell, parquet_bomb_page, parquet_wide,
            parquet_nul, endless_device, pipe, file_address,
        )
    },
    **{
        make.__name__: unusable(make)
        for make in (
            utf16_csv, unclosed_quote, many_quotes, truncated_gzip, bytes_that_are_no_text,
            damaged_zip, pdf, raw_nul_in_xml, lying_size, zip_in_zip, negative_row,
            zip_without_workbook, truncated_zip, parquet_truncated, parquet_lying_footer,
            parquet_damaged_footer, folder_named_csv,
        )
    },
    **{
        make.__name__: either(make)
        for make in (
            lying_dimension, merge_bomb, many_merges, escaped_nul, deep_nesting, wide_row_csv,
            parquet_nested, macro_workbook,
        )
    },
    "pickle_named_csv": Hostile(lambda path: pickled(path, "small.csv")),
    "pickle_named_parquet": Hostile(lambda path: pickled(path, "a.parquet")),
    "pickle_named_xlsx": Hostile(lambda path: pickled(path, "a.xlsx")),
    "pickle_named_pkl": Hostile(lambda path: pickled(path, "a.pkl")),
    "html_named_xlsx": Hostile(lambda path: html(path, "a.xlsx")),
    "html_named_csv": unusable(lambda path: html(path, "a.csv")),
    "empty_csv": unusable(lambda path: empty_file(path, "a.csv")),
    "empty_xlsx": unusable(lambda path: empty_file(path, "a.xlsx")),
    "empty_parquet": unusable(lambda path: empty_file(path, "a.parquet")),
    "web_address": Hostile(lambda path: "http://127.0.0.1:9/x.csv"),
    "web_address_secure": Hostile(lambda path: "https://127.0.0.1:9/x.xlsx"),
    "bucket_address": Hostile(lambda path: "s3://bucket/x.parquet"),
    "ftp_address": Hostile(lambda path: "ftp://127.0.0.1:9/x.csv"),
    "network_share": unusable(lambda path: "//127.0.0.1/share/x.csv"),
    "nul_in_path": unusable(lambda path: f"{path}/a\0b.csv"),
    "absent_file": unusable(lambda path: path / "absent.csv"),
    "classified_cell": classified(marked_csv("秘密")),
    "classified_star": classified(marked_csv("机密★1年")),
    "classified_star_long": classified(marked_csv("绝密★长期")),
    "classified_star_alone": classified(marked_csv("秘密★")),
    "classified_level": classified(marked_csv("密级：机密")),
    "classified_level_ascii": classified(marked_csv("密级:绝密")),
    "classified_level_spaced": classified(marked_csv("密　级：秘密")),
    "classified_spaced": classified(marked_csv("机　密")),
    "classified_in_a_row": classified(marked_in_a_row),
    "classified_name": classified(marked_name),
    "classified_name_xlsx": classified(marked_name_xlsx),
    "classified_print_header": classified(marked_print("oddHeader", "机密★1年")),
    "classified_print_footer": classified(marked_print("oddFooter", "秘密")),
    "classified_first_page": classified(marked_print("firstHeader", "绝密")),
    "classified_sheet_name": classified(marked_sheet_name),
    "classified_cell_xlsx": classified(marked_cell_xlsx),
    "classified_shared_string": classified(marked_shared_string),
    "classified_rich_text": classified(marked_rich_text),
    "classified_hidden_sheet": classified(marked_hidden_sheet),
    "classified_parquet": classified(marked_parquet),
    "classified_gzip": classified(marked_gzip),
    "classified_gb18030": classified(marked_gb18030),
    "slow_commas": either(slow_cells("1," * 16_000)),
    "slow_spaces": either(slow_cells("1" + " " * 32_000 + "x")),
    "slow_digits": either(slow_cells("9" * 32_000)),
    "slow_groups": either(slow_cells("1" + ",234" * 8_000 + "x")),
    "slow_numerals": either(slow_cells("一三八零" * 8_000)),
    "slow_phones": either(slow_cells("138 1234 " * 3_600)),
    "slow_dashes": either(slow_cells("138-" * 8_000)),
    "slow_marks": either(slow_cells("密级" * 16_000)),
    "slow_exponent": either(slow_cells("1e999999999", 1000)),
}  # fmt: skip
BENIGN: Mapping[str, Benign] = {
    "honest_words": Benign(honest_words, 9),
    "honest_repetition": Benign(honest_repetition, 50_000),
    "honest_width": Benign(honest_width, 20),
    "honest_gaps": Benign(honest_gaps, 4),
    "honest_empty_styled_rows": Benign(honest_empty_styled_rows, 2),
    "honest_whole_columns": Benign(honest_whole_columns, 2),
    "honest_long_cell": Benign(honest_long_cell, 2),
    "honest_gzip": Benign(honest_gzip, 100_000),
    "honest_sheets": Benign(honest_sheets, 30),
    "honest_hidden_sheet": Benign(honest_hidden_sheet, 3, "hidden"),
    "honest_macros": Benign(honest_macros, 2, "macro|vba"),
    "honest_links": Benign(honest_links, 2, "link"),
    "honest_print_header": Benign(honest_print_header, 2),
    "honest_formula": Benign(honest_formula, 1),
    "honest_ratio_of_text": Benign(honest_ratio_of_text, 250_000),
}


# --- reading them in children ----------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What became of a file: the child's exit, seconds of the call, growth of memory in MB."""

    name: str
    status: int
    seconds: float
    growth: float
    rows: int
    defects: list[dict[str, str]]
    ran: bool  # code in the file was run
    error: str = ""


def read_in_child(name: str, path: Made, folder: Path, contract: Any) -> Outcome:
    """Read a file in a fork of this warmed process and return what became of it."""
    report = folder / "outcome.json"
    child = os.fork()
    if child == 0:
        os._exit(measure(path, contract, report))
    status, late = wait(child)
    ran = (folder / "ran.txt").exists()
    if report.is_file():
        return Outcome(name, status, ran=ran, **json.loads(report.read_text("utf-8")))
    return Outcome(name, status, late, -1.0, -1, [], ran, "the child left no report")


def wait(child: int) -> tuple[int, float]:
    """Return how a child ended and after how many seconds; one that hangs is ended."""
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), time.monotonic() - start
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -9, PATIENCE


def measure(path: Made, contract: Any, report: Path) -> int:
    """Read a file under a limit of memory and write down the figures."""
    from haidian_eval import tables

    usage = resource.getrusage
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT, size + LIMIT))
    before = usage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    error, rows, defects = "", -1, []
    try:
        reading = tables.read_file(path, contract)
        rows = len(reading.frame)
        defects = reading.defects.frame.head(2000).astype("str").to_dict("records")
    except BaseException as failure:
        error = f"{type(failure).__name__}: {failure}"[:300]
    seconds = time.perf_counter() - start
    own = usage(resource.RUSAGE_SELF).ru_maxrss - before
    helpers = usage(resource.RUSAGE_CHILDREN).ru_maxrss
    growth = (own + max(helpers - before, 0)) / 1024
    figures = {"seconds": seconds, "growth": growth, "rows": rows, "defects": defects}
    report.write_text(json.dumps(figures | {"error": error}, ensure_ascii=False), "utf-8")
    return 1 if error else 0


def warm(folder: Path) -> Any:
    """Read one small honest file of each kind, so that no import is timed; return the contract."""
    from haidian_eval import tables

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "declared.toml").write_text(CONTRACT, "utf-8")
    contract = tables.read_contracts(folder / "declared.toml")["small"]
    cells = {"thing_id": ["T1"], "name": ["甲"], "value": ["1"]}
    for path in (
        text(folder, HEADER + "T1,甲,1\n", "warm.csv"),
        book(folder, small_sheet(), "warm.xlsx"),
        parquet(folder, pa.table(cells), "warm.parquet"),
    ):
        tables.read_file(path, contract)
    return contract


def read_all(base: Path, names: list[str]) -> Iterator[Outcome]:
    """Make and read the named files one after the other."""
    contract = warm(base / "warm")
    for name in names:
        folder = base / name
        folder.mkdir()
        maker = HOSTILE[name].make if name in HOSTILE else BENIGN[name].make
        yield read_in_child(name, made_in_child(maker, folder), folder, contract)
        for path in folder.iterdir():
            if not path.is_dir() and path.name != "outcome.json":
                path.unlink()


def made_in_child(maker: Callable[[Path], Made], folder: Path) -> Made:
    """Make a file in a child of its own, so that this process does not grow with it."""
    child = os.fork()
    if child == 0:
        try:
            made = maker(folder)
            (folder / "made.json").write_text(json.dumps([isinstance(made, str), str(made)]))
            os._exit(0)
        except BaseException as failure:
            sys.stderr.write(f"{folder.name}: {failure!r}\n")
            os._exit(1)
    status, _ = wait(child)
    if status:
        raise RuntimeError(f"{folder.name} could not be made")
    is_text, made = json.loads((folder / "made.json").read_text())
    (folder / "made.json").unlink()
    return made if is_text else Path(made)


def is_right(outcome: Outcome) -> str:
    """Return what is wrong with an outcome, or nothing."""
    if outcome.status != 0:
        return f"ended with {outcome.status}: {outcome.error}"
    if outcome.ran:
        return "ran code of the file"
    if outcome.name in BENIGN:
        return wrong_with_benign(outcome, BENIGN[outcome.name])
    expected = HOSTILE[outcome.name]
    if expected.masked and expected.masked in json.dumps(outcome.defects, ensure_ascii=False):
        return "shows what stands after the mark"
    stops = [d for d in outcome.defects if d["severity"] == "stops"]
    given = [d for d in stops if not expected.rules or d["rule"] in expected.rules]
    if given and outcome.rows:
        return f"refused, but {outcome.rows} rows are left"
    if given and not all(
        d["hint"].strip() and (d["found"].strip() or not expected.rules) for d in given
    ):
        return "refused, but nothing is said"
    if not given and not expected.read:
        rules = sorted({d["rule"] for d in outcome.defects})
        return f"not refused: {outcome.rows} rows, rules {rules}"
    return ""


def wrong_with_benign(outcome: Outcome, expected: Benign) -> str:
    """Return what is wrong with the outcome of an honest file, or nothing."""
    rules = sorted({d["rule"] for d in outcome.defects})
    if outcome.rows != expected.rows:
        return f"{outcome.rows} rows instead of {expected.rows}: {rules}"
    if any(d["severity"] in ("stops", "excluded") for d in outcome.defects):
        return f"defects in an honest file: {rules}"
    told = " ".join(f"{d['rule']} {d['found']} {d['hint']}" for d in outcome.defects).casefold()
    return "" if re.search(expected.noted, told) else f"{expected.noted} not noted: {rules}"


def main() -> int:
    """Read every file and print the figures; with --json one line for each."""
    names = [n for n in sys.argv[1:] if not n.startswith("-")] or [*HOSTILE, *BENIGN]
    wrong = 0
    with tempfile.TemporaryDirectory() as base:
        for outcome in read_all(Path(base), names):
            if "--json" in sys.argv:
                print(json.dumps(asdict(outcome), ensure_ascii=False), flush=True)
                continue
            verdict = is_right(outcome)
            wrong += bool(verdict)
            slow = " SLOW" if outcome.seconds > 1 and outcome.name in HOSTILE else ""
            large = " LARGE" if outcome.growth > 300 and outcome.name in HOSTILE else ""
            rules = ",".join(sorted({d["rule"] for d in outcome.defects}))
            print(
                f"{outcome.name:32} {outcome.seconds:7.3f} s {outcome.growth:7.1f} MB "
                f"{rules:24} {verdict or 'right'}{slow}{large}",
                flush=True,
            )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
