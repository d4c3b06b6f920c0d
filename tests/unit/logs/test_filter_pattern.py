import pytest

from emulator.logs.filter_pattern import parse_filter_pattern

LINE = 'ERROR 42 disk "full" on algo-1'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True),
        ("  ", True),
        ("ERROR", True),
        ("error", False),
        ("ERROR disk", True),
        ("ERROR network", False),
        ('"disk \\"full\\""', True),
        ('"full disk"', False),
        ('"algo-1" ERROR', True),
        ("-ERROR", False),
        ("-WARN", True),
        ("ERROR -disk", False),
        ('ERROR -"algo-2"', True),
        ("?WARN ?ERROR", True),
        ("?WARN ?INFO", False),
        ('?"algo-1" ?INFO', True),
        ("?WARN ERROR", True),
        ("?ERROR WARN", False),
    ],
)
def test_pattern_of_terms_matches(pattern: str, matches: bool) -> None:
    assert parse_filter_pattern(pattern).matches(LINE) is matches


@pytest.mark.parametrize("pattern", ["{ $.level = 1 }", "[ip, user]", "%regex%"])
def test_structured_pattern_is_refused_plainly(pattern: str) -> None:
    with pytest.raises(ValueError, match="no JSON, brackets or %regex%"):
        parse_filter_pattern(pattern)


@pytest.mark.parametrize("pattern", ["algo-1", "a b:c", "?[", "*", "-", "? a"])
def test_term_with_other_characters_must_be_quoted(pattern: str) -> None:
    with pytest.raises(ValueError, match="Invalid character"):
        parse_filter_pattern(pattern)


@pytest.mark.parametrize("pattern", ['"open', '"a"b', 'a"b"', '-"'])
def test_pattern_that_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="Invalid filter pattern"):
        parse_filter_pattern(pattern)
