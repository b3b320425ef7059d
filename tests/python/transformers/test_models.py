"""Models by their names: folders and GGUF files, causal and masked, and what is refused."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="covlasso.transformers needs torch")
pytest.importorskip("transformers", reason="covlasso.transformers needs transformers")

from tiny_language_models import byte_level, make, own_logits, word_piece, write_gguf  # noqa: E402

from covlasso.transformers import ModelOptions, extract, load_models, open_text, token_names  # noqa: E402


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder, tokenizer = tmp_path_factory.mktemp("models") / "bert", word_piece()
    make("BertForMaskedLM", len(tokenizer)).float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_gguf_file_is_read_by_its_path_or_in_its_folder(tmp_path):
    pytest.importorskip("gguf", reason="GGUF files need gguf")
    pytest.importorskip("accelerate", reason="GGUF files need accelerate")
    tokenizer = byte_level()
    write_gguf(tmp_path / "tiny.gguf", tokenizer)
    (tmp_path / "a.txt").write_text("the children have a child")
    (by_path,) = load_models([str(tmp_path / "tiny.gguf")])
    (in_folder,) = load_models([str(tmp_path)], ["mine"], ["tiny.gguf"])
    assert (by_path.name, in_folder.name) == ("tiny", "mine")
    weights = [model.module.get_output_embeddings().weight for model in (by_path, in_folder)]
    assert torch.equal(*weights)
    found = extract(by_path, open_text(tmp_path / "a.txt", [by_path]))
    ids = by_path.tokenizer("the children have a child", add_special_tokens=False).input_ids
    assert ids == tokenizer("the children have a child").input_ids
    rows = own_logits(by_path.module, np.array(ids))
    plain = rows.T @ rows / len(rows)
    assert np.abs(found.moments.fit.second_moment("tiny") - plain).max() <= 1e-5 * np.abs(plain).max()
    assert found.moments.fit.class_names["tiny"] == tuple(token_names(tokenizer))


def test_a_class_says_whether_a_model_is_masked(bert):
    (found,) = load_models([str(bert)])
    assert found.masked
    assert type(found.module).__name__ == "BertForMaskedLM"
    assert found.name == "bert"
    assert not found.module.training
    assert found.module.dtype == torch.float32


def test_types_and_arguments_reach_the_model(bert):
    options = ModelOptions(model_dtype="bfloat16", model_kwargs={"attn_implementation": "eager"})
    (found,) = load_models([str(bert)], ["b"], options=options)
    assert found.module.dtype == torch.bfloat16
    assert found.module.config._attn_implementation == "eager"
    assert found.made["attn_implementation"] == "'eager'"


def test_names_are_one_per_model_and_unique(bert):
    with pytest.raises(ValueError, match="the models are named bert, bert; give each another name"):
        load_models([str(bert), str(bert)])
    with pytest.raises(ValueError, match="there are 1 models and 2 of name"):
        load_models([str(bert)], ["a", "b"])
    with pytest.raises(ValueError, match="there are 1 models and 2 of gguf"):
        load_models([str(bert)], gguf=["a", "b"])
