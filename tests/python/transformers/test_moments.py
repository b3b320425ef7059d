"""Moments of language models against plain sums of what the models themselves give, block by block."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="covlasso.transformers needs torch")
pytest.importorskip("transformers", reason="covlasso.transformers needs transformers")

from tiny_language_models import blocks, make, own_logits  # noqa: E402
from torch import nn  # noqa: E402

from covlasso import SplitMoments  # noqa: E402
from covlasso.moments import held_out  # noqa: E402
from covlasso.transformers import LanguageModel, extract, text_of_tokens  # noqa: E402

P = 150
CAUSAL = {
    "LlamaForCausalLM": {},
    "GPT2LMHeadModel": {},
    "CohereForCausalLM": {"logit_scale": 0.0625},
    "GraniteForCausalLM": {"logits_scaling": 6.0},
    "Gemma2ForCausalLM": {"final_logit_softcapping": None},
    "PhiForCausalLM": {},  # W h + b
}
DOCUMENTS = blocks(P)


def second(rows):
    return rows.T @ rows / len(rows)


def close(a, b, rtol=1e-10):
    return np.abs(a - b).max() <= rtol * np.abs(b).max()


@pytest.mark.parametrize("kind", CAUSAL)
def test_moments_are_plain_sums_of_the_models_own_logits(kind):
    model = make(kind, P, **CAUSAL[kind])
    said = []
    found = extract(LanguageModel("m", model), DOCUMENTS, on_note=said.append).moments.fit
    rows = np.concatenate([own_logits(model, tokens) for tokens in DOCUMENTS])
    assert found.count == len(rows) == sum(map(len, DOCUMENTS))
    assert found.heads["m"].features == 16
    rtol = 1e-6 if kind.startswith("Gemma") else 1e-10  # its norms are in float32, whatever the model is in
    assert close(found.second_moment("m"), second(rows), rtol)
    assert close(found.covariance("m"), np.cov(rows.T, bias=True), rtol)
    assert said[0] == "text: 155 positions in 6 documents, 6 blocks of at most 64 tokens"
    assert len(said) == 1 + bool(CAUSAL[kind].get("logit_scale") or CAUSAL[kind].get("logits_scaling"))


def test_what_is_kept_is_the_input_of_the_head():
    model = make("LlamaForCausalLM", P)
    found = extract(LanguageModel("m", model), DOCUMENTS).moments.fit
    with torch.inference_mode():
        states = [model.model(input_ids=torch.tensor(t[None])).last_hidden_state[0] for t in DOCUMENTS]
    h = torch.cat(states).numpy()
    assert np.array_equal(found.heads["m"].weight, model.lm_head.weight.detach().numpy())
    weight = found.heads["m"].weight
    assert close(found.second_moment("m"), weight @ second(h) @ weight.T, 1e-13)


@pytest.mark.parametrize("kind", ["BertForMaskedLM", "RobertaForMaskedLM"])
def test_a_masked_model_is_read_at_every_position_of_the_unmasked_text(kind):
    model = make(kind, P, max_position_embeddings=80, pad_token_id=0)
    documents = [tokens % (P - 1) + 1 for tokens in DOCUMENTS]  # 0 is padding
    found = extract(LanguageModel("m", model, masked=True), documents, classes="labels")
    rows = np.concatenate([own_logits(model, tokens) for tokens in documents])
    own = np.concatenate(documents)
    assert close(
        found.moments.fit.second_moment("m"), second(rows)
    )  # W h + b of the decoder, after its transform
    assert np.array_equal(found.moments.fit.class_counts("m"), np.bincount(own, minlength=P))
    assert found.correct["m"] == (rows.argmax(axis=1) == own).sum()
    assert found.labelled == len(own)


@pytest.mark.parametrize("batch_size", [1, 2, 6, None])
def test_padding_is_no_sample_and_labels_are_the_next_tokens(batch_size):
    model = make("LlamaForCausalLM", P)
    found = extract(LanguageModel("m", model), DOCUMENTS, batch_size=batch_size)
    assert found.moments.fit.classes == "labels"
    rows = np.concatenate([own_logits(model, tokens) for tokens in DOCUMENTS])
    label = np.concatenate([np.append(tokens[1:], -1) for tokens in DOCUMENTS])
    assert close(found.moments.fit.second_moment("m"), second(rows))
    counts = np.bincount(label[label >= 0], minlength=P)
    assert np.array_equal(found.moments.fit.class_counts("m"), counts)
    assert found.labelled == counts.sum() == len(rows) - len(DOCUMENTS)
    assert found.correct["m"] == (rows.argmax(axis=1) == label).sum()
    means = found.moments.fit.class_means("m", "m")
    for k in np.flatnonzero(counts):
        assert np.allclose(means[k], rows[label == k].mean(axis=0), rtol=1e-9, atol=1e-9)


def test_class_means_that_are_too_large_are_left_out_unless_asked_for(monkeypatch):
    monkeypatch.setattr("covlasso.transformers.extraction._LABELS", 1000)
    model, said = LanguageModel("m", make("LlamaForCausalLM", P)), []
    assert extract(model, DOCUMENTS, on_note=said.append).moments.fit.classes is None
    assert said[1].startswith("means by label are not kept, as they would take 0.0 GB; classes='labels'")
    assert extract(model, DOCUMENTS, classes="labels").moments.fit.classes == "labels"


def test_decisions_are_those_of_the_model():
    model = make("LlamaForCausalLM", P)
    found = extract(LanguageModel("m", model), DOCUMENTS, classes="decisions").moments.fit
    rows = np.concatenate([own_logits(model, tokens) for tokens in DOCUMENTS])
    assert np.array_equal(found.class_counts("m"), np.bincount(rows.argmax(axis=1), minlength=P))


@pytest.mark.parametrize(("length", "stride"), [(16, 0), (16, 5), (20, 19), (64, 3)])
def test_what_a_block_repeats_is_context_and_no_sample(length, stride):
    model = make("LlamaForCausalLM", P)
    language = LanguageModel("m", model)
    text = text_of_tokens(DOCUMENTS, [language], max_length=length, stride=stride)
    found = extract(language, text)
    rows = []
    for tokens in DOCUMENTS:
        seen = 0
        for begin in range(0, len(tokens), length - stride):
            block = tokens[begin : begin + length]
            rows.append(own_logits(model, block)[seen - begin :])
            seen = begin + len(block)
            if seen == len(tokens):
                break
    rows = np.concatenate(rows)
    assert len(rows) == found.count == sum(map(len, DOCUMENTS))
    assert close(found.moments.fit.second_moment("m"), second(rows))
    assert found.labelled == len(rows) - len(DOCUMENTS)  # the next token may be in the next block


def test_a_document_is_on_one_side_of_the_split(tmp_path):
    model, out = make("LlamaForCausalLM", P), tmp_path / "m.safetensors"
    documents = {f"a/{k}": tokens for k, tokens in enumerate(blocks(P, [9] * 12))}
    extract(LanguageModel("m", model), documents, held_out=0.5, folds=2, out=out)
    found = SplitMoments.load(out)
    side = held_out(list(documents), 0.5)
    for part, chosen in (("fit", ~side), ("held_out", side)):
        rows = np.concatenate(
            [own_logits(model, t) for t, here in zip(documents.values(), chosen, strict=True) if here]
        )
        assert found.parts[part].count == len(rows)
        assert close(found.parts[part].second_moment("m"), second(rows))


def test_models_of_one_vocabulary_have_joint_moments():
    one, other = make("LlamaForCausalLM", P), make("GPT2LMHeadModel", P, seed=3)
    found = extract([LanguageModel("a", one), LanguageModel("b", other)], DOCUMENTS).moments.fit
    rows = [np.concatenate([own_logits(model, tokens) for tokens in DOCUMENTS]) for model in (one, other)]
    assert close(found.second_moment("a", "b"), rows[0].T @ rows[1] / len(rows[0]))


def test_a_soft_cap_is_an_error_or_the_logits_before_it():
    model = make("Gemma2ForCausalLM", P, final_logit_softcapping=3.0, attn_logit_softcapping=50.0)
    with pytest.raises(
        ValueError, match=r"caps its logits: .* c = 3, final_logit_softcapping.*before_softcap"
    ):
        extract(LanguageModel("m", model), DOCUMENTS)
    said = []
    found = extract(LanguageModel("m", model), DOCUMENTS, before_softcap=True, on_note=said.append)
    capped = np.concatenate([own_logits(model, tokens) for tokens in DOCUMENTS])
    assert np.abs(capped).max() > 2
    assert close(found.moments.fit.second_moment("m"), second(3.0 * np.arctanh(capped / 3.0)), 1e-5)
    assert said[1] == (
        "m: logits are c tanh((W h + b) / c) with c = 3, final_logit_softcapping in its configuration; "
        "moments are of the logits before the cap"
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("LlamaForCausalLM", {}),
        ("Gemma2ForCausalLM", {"final_logit_softcapping": 20.0}),
        ("CohereForCausalLM", {"logit_scale": 0.0625}),
        ("GraniteForCausalLM", {"logits_scaling": 6.0}),
    ],
)
def test_in_lower_precision_nothing_is_refused_that_is_right(kind, more, dtype):
    model = make(kind, P, **more).to(dtype)
    found = extract(LanguageModel("m", model), DOCUMENTS, before_softcap=True).moments.fit
    rows = np.concatenate([own_logits(model, tokens) for tokens in DOCUMENTS])
    if kind.startswith("Gemma"):
        rows = 20.0 * np.arctanh(rows / 20.0)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    assert close(found.second_moment("m"), second(rows), tolerance)


class Odd(nn.Module):
    """A model that treats its logits from some batch on."""

    def __init__(self, model, odd, begin):
        super().__init__()
        self.model, self.odd, self.begin, self.config, self.calls = model, odd, begin, model.config, -1

    def get_output_embeddings(self):
        return self.model.get_output_embeddings()

    def get_input_embeddings(self):
        return self.model.get_input_embeddings()

    def forward(self, input_ids, attention_mask=None):
        output = self.model(input_ids=input_ids, attention_mask=attention_mask)
        if self.calls >= self.begin:  # -1 is the probe
            output.logits = self.odd(output.logits)
        self.calls += 1
        return output


def suppressed(logits):
    logits = logits.clone()
    logits[..., 7] = -10.0
    return logits


def slightly_larger(logits):
    return logits * 1.001


@pytest.mark.parametrize("few", [2**22, 1])  # a large head is compared strip by strip
@pytest.mark.parametrize(
    "odd", [lambda x: 3 * (x / 3).tanh(), slightly_larger, lambda x: x.clamp(-4, 4), suppressed]
)
@pytest.mark.parametrize(("begin", "sample"), [(-1, None), (2, "2:0")])
def test_logits_that_are_not_those_of_the_head_end_the_pass(odd, begin, sample, few, monkeypatch):
    monkeypatch.setattr("covlasso.torch.extraction.taps._FEW", few)
    monkeypatch.setattr("covlasso.torch.extraction.taps._STRIP", 20)
    model = Odd(make("LlamaForCausalLM", P), odd, begin)
    if sample is None and odd is slightly_larger:
        said = []
        extract(LanguageModel("m", model), DOCUMENTS, on_note=said.append)  # a scale alone is no trouble
        assert said[1] == "m: logits are 1.001 (W h + b), as it was measured"
        return
    where = "" if sample is None else f" at {sample}"
    with pytest.raises(ValueError, match=rf"the logits of model 'm'{where} are not W h \+ b of its output"):
        extract(LanguageModel("m", model), blocks(P, [20] * 6), batch_size=1)


def test_a_model_without_a_linear_head_is_refused():
    model = make("LlamaForCausalLM", P)
    with pytest.raises(ValueError, match="LlamaModel, has no linear output embeddings"):
        extract(LanguageModel("m", model.model), DOCUMENTS)


def test_the_model_is_left_as_it_was():
    model = make("LlamaForCausalLM", P).train()
    extract(LanguageModel("m", model), DOCUMENTS)
    assert model.training
    assert not model.lm_head._forward_hooks
    assert not model.lm_head._forward_pre_hooks


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([[1, P]], f"block 0 has token {P} at 1; ids from 0 to {P - 1}"),
        ([[1, -1]], "block 0 has token -1 at 1"),
        ([[1.5]], "block 0 is float64 of shape"),
        ([[[1]]], "block 0 is int64 of shape"),
        ([], "blocks hold no token"),
        ([[]], "blocks hold no token"),
    ],
)
def test_blocks_that_are_none(given, words):
    with pytest.raises((TypeError, ValueError), match=words):
        extract(LanguageModel("m", make("LlamaForCausalLM", P)), given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_length": 65}, "max_length is 65, and model 'm' has 64 positions"),
        ({"max_length": 8, "stride": 8}, "max_length is 8 and stride 8: a block has room for 8"),
        ({"stride": -1}, "stride is -1"),
    ],
)
def test_lengths_that_cannot_be(options, words):
    with pytest.raises(ValueError, match=words):
        text_of_tokens(DOCUMENTS, [LanguageModel("m", make("LlamaForCausalLM", P))], **options)


def test_masked_and_causal_models_do_not_mix():
    models = [
        LanguageModel("a", make("LlamaForCausalLM", P)),
        LanguageModel("b", make("BertForMaskedLM", P), masked=True),
    ]
    with pytest.raises(ValueError, match="model 'b' is masked and 'a' causal"):
        extract(models, DOCUMENTS)


def test_an_empty_part_of_the_split_is_found_before_the_pass():
    with pytest.raises(ValueError, match="would get none of the 1 groups"):
        extract(LanguageModel("m", make("LlamaForCausalLM", P)), [[1, 2]], held_out=0.5)
