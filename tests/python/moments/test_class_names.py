"""Files of class names: every line a name, exactly; anything else is one line with file and line number."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covlasso.dependencies import repeated
from covlasso.moments import read_class_names

NAMES = st.lists(
    st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1).filter(
        lambda name: name.strip() and not name.endswith("\r")
    ),
    min_size=1,
)


@given(names=NAMES.filter(lambda names: not names[0].startswith("\ufeff")), mark=st.booleans())
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_is_written_is_read(end, tmp_path_factory, names, mark):
    file = tmp_path_factory.mktemp("names") / "names.txt"
    text = "\ufeff" * mark + end.join(names)
    for content in (text, text + end):
        file.write_bytes(content.encode())
        assert read_class_names(file) == names


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", " is empty"),
        ("Hund\nLöwe\n".encode("cp1252"), ", line 2 is not UTF-8 (byte 0xf6); save the file as UTF-8"),
        ("cat\ndog\n".encode("utf-16"), ", line 1: the file is in UTF-16 or no text"),
        ("cat\ndog\n".encode("utf-16-le"), ", line 1: the file is in UTF-16 or no text"),
        (b"cat\n\ndog\n", ", line 2 is blank; every category needs a name"),
        (b"cat\n \t\n", ", line 2 is blank"),
        (b";\r\ncat\nowl\n", ", line 2: some lines end with a carriage return and others do not"),
        (b"cat\n;\r\nowl\n", ", line 2: some lines end with a carriage return and others do not"),
    ],
)
def test_other_files_are_refused_with_file_and_line(tmp_path, content, what):
    file = tmp_path / "classes.txt"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"class names {file}{what}")):
        read_class_names(file)


def test_repeated_names_have_the_numbers_of_their_categories():
    assert repeated(["sr", "uz", "sr", "mk", "uz", "sr"]) == {"sr": [0, 2, 5], "uz": [1, 4]}
    assert repeated(["sr", "uz"]) == {}
