"""Choosing sentences: a cheap first cut by TF-IDF, then sentence vectors, then variety by MMR.

    all sentences ──TF-IDF against the whole──▶ at most LIMIT ──vectors──▶ relevance ──MMR──▶ chosen, in input order

    MMR:  next = argmax  λ · relevance(s) - (1 - λ) · max cos(s, chosen)

The first cut keeps the cost of a large text near that of a small one: counting words is a thousand times cheaper
than a run of the encoder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from shared_agent.models.embedded.encoder import Matrix
from shared_agent.models.embedded.lexical import coverage, rarity, terms
from shared_agent.models.embedded.sentences import Sentence, fitness

_VARIETY = 0.65


def first_cut(sentences: Sequence[Sentence], limit: int, query: Iterable[str] = ()) -> list[Sentence]:
    """The ``limit`` sentences most like the whole (or most about the ``query`` terms), in input order."""
    distinct = _without_repeats(sentences)
    if len(distinct) <= limit:
        return distinct
    bags = [Counter(terms(sentence.text)) for sentence in distinct]
    weights = rarity(bags)
    whole: Counter[str] = Counter()
    for bag in bags:
        whole.update(bag)
    wanted = frozenset(query)

    def score(index: int) -> tuple[float, int]:
        bag = bags[index]
        norm = math.sqrt(sum((count * weights[term]) ** 2 for term, count in bag.items())) or 1.0
        central = sum(count * weights[term] * math.log1p(whole[term]) for term, count in bag.items()) / norm
        about = 10.0 * coverage(wanted, bag, weights)
        return (central + about) * (0.1 + fitness(distinct[index])), -index

    best = sorted(range(len(distinct)), key=score, reverse=True)[:limit]
    return [distinct[index] for index in sorted(best)]


def centrality(vectors: Matrix) -> list[float]:
    """Cosine of each vector with the mean of all."""
    if not len(vectors):
        return []
    mean = vectors.mean(axis=0)
    norm = float(np.linalg.norm(mean)) or 1.0
    return [float(value) / norm for value in vectors @ mean]


def choose_varied(relevance: Sequence[float], vectors: Matrix, costs: Sequence[int], budget: int) -> list[int]:
    """Indices by MMR until ``budget`` is spent, in input order; what does not fit is passed over, ties to the first."""
    left = [index for index in range(len(relevance)) if costs[index] <= budget]
    nearest = np.zeros(len(relevance), dtype=np.float32)
    chosen: list[int] = []
    while left:
        best = max(left, key=lambda i: (round(_VARIETY * relevance[i] - (1 - _VARIETY) * float(nearest[i]), 6), -i))
        chosen.append(best)
        budget -= costs[best]
        nearest = np.maximum(nearest, vectors @ vectors[best])
        left = [index for index in left if index != best and costs[index] <= budget and nearest[index] < 0.95]
    return sorted(chosen)


def _without_repeats(sentences: Sequence[Sentence]) -> list[Sentence]:
    seen: set[str] = set()
    kept: list[Sentence] = []
    for sentence in sentences:
        key = " ".join(sentence.text.casefold().split())
        if key not in seen:
            seen.add(key)
            kept.append(sentence)
    return kept
