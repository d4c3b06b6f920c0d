from pathlib import Path

from scripts.check_lengths import python_files, too_long

PATH = Path("emulator/example.py")


def function_of(lines: int) -> str:
    return "def train():\n" + "    pass\n" * (lines - 1)


def test_too_long_accepts_what_is_just_within_the_limits() -> None:
    assert list(too_long(PATH, function_of(40), file_limit=40)) == []


def test_too_long_names_a_function_of_41_lines() -> None:
    source = "import os\n\n\n" + function_of(41)

    assert list(too_long(PATH, source, file_limit=300)) == [
        "emulator/example.py:4: train has 41 lines, at most 40"
    ]


def test_too_long_names_a_method_and_an_async_function() -> None:
    source = "class Job:\n    async def run(self):\n" + "        pass\n" * 40

    assert list(too_long(PATH, source, file_limit=300)) == [
        "emulator/example.py:2: run has 41 lines, at most 40"
    ]


def test_too_long_names_a_file_over_its_limit() -> None:
    assert list(too_long(PATH, "x = 1\n" * 301, file_limit=300)) == [
        "emulator/example.py:1: 301 lines, at most 300"
    ]


def test_python_files_include_programs_named_train_or_serve(tmp_path: Path) -> None:
    for name in ("train", "serve", "model.py", "README.md"):
        (tmp_path / name).write_text("")

    assert [path.name for path in python_files(tmp_path)] == ["model.py", "serve", "train"]
