"""The files of one fake container, by absolute path."""

import io
import tarfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from emulator.domain.cluster import CopiedTree, FileState


class FakeFiles:
    def __init__(self, written: Mapping[str, bytes]) -> None:
        """`written`: path below /opt/ml -> content."""
        self._files = {f"/opt/ml/{path}": (data, 1) for path, data in written.items()}

    def copy(self, trees: Iterable[CopiedTree], work_dir: Path) -> None:
        for target, source, mtime, replaces in trees:
            if replaces:
                for path in self._below(target):
                    self.remove(path)
            if source is None:
                continue
            for file in (work_dir / source).rglob("*"):
                if file.is_file():
                    name = file.relative_to(work_dir / source).as_posix()
                    self.write(f"{target}/{name}", file.read_bytes(), mtime)

    def write(self, path: str, data: bytes, mtime: int) -> None:
        self._files[path] = (data, mtime)

    def remove(self, path: str) -> None:
        del self._files[path]

    def paths(self) -> list[str]:
        return sorted(self._files)

    def states(self, directory: str, only: Collection[str] | None) -> dict[str, FileState]:
        found = {path.removeprefix(f"{directory}/"): path for path in self._below(directory)}
        wanted = found.keys() if only is None else found.keys() & set(only)
        return {
            name: FileState(len(self._files[found[name]][0]), self._files[found[name]][1]) for name in wanted
        }

    def tar(self, path: str) -> bytes | None:
        """As the Engine makes it of `path`, or of `directory/.`; None where there is no such file."""
        if path.endswith("/."):
            root = path.removesuffix("/.")
            return self._pack({one.removeprefix(f"{root}/"): one for one in self._below(root)})
        return self._pack({path.rpartition("/")[2]: path}) if path in self._files else None

    def _below(self, directory: str) -> list[str]:
        return [path for path in self._files if path.startswith(f"{directory}/")]

    def _pack(self, members: Mapping[str, str]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, path in members.items():
                data, mtime = self._files[path]
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(data), mtime
                tar.addfile(info, io.BytesIO(data))
        return buffer.getvalue()
