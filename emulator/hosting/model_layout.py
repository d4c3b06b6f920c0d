"""Pure: where the objects of an uncompressed model lie below /opt/ml/model (API S3ModelDataSource$CompressionType)."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from emulator.domain.failure_reason import JobFailure
from emulator.domain.model_data_failure import model_files_impossible
from emulator.domain.s3_object import S3Object

MAX_NAME_BYTES = 255

Layout = list[tuple[S3Object, PurePosixPath]]
"""Objects, and where each of them lies below the model's directory."""


def model_layout(objects: Iterable[S3Object], folder: str, url: str) -> Layout:
    """`folder` is the part of every key that is taken off; `url` names the model in faults.

    Raises JobFailure where the API's page says that the deployment fails: for names that no file may have, folder
    markers among them, and for a file that lies where a directory has to be.
    """
    layout = [(found, _path(found.key, folder, url)) for found in objects]
    files = {path for _, path in layout}
    clash = next((above for path in files for above in path.parents if above in files), None)
    if clash is not None:
        raise JobFailure(
            model_files_impossible(url, f"{folder + str(clash)!r} would be both a file and a directory.")
        )
    return layout


def _path(key: str, folder: str, url: str) -> PurePosixPath:
    names = key.removeprefix(folder).split("/")
    for name in names:
        fault = _fault(name)
        if fault is not None:
            raise JobFailure(model_files_impossible(url, f"The key {key[:80]!r} has {fault}."))
    return PurePosixPath(*names)


def _fault(name: str) -> str | None:
    if not name.strip():
        return (
            "an empty or blank name, as that of a folder has, which is an object whose key ends with a slash"
        )
    if name in (".", ".."):
        return f"{name!r} as a name"
    if "\0" in name:
        return "a null byte in a name"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"a name of more than {MAX_NAME_BYTES} bytes"
    return None
