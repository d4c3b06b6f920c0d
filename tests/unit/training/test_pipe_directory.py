from pathlib import Path

from emulator.training.input_layers import pipe_directory
from emulator.training.pipe_directory import make_pipe_directories
from tests.support.builders import a_channel, a_request, read_request


def test_manifest_gives_way_to_a_channel_of_its_name(tmp_path: Path) -> None:
    """In whichever order the channels come."""
    channels = [a_channel("a"), a_channel("a-manifest"), a_channel("b-manifest"), a_channel("b")]
    piped = {**a_channel("p"), "InputMode": "Pipe"}
    request = read_request(a_request(InputDataConfig=[*channels, piped]))
    names = ("a", "a-manifest", "b-manifest", "b")

    make_pipe_directories(request, tmp_path, dict.fromkeys(names, "text"))

    directory = tmp_path / pipe_directory("algo-1")
    assert {path.name for path in directory.iterdir() if path.is_dir()} == set(names)
    assert {path.name for path in directory.iterdir() if path.is_file()} == {
        "a-manifest-manifest",
        "b-manifest-manifest",
    }
