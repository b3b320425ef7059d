"""Random language models of a few thousand weights, and tokenizers made of a few lines."""

from __future__ import annotations

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

LINES = [
    "the child has a child and the children have the main project of a parent",
    "a naïve café — « the main thing » — is where the people of the main street meet",
    "one project, two projects; Projects are the best thing that a people can have!",
    "\tdef main():\n        return 'the end'\n",
]
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


def byte_level(size=320, lines=LINES):
    """A tokenizer as GPT-2's, without special tokens around a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>")


def sentence_piece(size=330, lines=LINES):
    """A tokenizer as Llama's: spaces are ▁, other bytes <0x..>, and <s> begins every block."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(lines[:3], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def word_piece(size=90, lines=LINES):
    """A tokenizer as BERT's."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        lines, trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def make(kind, vocabulary, seed=0, **more):
    """Return a random model of a class of transformers, in float64, with logits of size about 1 or more."""
    name = kind.removesuffix("ForCausalLM").removesuffix("ForMaskedLM").removesuffix("LMHeadModel")
    given = {**SMALL, "vocab_size": vocabulary, "max_position_embeddings": 64, **more}
    if name == "GPT2":
        given = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": vocabulary, **more}
    if name.startswith(("Gemma", "Cohere")):
        given = {"head_dim": 8, "num_key_value_heads": 1, "pad_token_id": 0, **given}
    torch.manual_seed(seed)
    model = getattr(transformers, kind)(getattr(transformers, f"{name}Config")(**given)).eval()
    with torch.no_grad():
        head = model.get_output_embeddings()
        head.weight.mul_(40.0)
        if head.bias is not None:
            head.bias.normal_()
    return model.double()


def blocks(vocabulary, lengths=(5, 40, 33, 12, 1, 64), seed=1):
    """Return random tokens."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, vocabulary, size=length) for length in lengths]


def own_logits(model, tokens):
    """Logits of one block that is run alone, by the model itself, (positions, p) in float64."""
    with torch.inference_mode():
        return model(input_ids=torch.tensor(tokens[None])).logits[0].double().numpy()


def write_gguf(file, tokenizer):
    """Write a random Llama of one layer with the tokenizer's vocabulary, in float32."""
    import json

    from gguf import GGUFWriter, TokenType

    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    width, inner, heads = 16, 24, 2
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] + [TokenType.NORMAL] * (len(tokens) - 1))
    writer.add_token_merges(merges)
    writer.add_eos_token_id(0)
    rng = np.random.default_rng(0)
    shapes = {f"blk.0.attn_{part}.weight": (width, width) for part in ("q", "k", "v", "output")}
    shapes |= {f"blk.0.ffn_{part}.weight": (inner, width) for part in ("gate", "up")}
    shapes |= {"blk.0.ffn_down.weight": (width, inner), "token_embd.weight": (len(tokens), width)}
    for name, shape in shapes.items():
        writer.add_tensor(name, rng.standard_normal(shape).astype(np.float32))
    for name in ("blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"):
        writer.add_tensor(name, np.ones(width, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
