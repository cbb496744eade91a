"""Files as people have them: what is read, what is said to be assumed, and the option that says otherwise."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest

from foretell.errors import UserError
from foretell.numbers.tables.layout import TableLayout
from foretell.numbers.tables.reading import read_file
from foretell.numbers.tables.series import series_of

DAY = "column 'when' as dates with the day first (--date-format)"
DAY_BY_RULE = "column 'when' as dates with the day first, which its cells do not tell (--date-format)"
MONTH = "column 'when' as dates with the month first (--date-format)"
ZONE = "times with a zone in column 'when' as UTC"
SEMICOLON, COMMAS = "';' between cells (--delimiter)", "decimal commas (--decimal)"
NAMES = "its first column, which has no name in the head, left out as names of rows such as '1'"


@pytest.fixture
def read(tmp_path):
    def go(data, like=None, name="t.csv", **layout):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_file(path, layout=TableLayout(**layout), like=like)

    return go


def zipped(data, *names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in names:
            packed.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "values", "assumed"),
    [
        ("a;b\n1,5;x\n-2,25;y\n", [1.5, -2.25], f"{SEMICOLON}; {COMMAS}"),
        ("a;b\n1.5;x\n2;y\n", [1.5, 2], SEMICOLON),
        ("a\tb\n1.234,5\tx\n2\ty\n", [1234.5, 2], "a tab between cells (--delimiter); decimal commas (--decimal)"),
        ("a|b\n1|x\n2|y\n", [1, 2], "'|' between cells (--delimiter)"),
        ("a b c\n1 2 x\n3 4 y\n", [1, 3], "blanks between cells (--delimiter)"),
        ("sep=;\na;b\n1;2\n", [1], SEMICOLON),
        ('a,b\n"1,234",2\n"2,500",3\n', [1234, 2500], "1,234 as 1234 (--decimal)"),
        ('a,b\n"1,234.5",2\n"2,500",3\n', [1234.5, 2500], ""),
        ("a;b\n1,234;2\n2,500;3\n", [1.234, 2.5], f"{SEMICOLON}; decimal commas, as 1,234 may be 1.234 or 1234 (--decimal)"),
        ("a;b\n0,125;2\n2,500;3\n", [0.125, 2.5], f"{SEMICOLON}; {COMMAS}"),
        ("a;b;c\n1.234;2,5;1\n2;3,5;1\n", [1234, 2], f"{SEMICOLON}; {COMMAS}"),
        ("a,b\n1 234.5,x\n1'000,y\n", [1234.5, 1000], ""),
        ("a,b\n$3.50,1\n-$1250,2\n", [3.5, -1250], "column 'a' as numbers of $"),
        ("a,b\n12 %,1\n3.5%,2\n", [12, 3.5], "column 'a' as numbers of %"),
        ("a;b\n3,50 \u20ac;1\n4,00 \u20ac;2\n", [3.5, 4], f"{SEMICOLON}; {COMMAS}; column 'a' as numbers of \u20ac"),
        ("a,b\n\u22121.5,1\n2,2\n", [-1.5, 2], ""),
        (",a,b\n0,7,2\n1,8,4\n", [7, 8], "its first column, which has no name, left out as an index"),
        ("Unnamed: 0,a\n4,7\n2,8\n", [7, 8], "its first column, 'Unnamed: 0', left out as an index"),
        (",a\nMazda,7\nFiat,8\n", [7, 8], "its first column, which has no name, left out as an index"),
        ('"a" "b"\n"1" 7 2\n"2" 8 4\n', [7, 8], f"blanks between cells (--delimiter); {NAMES}"),
        ("a,b,\n7,1,\n8,2,\n", [7, 8], "its last column, which is empty, left out"),
        ("a,b\n01234,1\n1234,2\n", [1234, 1234], "column 'a' as numbers, without the zeros in front (--categories)"),
        ('a,b\n1,"two\nlines"\n2,"x, y"\n', [1, 2], ""),
        ("a,b\n1e300,1\n-2.5E-300,2\n", [1e300, -2.5e-300], ""),
        ("\ufeffa,b\n1,2\n", [1], ""),
    ],
)
def test_numbers_and_cells(read, text, values, assumed):
    found = read(text)
    assert found.frame["a"].tolist() == values
    assert "; ".join(found.assumed) == assumed
    assert found.line("folder/t.csv") == (f"t.csv was read with {assumed}" if assumed else "")


def test_signs_for_missing_values_among_numbers_only(read):
    found = read("a,b\n?,x\n1.5,y\n2,?\n3,z\n-,z\n4,z\n")
    np.testing.assert_array_equal(found.frame["a"], [np.nan, 1.5, 2, 3, np.nan, 4])
    assert found.frame["b"].tolist()[2] == "?"
    assert found.assumed == ["'-', '?' in column 'a' as missing (--missing)"]
    assert read("a,b\n1,none\n-99,x\n", missing=("none", "-99")).frame.isna().to_numpy().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("cells", "dates", "assumed"),
    [
        (["01.02.2024", "13.02.2024"], ["2024-02-01", "2024-02-13"], DAY),
        (["01.02.2024", "02.02.2024"], ["2024-02-01", "2024-02-02"], DAY_BY_RULE),
        (["01.01.2024", "02.01.2024", "03.01.2024"], ["2024-01-01", "2024-01-02", "2024-01-03"], DAY_BY_RULE),
        (["2/1/24", "2/13/24"], ["2024-02-01", "2024-02-13"], MONTH),
        (["01/01/2024", "01/02/2024", "01/12/2024", "01/01/2025"], ["2024-01-01", "2024-02-01", "2024-12-01", "2025-01-01"], DAY),
        (["2024-03-01", "2024-03-02"], ["2024-03-01", "2024-03-02"], ""),
        (["2024/3/1 9:05", "2024/3/1 21:05"], ["2024-03-01 09:05", "2024-03-01 21:05"], ""),
        (["1.3.2024 9:05 pm", "14.3.2024 12:05 am"], ["2024-03-01 21:05", "2024-03-14 00:05"], DAY),
        (["1949-01", "1949-02"], ["1949-01-01", "1949-02-01"], ""),
        (["2024-Q1", "2024-Q2"], ["2024-01-01", "2024-04-01"], ""),
        (["1 March 2024", "2 March 2024"], ["2024-03-01", "2024-03-02"], ""),
        (["Jan 1949", "Feb 1949"], ["1949-01-01", "1949-02-01"], ""),
        (["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"], ["2024-03-31 00:00", "2024-03-31 01:00"], ZONE),
        (["2024-03-31T01:00:00Z", "2024-03-31T02:00:00Z"], ["2024-03-31 01:00", "2024-03-31 02:00"], ZONE),
    ],
)
def test_dates(read, cells, dates, assumed):
    found = read("when,v\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    assert found.frame["when"].tolist() == [pd.Timestamp(date) for date in dates]
    assert "; ".join(found.assumed) == assumed
    assert len(series_of(found.frame)) == len(cells) if len(cells) == 2 else True


def test_a_format_of_dates_that_is_given(read):
    assert read("d,v\n20240102,1\n20240103,2\n", date_format="%Y%m%d").frame["d"][1] == pd.Timestamp(2024, 1, 3)
    assert read("d,v\n01/02/2024,1\n01/03/2024,2\n", date_format="%d/%m/%Y").frame["d"][1] == pd.Timestamp(2024, 3, 1)
    with pytest.raises(UserError, match=r"--date-format '%Y' fits no column"):
        read("d,v\nx,1\ny,2\n", date_format="%Y")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, lambda data: zipped(data, "t.csv")])
def test_packed_files(read, pack):
    found = read(pack(b"a,b\n1,2\n3,4\n"))
    assert found.frame["b"].tolist() == [2, 4]
    assert found.assumed[0].endswith(" unpacked")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(read, encoding):
    found = read("gr\u00f6\u00dfe,b\n1,\u00e9t\u00e9\n2,\u00fc\n".encode(encoding))
    assert (list(found.frame), found.frame["b"].tolist()) == (["gr\u00f6\u00dfe", "b"], ["\u00e9t\u00e9", "\u00fc"])
    assert found.assumed[0].startswith("the encoding ")


def test_what_a_file_like_this_one_decided(read):
    like = read("a;b;d\n1,5;x;13/01/2024\n2;y;02/01/2024\n").layout
    assert (like.decimal, like.day_first) == (",", True)
    found = read('a,d\n"1,234",01/02/2024\n', like=like).frame
    assert (found["a"][0], found["d"][0]) == (1.234, pd.Timestamp(2024, 2, 1))
    clear = read('a,d\n"1,234.5",01/13/2024\n', like=like).frame
    assert (clear["a"][0], clear["d"][0]) == (1234.5, pd.Timestamp(2024, 1, 13))


def test_options_say_otherwise(read):
    assert read("a;b\n1,234;2\n", decimal=".").frame["a"].tolist() == [1234]
    assert list(read("a;b,c\n1;2,3\n", delimiter=",").frame) == ["a;b", "c"]
    assert read("a\u00e9,b\n1,2\n".encode("latin-1"), encoding="latin-1").assumed == []
    for options, message in {
        ("decimal", "x"): "--decimal 'x' must be a point or a comma",
        ("delimiter", "ab"): "--delimiter 'ab' must be one character",
        ("encoding", "utf-9"): "--encoding 'utf-9' is no encoding",
    }.items():
        with pytest.raises(UserError, match=message):
            read("a,b\n1,2\n", **dict([options]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04 cut", "cannot be unpacked"),
        (gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "cannot be unpacked"),
        (zipped(b"a", "[Content_Types].xml", "xl/workbook.xml"), "is a spreadsheet; export the sheet"),
        (zipped(b"a,b\n1,2\n", "a.csv", "b.csv"), "holds 2 files"),
        (b"PAR1....", "is a Parquet file"),
        (b"a,b\n\x01\x02,2\n", "holds control characters"),
        (b"a,b\n1,2,\n3,4,\n", "has more cells in its rows than names in its head"),
    ],
)
def test_files_that_are_no_tables(read, data, message):
    with pytest.raises(UserError, match=message):
        read(data)


def test_a_wrong_cell_among_decimal_commas_or_dates_is_named(read):
    from foretell.numbers.tables.table_encoder import TableEncoder

    cells = "".join(f"{i},5;0{i + 1}.02.2024\n" for i in range(8))
    with pytest.raises(UserError, match="column 'a', row 9: 'abc' is no number, but 89% of the column are"):
        TableEncoder().fit(read("a;d\n" + cells + "abc;09.02.2024\n").frame)
    with pytest.raises(UserError, match="column 'd', row 9: 'soon' is no date"):
        TableEncoder().fit(read("a;d\n" + cells + "9,5;soon\n").frame)


def test_dates_become_numbers_for_estimators(read):
    from foretell.numbers.tables.table_encoder import TableEncoder

    table = read("d,v\n" + "".join(f"2024-{m:02}-0{d},1\n" for m in range(1, 13) for d in (1, 5, 7))).frame
    encoder = TableEncoder().fit(table)
    names = encoder.get_feature_names_out().tolist()
    assert names == ["v", *(f"d ({word})" for word in ("days", "year, sine", "year, cosine", "week, sine", "week, cosine"))]
    assert encoder.transform(table)[0, 1] == 19723
