"""From files to documents, from documents to tokens and blocks."""

import io
import json
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="covlasso.transformers needs torch")
pytest.importorskip("transformers", reason="covlasso.transformers needs transformers")

from tiny_language_models import LINES, byte_level, make, own_logits, sentence_piece, word_piece  # noqa: E402

from covlasso.transformers import LanguageModel, extract, open_text, read_documents, token_names  # noqa: E402

TEXT = " ".join(LINES * 2)


def language(tokenizer=None, kind="LlamaForCausalLM", name="m", seed=0, **more):
    tokenizer = tokenizer or byte_level()
    return LanguageModel(name, make(kind, len(tokenizer), seed, **more), tokenizer, kind.endswith("MaskedLM"))


def documents(*sources, **options):
    found = read_documents(sources, **options)
    return {document.name: document.text for document in found.found}


def test_a_file_is_a_document_whatever_its_ending(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    (tmp_path / "wise").write_text("\ufeffthree", encoding="utf-8")
    assert documents(tmp_path / "wise", tmp_path / "a.txt") == {"a.txt": "one\n\ntwo\n", "wise": "three"}


def test_a_folder_is_read_with_all_below_it(tmp_path):
    for name in ("b/c.txt", "b/a.md", "d.rst", "e.csv", "f"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.txt").symlink_to(tmp_path / "d.rst")
    found = read_documents([tmp_path])
    assert [d.name for d in found.found] == ["b/a.md", "b/c.txt", "d.rst"]
    others, again = found.notes
    assert others == (
        f"files below {tmp_path} not read: 1 .csv, 1 without an ending; give them by name to read them"
    )
    assert again == f"left out, as it is read already: {tmp_path}/link.txt"


def test_files_of_one_name_are_called_by_their_paths(tmp_path):
    for name in ("a/x.txt", "b/x.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    assert set(documents(tmp_path / "a", tmp_path / "b")) == {f"{tmp_path}/a/x.txt", f"{tmp_path}/b/x.txt"}


def test_records_and_pieces_are_called_by_their_lines(tmp_path):
    records = [{"text": "one"}, {"text": " "}, {"text": "three", "id": 3}]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n\n")
    (tmp_path / "wise").write_text("a\nb\n%\n%\nc\n%\n")
    (tmp_path / "verse").write_text("\na\nb\n \n\nc")
    found = read_documents([tmp_path / "r.jsonl"])
    assert [tuple(d) for d in found.found] == [("r.jsonl:1", "one"), ("r.jsonl:3", "three")]
    assert found.skipped == [("r.jsonl:2", "it has no text")]
    assert documents(tmp_path / "wise", separator="%") == {"wise:1": "a\nb\n", "wise:5": "c\n"}
    assert documents(tmp_path / "verse", separator="blank") == {"verse:2": "a\nb\n", "verse:6": "c"}
    (tmp_path / "r.jsonl").write_text('{"body": "x"}')
    assert documents(tmp_path / "r.jsonl", field="body") == {"r.jsonl:1": "x"}


def test_standard_input_is_a_document(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("né\n".encode())))
    assert documents("-") == {"standard input": "né\n"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "a.txt",
            b"one\ntw\xf6\n",
            r"a.txt: byte 0xf6 at 6 \(line 2\) is not utf-8; give the file's encoding",
        ),
        ("a.jsonl", b'{"text": "a"}\n{"text"\n', "a.jsonl, line 2 is not JSON"),
        (
            "a.jsonl",
            b'{"text": 1, "b": "c"}',
            "a.jsonl, line 1 has no text in field 'text'; it has 'text', 'b'",
        ),
        ("a.jsonl", b"[1]", "a.jsonl, line 1 has no text in field 'text'; it has list"),
        ("a.txt", b" \n", "there is no text in .*; the first, a.txt: it has no text"),
    ],
)
def test_bad_text_is_one_line_with_its_place(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        read_documents([tmp_path / name])
    assert "\n" not in str(error.value)


def test_other_encodings_are_read_when_they_are_named(tmp_path):
    (tmp_path / "a").write_bytes("tö".encode("latin-1"))
    assert documents(tmp_path / "a", encoding="latin-1") == {"a": "tö"}
    with pytest.raises(ValueError, match="encoding is 'klingon'; there is none"):
        documents(tmp_path / "a", encoding="klingon")


def test_what_is_not_there():
    with pytest.raises(FileNotFoundError, match="text nowhere does not exist"):
        read_documents(["nowhere"])
    with pytest.raises(ValueError, match="separator is ' '"):
        read_documents(["nowhere"], separator=" ")


@pytest.mark.parametrize("make_tokenizer", [byte_level, sentence_piece, word_piece])
@pytest.mark.parametrize(("length", "stride"), [(16, 0), (16, 4), (64, 20)])
def test_blocks_are_those_of_the_tokenizer(tmp_path, make_tokenizer, length, stride):
    (tmp_path / "a.txt").write_text(TEXT)
    kind = "BertForMaskedLM" if make_tokenizer is word_piece else "LlamaForCausalLM"
    model = language(make_tokenizer(), kind)
    found = extract(model, open_text(tmp_path / "a.txt", [model], max_length=length, stride=stride))
    plain = model.tokenizer(
        TEXT, max_length=length, stride=stride, truncation=True, return_overflowing_tokens=True,
        return_special_tokens_mask=True,
    )  # fmt: skip
    special = [np.array(mask) for mask in plain["special_tokens_mask"]]
    rows, seen = [], 0
    for k, (ids, mask) in enumerate(zip(plain["input_ids"], special, strict=True)):
        new = own_logits(model.module, np.array(ids))[mask == 0]
        rows.append(new if k == 0 else new[stride:])
        seen += len(rows[-1])
    assert len(rows) > 3
    whole = model.tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert found.count == seen == len(whole)
    rows = np.concatenate(rows)
    plain = rows.T @ rows / len(rows)
    moments = found.moments.fit
    assert np.abs(moments.second_moment("m") - plain).max() <= 1e-10 * np.abs(plain).max()
    label = whole if model.masked else whole[1:]
    assert np.array_equal(moments.class_counts("m"), np.bincount(label, minlength=len(model.tokenizer)))
    assert moments.class_names["m"] == tuple(token_names(model.tokenizer))


def test_the_default_length_is_what_model_and_tokenizer_allow(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    model = language()
    assert open_text([tmp_path / "a.txt"], [model]).max_length == 64
    model.tokenizer.model_max_length = 40
    assert open_text([tmp_path / "a.txt"], [model]).max_length == 40


def test_rows_beyond_the_tokenizer_are_told(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    tokenizer = byte_level()
    model = LanguageModel("m", make("LlamaForCausalLM", len(tokenizer) + 2), tokenizer)
    said = []
    found = extract(model, open_text([tmp_path / "a.txt"], [model]), on_note=said.append)
    assert found.moments.fit.class_names["m"][-1] == f"<padding {len(tokenizer) + 1}>"
    assert said[1] == f"m: 2 of {len(tokenizer) + 2} rows of W are beyond the tokenizer, <padding ...>"


def test_models_of_two_vocabularies_meet_where_tokens_of_both_end(tmp_path):
    lines = ["the child has a café — and the main project", "people of the main street"]
    for k, line in enumerate(lines):
        (tmp_path / f"{k}.txt").write_text(line)
    one, other = language(name="a"), language(sentence_piece(), name="b", seed=1)
    said = []
    text = open_text([tmp_path], [one, other])
    found = extract([one, other], text, on_note=said.append, classes="labels")
    rows = {"a": [], "b": []}
    following = []
    for line in lines:
        places = {}
        for model in (one, other):
            plain = model.tokenizer(line, return_offsets_mapping=True, add_special_tokens=False)
            ends = {end: k for k, (_, end) in enumerate(plain["offset_mapping"])}  # the last of equal ones
            before = model.tokenizer("")["input_ids"]
            logits = own_logits(model.module, np.array([*before, *plain["input_ids"]]))[len(before) :]
            places[model.name] = (ends, logits, [*plain["input_ids"], -1])
        common = sorted(places["a"][0].keys() & places["b"][0].keys() - {0})
        for name, (ends, logits, _) in places.items():
            rows[name] += [logits[ends[place]] for place in common]
        ends, _, ids = places["b"]  # labels are of the larger vocabulary
        following += [ids[ends[place] + 1] for place in common]
    a, b = (np.array(rows[name]) for name in ("a", "b"))
    assert found.count == len(a) > 20
    moments = found.moments.fit
    for pair, plain in ((("a", "b"), a.T @ b), (("a", "a"), a.T @ a), (("b", "b"), b.T @ b)):
        assert (
            np.abs(moments.second_moment(*pair) - plain / len(a)).max()
            <= 1e-10 * np.abs(plain / len(a)).max()
        )
    labels = np.array(following)
    counts = np.bincount(labels[labels >= 0], minlength=len(other.tokenizer))
    assert np.array_equal(moments.class_counts("b"), counts)
    assert found.correct["b"] == (b.argmax(axis=1) == labels).sum()
    shared = set(moments.class_names["a"]) & set(moments.class_names["b"])
    assert " child" in shared
    assert said[1].startswith(
        f"a and b have {len(one.tokenizer)} and {len(other.tokenizer)} tokens and share {len(shared)} by "
        "name (..., "
    )


@pytest.mark.parametrize(("length", "stride"), [(20, 0), (20, 6), (64, 0)])
def test_blocks_of_two_vocabularies_show_each_place_once(tmp_path, length, stride):
    (tmp_path / "a.txt").write_text(TEXT)
    models = [language(name="a"), language(sentence_piece(), name="b", seed=1)]
    text = open_text([tmp_path], models, max_length=length, stride=stride)
    (document,) = text.documents
    assert len(document.seen["a"]) == len(document.seen["b"]) > 80
    from covlasso.transformers.blocks import cut

    blocks = sorted(cut(text), key=lambda block: block.places.start)
    assert [place for block in blocks for place in block.places] == list(range(len(document.seen["a"])))
    for before, block in zip([None, *blocks], blocks, strict=False):
        for name in ("a", "b"):
            assert block.end[name] - block.begin[name] + text.affixes[name].length <= length
            assert block.begin[name] < document.seen[name][block.places.start]
            if before is not None:
                assert before.end[name] - block.begin[name] >= stride
    assert extract(models, text).count == len(document.seen["a"])


def test_a_slow_tokenizer_cannot_meet_another_vocabulary(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    models = [language(name="a"), language(sentence_piece(), name="b")]
    models[1].tokenizer.__class__ = type("Slow", (type(models[1].tokenizer),), {"is_fast": False})
    with pytest.raises(ValueError, match="model 'b' has a slow tokenizer"):
        open_text([tmp_path], models)


def test_text_needs_a_tokenizer(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    with pytest.raises(ValueError, match="model 'm' has no tokenizer; give blocks of tokens"):
        open_text([tmp_path], [LanguageModel("m", make("LlamaForCausalLM", 10))])


def test_samples_are_named_by_document_and_position(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "empty.txt").write_text("")
    model, out = language(), tmp_path / "m.safetensors"
    found = extract(model, open_text([tmp_path], [model]), out=out, save_logits="float32")
    names = (tmp_path / "m.samples.txt").read_text().split()
    assert sorted(names, key=lambda name: int(name.split(":")[1])) == [
        f"a.txt:{k}" for k in range(found.count)
    ]
    assert found.skipped == [("empty.txt", "it has no text")]
    assert found.moments.skipped == 1
    with pytest.raises(ValueError, match=r"empty.txt cannot be read: it has no text"):
        extract(model, open_text([tmp_path], [model]), strict=True)
