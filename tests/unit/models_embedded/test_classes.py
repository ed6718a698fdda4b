from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator

import pytest

from shared_agent.errors import Permanent
from shared_agent.models.types import Classify

TICKETS = {
    "I was charged twice for my subscription this month and want a refund.": "billing",
    "The app crashes with an error every time I open the settings page.": "bug",
    "Could you add a dark mode? It would be a great new feature.": "feature request",
    "I forgot my password and cannot log in to my account.": "account access",
    "My invoice shows the wrong amount and tax.": "billing",
    "Since the last update the screen freezes and nothing responds.": "bug",
    "It would be lovely to have keyboard shortcuts in a later version.": "feature request",
    "The login page says that my account is locked.": "account access",
}
TICKET_LABELS = {
    "billing": "charges, invoices, payments and refunds",
    "bug": "the software crashes, freezes or shows an error",
    "feature request": "a wish for a new feature or an improvement",
    "account access": "trouble to log in, passwords and locked accounts",
    "other": "anything else",
}
LICENCES = {
    "MIT": "Short permissive licence: permission is granted free of charge to any person to use, copy, modify, merge, "
    "publish, sublicense and sell the software if the copyright and permission notice is kept.",
    "BSD": "Redistribution and use in source and binary forms are permitted if the notice, the list of conditions and "
    "the disclaimer are retained.",
    "Apache-2.0": "Apache License, Version 2.0, with grants of copyright and patent licence, a NOTICE file and terms "
    "and conditions for use, reproduction and distribution.",
    "MPL-2.0": "Mozilla Public License: weak copyleft by file, covered software stays in source code form.",
    "GPL": "GNU General Public License or its Lesser variant: copyleft, derived works stay under the same licence.",
    "PSF-2.0": "Python Software Foundation License Agreement between the PSF and the individual or organization.",
    "ISC": "Permission to use, copy, modify, and distribute this software for any purpose with or without fee.",
    "other": "none of the above",
}


def stated_licences() -> Iterator[tuple[str, str, str]]:
    """Installed packages with one licence file whose metadata names one of the families: name, family, text."""
    patterns = {"MIT": r"^MIT( License)?$", "BSD": r"BSD", "Apache-2.0": r"^Apache", "MPL-2.0": r"^MPL",
                "PSF-2.0": r"^PSF", "ISC": r"^ISC"}  # fmt: skip
    for distribution in importlib.metadata.distributions():
        stated = distribution.metadata.get("License-Expression") or distribution.metadata.get("License") or ""
        files = [
            file
            for file in distribution.files or []
            if ".dist-info" in str(file) and re.match(r"(LICEN[CS]E|COPYING)", file.name.upper())
        ]
        families = [family for family, pattern in patterns.items() if re.search(pattern, stated)]
        several = re.search(r"\b(AND|OR|Dual)\b", stated)
        if len(files) == 1 and len(families) == 1 and not several and len(stated) < 60:
            text = files[0].locate().read_text(encoding="utf-8", errors="replace")
            yield distribution.name, families[0], text


async def test_tickets_go_where_their_words_and_meaning_belong(ask) -> None:
    wrong = {}
    for text, expected in TICKETS.items():
        data = (await ask(Classify(text, TICKET_LABELS))).data
        if data["label"] != expected:
            wrong[text] = data
    assert len(wrong) <= 1, wrong


async def test_a_text_about_nothing_listed_gets_the_label_for_the_rest(ask) -> None:
    reply = await ask(Classify("The mountains were covered with snow in the early morning.", TICKET_LABELS))
    assert reply.data["label"] == "other"


async def test_scores_are_shares_of_every_label_in_the_order_given(ask) -> None:
    data = (await ask(Classify("My invoice is wrong.", TICKET_LABELS))).data
    assert list(data["scores"]) == list(TICKET_LABELS)
    assert sum(data["scores"].values()) == pytest.approx(1.0, abs=0.001)
    assert data["labels"] == [data["label"]]


async def test_several_labels_may_be_chosen_the_best_one_first(ask) -> None:
    text = "The invoice page crashes with an error. I was also charged twice and want a refund of the payment."
    reply = await ask(Classify(text, TICKET_LABELS, multiple=True))
    assert {"billing", "bug"} <= set(reply.data["labels"])
    assert reply.data["labels"][0] == reply.data["label"]
    assert reply.text == ", ".join(reply.data["labels"])


async def test_examples_teach_a_label_that_its_name_does_not_explain(ask) -> None:
    labels = {"A": "", "B": ""}
    examples = (
        ("Simmer the onions in butter until soft.", "A"),
        ("Knead the dough and let it rise.", "A"),
        ("The striker scored in the last minute.", "B"),
        ("The goalkeeper saved a penalty.", "B"),
    )
    for text, expected in (("Bake the cake for forty minutes.", "A"), ("The match ended in a draw.", "B")):
        assert (await ask(Classify(text, labels, examples=examples))).data["label"] == expected


async def test_installed_licences_are_told_apart_as_their_packages_state(ask, capsys) -> None:
    packages = list(stated_licences())[:60]
    assert len(packages) >= 20
    wrong = []
    for name, family, text in packages:
        label = (await ask(Classify(text, LICENCES))).data["label"]
        if label != family:
            wrong.append(f"{name}: states {family}, read as {label}")
    accuracy = 1 - len(wrong) / len(packages)
    with capsys.disabled():
        print(f"\nlicence family right for {accuracy:.1%} of {len(packages)} packages; wrong: {wrong}")
    assert accuracy >= 0.9


async def test_without_labels_the_request_is_refused(ask) -> None:
    with pytest.raises(Permanent, match="label"):
        await ask(Classify("text", {}))
