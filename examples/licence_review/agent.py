"""The agent of the licence review: what one text is, whose it is and what it asks for; and one review of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from shared_agent.handlers import handler, register
from shared_agent.models.types import Classify, Extract, Passage, Purpose, Summarise
from shared_agent.spec.document import Chunk
from shared_agent.spec.settings import JobSettings
from shared_agent.worker.context import Context

# In the licences' own words: the embedded model compares texts, and has never heard of "MIT".
FAMILIES = {
    "MIT": "MIT License. Permission is hereby granted, free of charge, to any person obtaining a copy of this software and "
    "associated documentation files, to deal in the Software without restriction",
    "BSD": "BSD License. Redistribution and use in source and binary forms, with or without modification, are permitted "
    "provided that the following conditions are met: redistributions of source code must retain the copyright notice",
    "Apache-2.0": "Apache License, Version 2.0. Terms and conditions for use, reproduction, and distribution",
    "PSF": "Python Software Foundation License Version 2. PSF is making Python available to Licensee",
    "MPL-2.0": "Mozilla Public License Version 2.0. Covered Software, Source Code Form, Secondary Licenses",
    "GPL or LGPL": "GNU General Public License, GNU Lesser General Public License. Free Software Foundation, copyleft",
    "ISC": "ISC License. Permission to use, copy, modify, and/or distribute this software for any purpose with or without "
    "fee is hereby granted",
    "credits": "a list of people: authors, maintainers and contributors, with their e-mail addresses",
}
README = "readme"

FACTS = {
    "type": "object",
    "properties": {
        "holders": {
            "type": "array",
            "items": {"type": "string"},
            "description": "copyright holders named after 'Copyright'",
        },
        "obligations": {
            "type": "array",
            "items": {"type": "string"},
            "description": "sentences that state what a redistributor must do",
        },
    },
}

MOST_HOLDERS = 200
MOST_OBLIGATIONS = 12


@handler("licence-review")
async def review(context: Context, chunk: Chunk) -> dict[str, Any]:
    """Two calls on one text; each is remembered, so a crash between them costs one at most.

    A README is known by its name, whatever licence it quotes: it only costs the second call.
    """
    family = README
    if not is_readme(chunk.source):
        family = (await context.complete(Classify(text=chunk.text, labels=FAMILIES))).data["label"]
    facts = await context.complete(Extract(text=chunk.text, schema=FACTS))
    return {"source": chunk.source, "family": family, **facts.data}


def asked(settings: JobSettings, chunk: Chunk) -> list[Purpose]:
    """What the model will be asked about a text, for the plan."""
    extract = Extract(text=chunk.text, schema=FACTS)
    return [extract] if is_readme(chunk.source) else [Classify(text=chunk.text, labels=FAMILIES), extract]


def is_readme(source: str) -> bool:
    return PurePath(source).name.lower().startswith("readme")


def lift(value: dict[str, Any]) -> dict[str, Any]:
    """One text's findings in the shape that reviews are combined in."""
    family = value["family"]
    is_licence = family not in {README, "credits"}
    return {
        "families": {family: [value["source"]]},
        "holders": dict.fromkeys(value.get("holders", []), 1),
        "obligations": {family: value.get("obligations", [])} if is_licence else {},
        "summary": "",
    }


async def combine(context: Context, values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Merge findings; where a family's obligations have grown too many, the model chooses among them."""
    families: dict[str, list[str]] = {}
    holders: dict[str, int] = {}
    obligations: dict[str, list[str]] = {}
    for value in values:
        for family, sources in value["families"].items():
            families[family] = sorted({*families.get(family, []), *sources})
        for holder, count in value["holders"].items():
            holders[holder] = holders.get(holder, 0) + count
        for family, sentences in value["obligations"].items():
            known = obligations.setdefault(family, [])
            known += [sentence for sentence in sentences if sentence not in known]
    for family, sentences in obligations.items():
        obligations[family] = sentences[:MOST_OBLIGATIONS]
    top = sorted(holders.items(), key=lambda item: (-item[1], item[0]))[:MOST_HOLDERS]
    summary = ""
    if context.task.role == "final":
        passages = tuple(Passage(" ".join(sentences), family) for family, sentences in obligations.items() if sentences)
        question = Summarise(
            passages, "what a redistributor must do", max_words=180, missing=context.coverage.describe_missing()
        )
        summary = (await context.complete(question)).text if passages else ""
    return {"families": families, "holders": dict(top), "obligations": obligations, "summary": summary}


def write_review(value: dict[str, Any]) -> str:
    """The review as Markdown."""
    lines = ["# Licence review", "", "| family | texts | packages |", "| --- | ---: | --- |"]
    for family, sources in sorted(value["families"].items(), key=lambda item: (-len(item[1]), item[0])):
        packages = sorted({PurePath(source).parent.name for source in sources})
        more = f" and {len(packages) - 8} more" if len(packages) > 8 else ""
        lines.append(f"| {family} | {len(sources)} | {', '.join(packages[:8])}{more} |")
    lines += ["", "## What a redistributor must do", "", value["summary"] or "No obligations were found.", ""]
    for family, sentences in sorted(value["obligations"].items()):
        if sentences:
            lines += [f"### {family}", ""]
            lines += [f"- {' '.join(sentence.split())}" for sentence in sentences[:5]]
            lines.append("")
    lines += ["## Copyright holders named most often", ""]
    lines += [f"- {holder} ({count})" for holder, count in list(value["holders"].items())[:15]]
    return "\n".join(lines)


register(replace(review.reduced_by(combine, lift=lift, finish=write_review), ask_map=asked))
