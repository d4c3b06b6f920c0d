from typing import Any

import pytest

from emulator.domain.json_path import JsonPath

ROW = ["a", "b", "c", "d", "e", "f"]
DOCUMENT = {
    "id": 7,
    "größe-x": None,
    "features": [[1, 2], [3, 4]],
    "nested": {"a": {"b": 0}, "c": False},
    "SageMakerOutput": {"label": 1},
}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$", DOCUMENT, DOCUMENT),
        ("$", 5, 5),
        ("$.id", DOCUMENT, 7),
        ("$.größe-x", DOCUMENT, None),
        ("$['größe-x']", DOCUMENT, None),
        ("$.nested.a.b", DOCUMENT, 0),
        ("$['nested']['c']", DOCUMENT, False),
        ("$.nested.['a','c']", DOCUMENT, {"a": {"b": 0}, "c": False}),
        ("$['id','SageMakerOutput']", DOCUMENT, {"id": 7, "SageMakerOutput": {"label": 1}}),
        ("$[ 'id' , 'nested' ]", DOCUMENT, {"id": 7, "nested": DOCUMENT["nested"]}),
        ("$.nested.*", DOCUMENT, [{"b": 0}, False]),
        ("$.features[1]", DOCUMENT, [3, 4]),
        ("$.features[*][0]", DOCUMENT, [1, 3]),
        ("$.features.*[1]", DOCUMENT, [2, 4]),
        ("$[0]", ROW, "a"),
        ("$[-1]", ROW, "f"),
        ("$[-6]", ROW, "a"),
        ("$[1,3,-1]", ROW, ["b", "d", "f"]),
        ("$[0, -1]", ROW, ["a", "f"]),
        ("$[3,3]", ROW, ["d", "d"]),
        ("$[1:]", ROW, ["b", "c", "d", "e", "f"]),
        ("$[1:4]", ROW, ["b", "c", "d", "e"]),
        ("$[:5]", ROW, ROW),
        ("$[0:2]", ROW, ["a", "b", "c"]),
        ("$[2:2]", ROW, ["c"]),
        ("$[:]", ROW, ROW),
        ("$[-2:]", ROW, ["e", "f"]),
        ("$[0:-1]", ROW, ROW),
        ("$[0:-2]", ROW, ["a", "b", "c", "d", "e"]),
        ("$[4:100]", ROW, ["e", "f"]),
        ("$[9:]", ROW, []),
        ("$[*]", ROW, ROW),
        ("$.*", [], []),
    ],
)
def test_paths_of_the_guide_select(path: str, value: Any, found: Any) -> None:
    assert JsonPath(path).select(value) == found
    assert JsonPath(path).is_root == (path == "$")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "begins with"),
        ("id", "begins with"),
        (" $", "begins with"),
        ("$id", "from 'id' on"),
        ("$.", "from '.' on"),
        ("$..id", "from '..id' on"),
        ("$.a..b", "from '..b' on"),
        ("$.a.$", "from '.$' on"),
        ("$*", "from '*' on"),
        ("$[", "from '[' on"),
        ("$[1", "from '[1' on"),
        ("$.a]", "from ']' on"),
        ("$[]", "not supported"),
        ("$['']", "not supported"),
        ("$['a'", "not understood"),
        ("$['a' 'b']", "not supported"),
        ("$['a',1]", "not supported"),
        ("$[a]", "not supported"),
        ("$[1,]", "not supported"),
        ("$[--1]", "not supported"),
        ("$[?(@.x)]", "not supported"),
        ("$['a','b'].c", "only at the end"),
        ("$[::2]", "only single range filters of format (eg: [1:5]) are supported"),
        (
            "$[0:2,246:]",
            "Invalid JsonPath: $[0:2,246:]: only single range filters of format (eg: [1:5]) are supported. "
            "Format [0:2,246:] is not supported",
        ),
    ],
)
def test_other_paths_are_refused(path: str, why: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is looked at
        JsonPath(path)
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("$.x", {"y": 1}, "no attribute 'x'"),
        ("$['y','x']", {"y": 1}, "no attribute 'x'"),
        ("$.x", [1], "no attribute 'x'"),
        ("$.x.y", {"x": "text"}, "no attribute 'y'"),
        ("$[6]", ROW, "Index 6 is outside of 6"),
        ("$[-7]", ROW, "Index -7 is outside"),
        ("$[0,6]", ROW, "Index 6"),
        ("$[0]", {"0": 1}, "needs a list"),
        ("$[1:]", "text", "needs a list"),
        ("$.*", 5, "needs a list"),
        ("$[*].x", [{"x": 1}, {}], "no attribute 'x'"),
    ],
)
def test_what_is_not_there_is_an_error(path: str, value: Any, why: str) -> None:
    with pytest.raises(LookupError, match=why):
        JsonPath(path).select(value)
