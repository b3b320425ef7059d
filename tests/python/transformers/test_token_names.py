"""Names of tokens: readable, unique, the same for tokenizers of every make."""

import pytest

pytest.importorskip("torch", reason="covlasso.transformers needs torch")
pytest.importorskip("transformers", reason="covlasso.transformers needs transformers")

from tiny_language_models import byte_level, sentence_piece, word_piece

from covlasso.transformers import shared_tokens, token_names


def named(tokenizer, token, size=None):
    return token_names(tokenizer, size)[tokenizer.convert_tokens_to_ids(token)]


def test_byte_level_tokens_are_written_as_text():
    tokenizer = byte_level()
    names = token_names(tokenizer)
    assert len(names) == len(set(names)) == len(tokenizer)
    assert names[0] == "<|end|>"
    (child,) = tokenizer(" child").input_ids
    assert names[child] == " child"
    for number, name in enumerate(names[1:], 1):
        text = tokenizer.decode([number])
        if "�" not in text and text.isprintable():
            assert name == text
    assert [named(tokenizer, letter) for letter in "!#a"] == ["!", "#", "a"]
    assert named(tokenizer, "Ġ") == " "
    assert named(tokenizer, "Ċ") == "\\n"
    assert named(tokenizer, "ĉ") == "\\t"
    assert named(tokenizer, "â") == "<0xE2>"
    assert named(tokenizer, "Ń") == "<0xAD>"


def test_every_byte_has_a_name_of_its_own():
    from tokenizers import pre_tokenizers

    tokenizer = byte_level()
    letters = pre_tokenizers.ByteLevel.alphabet()
    names = {named(tokenizer, letter) for letter in letters}
    assert len(names) == len(letters) == 256
    assert {f"<0x{byte:02X}>" for byte in range(0x80, 0x100)} < names


def test_pieces_and_bytes_of_sentence_piece_are_what_they_are():
    tokenizer = sentence_piece()
    names = token_names(tokenizer)
    assert names[:4] == ["<unk>", "<s>", "</s>", "<0x00>"]
    assert named(tokenizer, "▁child") == " child"
    assert shared_tokens(token_names(byte_level()), names).count(" child") == 1


def test_pieces_of_words_keep_their_mark():
    tokenizer = word_piece()
    names = token_names(tokenizer)
    assert any(name.startswith("##") for name in names)
    assert names[:3] == ["[PAD]", "[UNK]", "[CLS]"]


def test_rows_without_a_token_say_so():
    tokenizer = byte_level()
    size = len(tokenizer)
    names = token_names(tokenizer, size + 3)
    assert names[size:] == [f"<padding {size + k}>" for k in range(3)]
    tokenizer.get_vocab = lambda: {"a": 0, "b": 2}
    assert token_names(tokenizer, 4) == ["a", "<unused 1>", "b", "<padding 3>"]
    assert shared_tokens(token_names(tokenizer, 4), ["<padding 3>", "<unused 1>", "b"]) == ["b"]


def test_equal_names_get_their_id():
    tokenizer = byte_level()
    tokenizer.get_vocab = lambda: {
        "<|end|>": 0,
        "aĠb": 1,
        "a b": 2,
        "\\n": 3,
        "Ċ": 4,
        "": 5,
        "x": 6,
        "x #6": 7,
    }
    assert token_names(tokenizer)[1:] == ["a b #1", "a b #2", "\\n #3", "\\n #4", "<empty>", "x", "x #6"]
