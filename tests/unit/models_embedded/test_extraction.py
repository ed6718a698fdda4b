from __future__ import annotations

import importlib.metadata
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.models.embedded import values
from shared_agent.models.embedded.nearness import nearness
from shared_agent.models.types import Extract

LICENCE_SCHEMA = {
    "type": "object",
    "properties": {
        "holders": {
            "type": "array",
            "items": {"type": "string"},
            "description": "copyright holders named after 'Copyright'",
        },
        "year": {"type": "integer", "description": "first copyright year"},
        "obligations": {
            "type": "array",
            "items": {"type": "string"},
            "description": "sentences that state what a redistributor must do",
        },
    },
}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def text(description: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


async def test_an_invoice_is_read_into_every_kind_of_field(ask, texts) -> None:
    wanted = schema(
        invoice_number=text("the invoice's number"),
        date=text(format="date"),
        delivery_date=text("when the delivery took place"),
        customer=text("company that is billed"),
        contact=text("contact person"),
        email=text("address of the contact", format="email"),
        total={"type": "number", "description": "total amount"},
        tax={"type": "number", "description": "tax in percent"},
        sacks={"type": "integer", "description": "sacks of flour"},
        crates={"type": "integer", "description": "crates of yeast"},
        express_delivery={"type": "boolean"},
        status={"enum": ["paid", "unpaid", "overdue"]},
        terms=text("where the terms are", format="uri"),
        code=text(pattern="^INV-[0-9]+$"),
        dates={"type": "array", "items": {"type": "string", "format": "date"}},
    )
    reply = await ask(Extract(texts.invoice, wanted))
    assert reply.data == {
        "invoice_number": "INV-20417",
        "date": "2024-03-14",
        "delivery_date": "11 March 2024",
        "customer": "Miller & Sons Bakery",
        "contact": "Jane Miller",
        "email": "jane@miller-bakery.example",
        "total": 1284.5,
        "tax": 7.5,
        "sacks": 12,
        "crates": 3,
        "express_delivery": True,
        "status": "unpaid",
        "terms": "https://billing.example/invoices/20417",
        "code": "INV-20417",
        "dates": ["2024-03-14", "2024-03-11", "2024-04-13"],
    }
    jsonschema.validate(reply.data, wanted)


async def test_what_the_text_does_not_say_stays_absent(ask, texts) -> None:
    wanted = schema(
        phone=text("telephone number"),
        horses={"type": "integer", "description": "number of horses"},
        discount={"type": "number", "description": "discount granted"},
        birthday=text("birthday of the customer", format="date"),
        recipes={"type": "array", "items": {"type": "string"}, "description": "recipes for chocolate cake"},
        city=text("city of the customer"),
        insured={"type": "boolean", "description": "the goods are insured against theft"},
    )
    assert (await ask(Extract(texts.invoice, {**wanted, "required": ["city"]}))).data == {}


async def test_a_licence_yields_holders_first_year_and_duties(ask, texts) -> None:
    data = (await ask(Extract(texts.licence, LICENCE_SCHEMA))).data
    assert data == {
        "holders": ["Ada Example and contributors", "Orchard Tools Ltd"],
        "year": 2017,
        "obligations": [
            "Copies of the source code must keep this notice and the list of conditions.",
            "Binary copies must show this notice in their documentation.",
        ],
    }


async def test_a_description_of_bans_picks_bans_rather_than_duties(ask, texts) -> None:
    wanted = schema(bans={"type": "array", "items": text(), "description": "sentences that say what may not be done"})
    (ban,) = (await ask(Extract(texts.licence, wanted))).data["bans"]
    assert ban.startswith("The name of Orchard Tools may not be used")


async def test_records_are_read_one_a_paragraph(ask, texts) -> None:
    person = schema(name=text(), role=text(), age={"type": "integer"})
    data = (await ask(Extract(texts.staff, schema(people={"type": "array", "items": person})))).data
    assert data["people"] == [
        {"name": "Ana Lima", "role": "engineer", "age": 41},
        {"name": "Bo Chen", "role": "writer", "age": 29},
    ]


async def test_references_and_nullable_types_are_followed(ask, texts) -> None:
    wanted = {
        "$defs": {"Mail": {"type": "string", "format": "email"}},
        **schema(mail={"anyOf": [{"$ref": "#/$defs/Mail"}, {"type": "null"}]}, tax={"type": ["number", "null"]}),
    }
    data = (await ask(Extract(texts.invoice, wanted))).data
    assert data == {"mail": "jane@miller-bakery.example", "tax": 7.5}


async def test_bounds_of_the_schema_are_kept(ask, texts) -> None:
    wanted = schema(
        total={"type": "number", "description": "total amount", "maximum": 1000},
        dates={"type": "array", "items": {"type": "string", "format": "date"}, "maxItems": 2},
        customer=text(maxLength=5),
    )
    data = (await ask(Extract(texts.invoice, wanted))).data
    assert data == {"dates": ["2024-03-14", "2024-03-11"]}


async def test_every_string_taken_from_real_licences_stands_in_them(ask) -> None:
    checked = 0
    for name in ("click", "idna", "pydantic", "urllib3", "hypothesis", "typing_extensions"):
        distribution = importlib.metadata.distribution(name)
        file = next(file for file in distribution.files or [] if "LICEN" in file.name.upper())
        licence = file.locate().read_text(encoding="utf-8")
        flat = " ".join(licence.split())
        data = (await ask(Extract(licence, LICENCE_SCHEMA))).data
        strings = [*data.get("holders", []), *data.get("obligations", [])]
        assert [value for value in strings if value not in flat] == []
        assert str(data.get("year", "")) in flat
        checked += len(strings)
    assert checked >= 12


@given(st.text(max_size=200), st.sampled_from(["email", "uri", "date", "money", "number", "integer", "year", "time"]))
def test_a_found_value_is_always_written_in_the_text(text: str, kind: str) -> None:
    for found in values.find(kind, text):
        assert found.written in text


def test_written_amounts_mean_numbers() -> None:
    written = {"$1,284.50": 1284.5, "USD 3 million": 3_000_000.0, "12 %": 12.0, "-4.5": -4.5, "none": None}
    assert {text: values.number(text) for text in written} == written


def test_written_dates_mean_days_and_impossible_ones_mean_nothing() -> None:
    assert values.date("14 March 2024") == "2024-03-14"
    assert values.date("March 1st, 2024") == "2024-03-01"
    assert values.date("31 February 2024") is None


def test_a_cue_in_the_same_clause_counts_more_than_one_across_a_conjunction() -> None:
    text = "A price of 30 and a weight of 5 kilograms."
    cue = ["weight"]
    price, weight = text.index("30"), text.index("5")
    assert nearness(text, weight, weight + 1, cue) > nearness(text, price, price + 2, cue)
