"""Pure: captured inferences as the JSON lines that Model Monitor reads (DG model-monitor-data-capture).

The form of lines and keys is that of real captures (same page; amazon-sagemaker-examples, Model Monitor). Choices: a
content type's parameters do not count for its encoding; data of a CSV or JSON type that is not UTF-8 is BASE64.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID


class CapturedData(NamedTuple):
    """A request's or an answer's body."""

    content_type: str
    data: bytes


class Inference(NamedTuple):
    event_id: str
    """32 hexadecimal digits."""
    time: datetime
    """In UTC."""
    input: CapturedData
    output: CapturedData
    inference_id: str | None = None
    """The header X-Amzn-SageMaker-Inference-Id."""
    custom_attributes: str | None = None
    """The header X-Amzn-SageMaker-Custom-Attributes."""


@dataclass(frozen=True)
class CaptureRules:
    """API DataCaptureConfig, as far as it tells what is captured."""

    sampling_percentage: int
    """0 to 100, API DataCaptureConfig$InitialSamplingPercentage."""
    modes: Collection[str]
    """CaptureMode: Input, Output, InputAndOutput."""
    csv_content_types: Collection[str] = ()
    json_content_types: Collection[str] = ()

    def is_sampled(self, random: Callable[[], float]) -> bool:
        """`random` gives numbers of [0, 1)."""
        return random() * 100 < self.sampling_percentage

    def line(self, inference: Inference) -> bytes:
        """The inference as one line, its newline included."""
        captured = {}
        if {"Input", "InputAndOutput"} & set(self.modes):
            captured["endpointInput"] = self._side("INPUT", inference.input)
        if {"Output", "InputAndOutput"} & set(self.modes):
            captured["endpointOutput"] = self._side("OUTPUT", inference.output)
        event = {"captureData": captured, "eventMetadata": _metadata(inference), "eventVersion": "0"}
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def _side(self, mode: str, captured: CapturedData) -> dict[str, str]:
        encoding, data = self._encoded(captured)
        return {
            "observedContentType": captured.content_type,
            "mode": mode,
            "data": data,
            "encoding": encoding,
        }

    def _encoded(self, captured: CapturedData) -> tuple[str, str]:
        encoding = self._encoding(captured.content_type)
        if encoding != "BASE64":
            try:
                return encoding, captured.data.decode()
            except UnicodeDecodeError:
                pass
        return "BASE64", b64encode(captured.data).decode()

    def _encoding(self, content_type: str) -> str:
        """ "If no headers are specified SageMaker will by default base64 encode" (API CaptureContentTypeHeader)."""
        media_type = _media_type(content_type)
        if media_type in map(_media_type, self.csv_content_types):
            return "CSV"
        return "JSON" if media_type in map(_media_type, self.json_content_types) else "BASE64"


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _metadata(inference: Inference) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if inference.custom_attributes is not None:
        metadata["customAttributes"] = [inference.custom_attributes]
    metadata["eventId"] = str(UUID(inference.event_id))
    if inference.inference_id is not None:
        metadata["inferenceId"] = inference.inference_id
    return {**metadata, "inferenceTime": inference.time.strftime("%Y-%m-%dT%H:%M:%SZ")}


class CaptureFile(NamedTuple):
    began: datetime
    """When its first inference was."""
    content: bytes

    def key(self, prefix: str, endpoint: str, variant: str, file_id: str) -> str:
        """The S3 key; `prefix` is that of DestinationS3Uri, with or without its final slash; `file_id` as event ids."""
        name = f"{self.began:%M-%S}-{self.began.microsecond // 1000:03}-{UUID(file_id)}.jsonl"
        parts = (prefix.rstrip("/"), endpoint, variant, f"{self.began:%Y/%m/%d/%H}", name)
        return "/".join(part for part in parts if part)


class CaptureBuffer:
    """Lines of one variant that wait to be stored; each hour has a file of its own.

    Where storing does not keep up, lines are refused and so bound the memory, as AWS "stops capturing requests at high
    levels of disk usage".
    """

    def __init__(self, flush_bytes: int, flush_after: timedelta, capacity_bytes: int) -> None:
        self._flush_bytes = flush_bytes
        self._flush_after = flush_after
        self._capacity = capacity_bytes
        self._held = 0
        self._hours: dict[str, tuple[datetime, list[bytes]]] = {}

    def add(self, line: bytes, time: datetime) -> bool:
        """False where the line is not captured, as too much waits."""
        if self._held + len(line) > self._capacity:
            return False
        _, lines = self._hours.setdefault(f"{time:%Y%m%d%H}", (time, []))
        lines.append(line)
        self._held += len(line)
        return True

    def due(self, now: datetime) -> bool:
        """It is time to `take`: enough bytes wait, or something waits long enough."""
        if self._held >= self._flush_bytes:
            return bool(self._hours)
        return any(now - began >= self._flush_after for began, _ in self._hours.values())

    def take(self) -> list[CaptureFile]:
        """All that waits, oldest hour first, which is then the caller's to store."""
        files = [CaptureFile(began, b"".join(lines)) for began, lines in self._hours.values()]
        self._hours, self._held = {}, 0
        return sorted(files)
