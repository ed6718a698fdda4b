"""HTML, PDF and Office files become text; a damaged one is named, or skipped with the reason in a folder."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shared_agent.errors import InputError
from tests.unit.inputs.conftest import Reader, names

Write = Callable[..., Path]


def pdf(words: str) -> bytes:
    """A one-page PDF with one line of text."""
    content = f"BT /F1 18 Tf 72 700 Td ({words}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return data + b"xref\n0 6\n0000000000 65535 f \n%strailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(data),
    )


def docx(words: str) -> bytes:
    """A Word file with one paragraph: the parts that the format cannot do without."""
    office = "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types"><Default Extension="xml"'
        ' ContentType="application/xml"/><Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override'
        ' PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
        '.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1"'
        f' Type="{office}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
        "</Relationships>",
        "word/document.xml": f'<w:document xmlns:w="{office}/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        f"<w:t>{words}</w:t></w:r></w:p></w:body></w:document>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def xlsx(words: str) -> bytes:
    from openpyxl import Workbook

    book, buffer = Workbook(), io.BytesIO()
    book.active.append(["name"])
    book.active.append([words])
    book.save(buffer)
    return buffer.getvalue()


def pptx(words: str) -> bytes:
    from pptx import Presentation

    show, buffer = Presentation(), io.BytesIO()
    show.slides.add_slide(show.slide_layouts[0]).shapes.title.text = words
    show.save(buffer)
    return buffer.getvalue()


async def test_documents_of_every_kind_become_text(write: Write, read: Reader) -> None:
    write("docs/a.html", "<html><head><style>x{}</style></head><body><h1>Héading</h1><p>Words.</p></body></html>")
    write("docs/b.pdf", pdf("Portable words"))
    write("docs/c.docx", docx("Written words"))
    write("docs/d.pptx", pptx("Shown words"))
    write("docs/e.xlsx", xlsx("Tabled words"))
    documents, skipped = await read(path="docs")
    assert skipped == {}
    assert documents[0].text == "# Héading\n\nWords."
    for document, words in zip(documents[1:], ["Portable", "Written", "Shown", "Tabled"], strict=True):
        assert f"{words} words" in document.text
        assert document.meta == {"format": document.source.rpartition(".")[2]}


async def test_a_stated_format_comes_before_the_ending(write: Write, read: Reader) -> None:
    write("page", "<p>Words.</p>")
    write("page.html", "<p>Words.</p>")
    assert (await read(path="page", format="html"))[0][0].text == "Words."
    assert (await read(path="page.html", format="text"))[0][0].text == "<p>Words.</p>"


async def test_a_damaged_file_is_an_error_by_name_and_skipped_in_a_folder(write: Write, read: Reader) -> None:
    write("docs/a.md")
    write("docs/b.docx", b"not a zip")
    write("docs/c.pdf", b"not a pdf")
    documents, skipped = await read(path="docs")
    assert names(documents) == ["docs/a.md"]
    assert skipped["docs/b.docx"].startswith("is not an Office file")
    assert skipped["docs/c.pdf"].startswith("cannot be read as pdf")
    with pytest.raises(InputError, match=r"^inputs\.0\.path: docs/b\.docx is not an Office file: .*repair it"):
        await read(path="docs/b.docx")


async def test_a_file_that_unpacks_to_far_more_than_it_may_is_refused(write: Write, read: Reader) -> None:
    write("a.docx", docx("x" * 5000))
    with pytest.raises(InputError, match=r"a\.docx unpacks to [\d,]+ bytes, more than 50,000"):
        write("a.docx", _bomb(60_000))
        await read(path="a.docx", max_bytes=5000)


def _bomb(size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\0" * size)
    return buffer.getvalue()


async def test_without_the_library_the_remedy_is_said_before_anything_starts(
    write: Write, read: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.pdf", pdf("words"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "markitdown"]:
        monkeypatch.delitem(sys.modules, name)
    site = [path for path in sys.path if "site-packages" not in path]
    monkeypatch.setattr(sys, "path", site)
    line = "inputs.0.path: pdf files need markitdown, which is not installed (pip install 'shared-agent[documents]')"
    with pytest.raises(InputError) as refused:
        await read(path="a.pdf")
    assert str(refused.value) == line
