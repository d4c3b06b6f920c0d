"""A training job that has ended, as a test looks at it."""

import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

Client = Callable[[str], Any]

GROUP = "/aws/sagemaker/TrainingJobs"


@dataclass(frozen=True)
class TrainedJob:
    """`description` is the answer of DescribeTrainingJob."""

    description: dict[str, Any]
    client: Client

    @property
    def name(self) -> str:
        return str(self.description["TrainingJobName"])

    @property
    def status(self) -> str:
        """`Completed`, `Failed` or `Stopped`."""
        return str(self.description["TrainingJobStatus"])

    @property
    def failure_reason(self) -> str:
        """Empty where the job did not fail."""
        return str(self.description.get("FailureReason", ""))

    @property
    def logs(self) -> list[str]:
        """The lines of all hosts, by time."""
        return self._lines("algo-")

    def host_logs(self, host: str) -> list[str]:
        """The lines of one host, such as `algo-1`."""
        return self._lines(f"{host}-")

    def _lines(self, streams: str) -> list[str]:
        """Of the streams whose names begin so; they are called `algo-1-` and a number."""
        wanted = {"logGroupName": GROUP, "logStreamNamePrefix": f"{self.name}/{streams}"}
        logs = self.client("logs")
        try:
            pages = logs.get_paginator("filter_log_events").paginate(**wanted)
            return [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []  # it ended before its containers were started

    @property
    def files(self) -> list[str]:
        """The names of the files in model.tar.gz; none where the job has written none."""
        return self.archive_files("model.tar.gz")

    def archive_files(self, archive: str) -> list[str]:
        """The names of the files in `model.tar.gz` or `output.tar.gz`."""
        with self._archive(archive) as tar:
            return [] if tar is None else sorted(member.name for member in tar if member.isfile())

    @contextmanager
    def open(self, name: str, archive: str = "model.tar.gz") -> Iterator[IO[bytes]]:
        """A file of model.tar.gz, or of output.tar.gz, to read. Raises FileNotFoundError."""
        with self._archive(archive) as tar:
            try:
                file = tar.extractfile(name) if tar else None
            except KeyError:
                file = None
            if file is None:
                raise FileNotFoundError(f"{archive} of {self.name} has no file {name!r}")
            with file:
                yield file

    @contextmanager
    def _archive(self, archive: str) -> Iterator[tarfile.TarFile | None]:
        """None where the job has not written it."""
        s3 = self.client("s3")
        path = self.description["OutputDataConfig"]["S3OutputPath"].removeprefix("s3://").rstrip("/")
        bucket, _, prefix = f"{path}/{self.name}/output/{archive}".partition("/")
        with TemporaryFile() as file:
            try:
                s3.download_fileobj(bucket, prefix, file)
            except s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NoSuchBucket"):
                    raise
                yield None
                return
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:gz") as tar:
                yield tar
