"""Extractive summaries: the most central sentences that say different things, in the order of the input."""

from __future__ import annotations

from collections.abc import Sequence

from shared_agent.models.embedded import notices
from shared_agent.models.embedded.encoder import Embed
from shared_agent.models.embedded.lexical import terms
from shared_agent.models.embedded.ranking import centrality, choose_varied, first_cut
from shared_agent.models.embedded.sentences import Sentence, fitness, joined, sentences

_RANKED = 40
_RANKED_COMBINING = 64
_SHORT = 60
_SHARE = 3
_FITNESS_TO_QUOTE = 0.3


def summarise(
    texts: Sequence[str],
    embed: Embed,
    *,
    max_words: int,
    instructions: str = "",
    combine: bool = False,
    missing: str = "",
) -> str:
    """Condense ``texts`` to at most ``max_words`` words and a third of their length, with the notices.

    ``instructions`` draw the choice towards sentences about them. Gaps that the texts name are carried on.
    """
    stripped = [notices.strip(text) for text in texts]
    gaps = [gap for part in stripped for gap in part.gaps] + ([missing] if missing else [])
    found = sentences([part.body for part in stripped])
    fit = [sentence for sentence in found if fitness(sentence) > _FITNESS_TO_QUOTE] or found
    body = _body(fit, embed, _budget(fit, max_words, combine), instructions, combine)
    if not body:
        body = _opening(" ".join(part.body for part in stripped), max_words)
    return notices.attach(body, gaps)


def _body(fit: Sequence[Sentence], embed: Embed, budget: int, instructions: str, combine: bool) -> str:
    ranked = first_cut(fit, _RANKED_COMBINING if combine else _RANKED, terms(instructions))
    if not ranked:
        return ""
    vectors = embed([sentence.text for sentence in ranked])
    relevance = centrality(vectors)
    best = max(relevance) or 1.0
    wanted = vectors @ embed([instructions])[0] if instructions.strip() else None
    scores: list[float] = []
    for index, sentence in enumerate(ranked):
        score = relevance[index] / best * (0.5 + 0.5 * fitness(sentence))
        score += 1.5 * float(wanted[index]) if wanted is not None else 0.0 if combine else _lead(sentence)
        scores.append(score)
    chosen = choose_varied(scores, vectors, [sentence.words for sentence in ranked], budget)
    return joined([ranked[index].text for index in chosen])


def _lead(sentence: Sentence) -> float:
    """Texts say first what they are about: worth 0.15 at the start, half of it seven sentences on."""
    return 0.15 * 0.9**sentence.order


def _budget(fit: Sequence[Sentence], max_words: int, combine: bool) -> int:
    total = sum(sentence.words for sentence in fit)
    if combine or total <= _SHORT:
        return max_words
    shortest = min(sentence.words for sentence in fit)
    return min(max_words, max(_SHORT, total // _SHARE, shortest))


def _opening(text: str, max_words: int) -> str:
    return " ".join(text.split()[:max_words])
