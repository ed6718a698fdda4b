"""One request to one draft: reads the purpose and calls the part that serves it. Runs in a worker thread."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared_agent.errors import Permanent
from shared_agent.models.embedded.answer import answer
from shared_agent.models.embedded.classify import classify
from shared_agent.models.embedded.encoder import SENTENCE_TOKENS, TEXT_TOKENS, Encoder, Matrix
from shared_agent.models.embedded.extract import extract
from shared_agent.models.embedded.judge import judge
from shared_agent.models.embedded.summarise import summarise
from shared_agent.models.types import Answer, Classify, Extract, Free, Judge, Purpose, Request, Summarise

_WORDS_A_TOKEN = 0.7
"""Below the 0.75 usual for English, so that a text cut to this many words stays under the output cap."""

_NOTICE_TOKENS = 16
_FREE_WORDS = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """What a purpose yields before it is counted: the text and the structured answer."""

    text: str
    data: Any = None


def draft(request: Request, encoder: Encoder, check: Callable[[], None]) -> Draft:
    """Serve ``request``. ``check`` is called before each run of the encoder and may raise to give up.

    Raises :class:`Permanent` for a request that cannot be served by any model: no labels, no candidates.
    """
    most = max(1, int((request.max_output_tokens - _NOTICE_TOKENS) * _WORDS_A_TOKEN))
    return _serve(
        request.purpose,
        most,
        embed_sentences=partial(encoder.encode, tokens=SENTENCE_TOKENS, check=check),
        embed_texts=partial(encoder.encode, tokens=TEXT_TOKENS, check=check),
    )


def _serve(
    purpose: Purpose,
    most_words: int,
    *,
    embed_sentences: Callable[[Sequence[str]], Matrix],
    embed_texts: Callable[[Sequence[str]], Matrix],
) -> Draft:
    match purpose:
        case Summarise():
            text = summarise(
                [passage.text for passage in purpose.passages],
                embed_sentences,
                max_words=min(purpose.max_words, most_words),
                instructions=purpose.instructions,
                combine=purpose.combine,
                missing=purpose.missing,
            )
            return Draft(text)
        case Classify():
            if not purpose.labels:
                raise Permanent("classify: no labels to choose from", remedy="give at least one label")
            data = classify(
                purpose.text, purpose.labels, embed_texts, multiple=purpose.multiple, examples=purpose.examples
            )
            return Draft(", ".join(data["labels"]), data)
        case Extract():
            found = extract(purpose.text, purpose.schema, embed_sentences)
            return Draft(json.dumps(found, ensure_ascii=False), found)
        case Answer():
            passages = [(passage.text, passage.source) for passage in purpose.passages]
            reply = answer(purpose.question, passages, embed_sentences, max_words=most_words, missing=purpose.missing)
            return Draft(reply["answer"], reply)
        case Judge():
            if not purpose.candidates:
                raise Permanent("judge: no candidates to choose from", remedy="give at least one candidate")
            verdict = judge(purpose.question, purpose.candidates, purpose.criteria, embed_texts)
            return Draft(verdict["reason"], verdict)
        case Free():
            return Draft(summarise([purpose.prompt], embed_sentences, max_words=min(_FREE_WORDS, most_words)))
