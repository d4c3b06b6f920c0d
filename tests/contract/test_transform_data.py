"""What transform jobs make of their input: on scripted containers, with models and an S3 in this process."""

import gzip
import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from emulator.compute.fake import FakeBackend, Script
from emulator.domain.transform_job import TransformJobStatus
from tests.support.batch_model import BatchModel, running_model
from tests.support.hosting_requests import a_container, a_model_request, a_transform_input
from tests.support.transform_house import SERVES, House, backend_of, play

S = TransformJobStatus
LINES = a_transform_input(SplitType="Line", ContentType="text/csv")


@pytest.fixture
def model() -> Iterator[BatchModel]:
    with running_model() as model:
        yield model


@pytest.fixture
def backend(model: BatchModel) -> FakeBackend:
    return backend_of(model)


def test_every_object_becomes_an_output_of_its_name(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    async def story(house: House) -> None:
        objects = {"a/one.csv": b"a,1\nb,2\n", "a/sub/two.csv": b"c", "a/sub/": b"", "b": b"not asked for"}
        job = await house.run(objects, TransformInput=a_transform_input(ContentType="text/csv"))
        assert job.status is S.COMPLETED, job.progress.failure_reason
        assert await house.outputs() == {"out/one.csv.out": b"A,1\nB,2\n", "out/sub/two.csv.out": b"C"}
        assert {seen.headers["content-type"] for seen in model.seen} == {"text/csv"}
        assert not {"accept", "authorization", "accept-encoding"} & set(model.seen[0].headers)
        assert await house.lines() == [
            "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
        ]
        assert job.creation_time < job.progress.start_time < job.progress.end_time  # type: ignore[operator]
        assert list((tmp_path / "hosting" / "transforms").iterdir()) == []

    play(tmp_path, backend, story)


def test_container_is_started_for_batch_and_the_request_s_variables_win(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        await house.put({"a/one": b"1"})
        backend.addresses = {}
        container = a_container(Environment={"BOTH": "model", "MODEL": "1"})
        await house.create(
            a_model_request(PrimaryContainer=container),
            MaxPayloadInMB=0,
            BatchStrategy="SingleRecord",
            Environment={"BOTH": "job", "AWS_ENDPOINT_URL": "mine"},
        )
        with anyio.fail_after(60):
            while not backend._containers:
                await anyio.sleep(0.01)
        [((cluster, _), found)] = backend._containers.items()
        assert cluster.startswith("transform_transform-1-")
        assert found.instance.arguments == ("serve",)
        told = {k: v for k, v in found.instance.environment.items() if k.startswith("SAGEMAKER_") or "O" in k}
        assert told.items() >= {
            "SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0", "BOTH": "job", "MODEL": "1",
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD", "AWS_ENDPOINT_URL": "mine",
        }.items()  # fmt: skip
        assert "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS" not in told
        assert "AWS_ENDPOINT_URL" not in found.instance.endpoint_variables

    play(tmp_path, backend, story)


def test_answers_of_many_requests_at_once_keep_the_order_of_the_records(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    meeting = threading.Barrier(4, timeout=60)

    def reply(body: bytes) -> tuple[int, bytes]:
        if int(body) < 4:
            meeting.wait()
        return 200, body

    model.reply = reply

    async def story(house: House) -> None:
        content = b"".join(b"%d\n" % number for number in range(300))
        output = {"S3OutputPath": "s3://artifacts/out/", "AssembleWith": "Line"}
        job = await house.run(
            {"a/n": content},
            MaxConcurrentTransforms=4,
            BatchStrategy="SingleRecord",
            TransformInput=LINES,
            TransformOutput=output,
        )
        assert job.status is S.COMPLETED, job.progress.failure_reason
        assert await house.outputs() == {"out/n.out": content}
        assert model.most_at_once == 4

    play(tmp_path, backend, story)


def test_container_tells_how_it_wants_to_be_asked_where_the_request_leaves_it_open(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    model.parameters = {"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 200}

    async def story(house: House) -> None:
        await house.run({"a/n": b"x\ny\n"}, TransformInput=LINES)
        assert sorted(model.bodies) == [b"x", b"y"]
        assert await house.lines() == [
            "MaxPayloadInMB 200 of /execution-parameters is not valid: ignored.",
            "MaxConcurrentTransforms=3, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD",
        ]

    play(tmp_path, backend, story)


def test_objects_are_spread_over_the_instances(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    async def story(house: House) -> None:
        with running_model(reply=lambda body: (200, b"second " + body)) as second:
            backend.addresses = {"algo-1": model.address, "algo-2": second.address}
            resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2}
            objects = {f"a/{number}": b"%d" % number for number in range(5)}
            job = await house.run(objects, TransformResources=resources)
            assert job.status is S.COMPLETED
            assert (model.bodies, second.bodies) == ([b"0", b"2", b"4"], [b"1", b"3"])
            assert len(await house.outputs()) == 5
            assert len(await house.lines()) == 2

    play(tmp_path, backend, story)


def test_manifest_names_the_objects(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        manifest = [{"prefix": "s3://inputs/a/"}, "sub/one", "two"]
        objects = {"a/sub/one": b"1", "a/two": b"2", "a/three": b"3", "m": json.dumps(manifest).encode()}
        await house.run(objects, TransformInput=a_transform_input("ManifestFile", "s3://inputs/m"))
        assert await house.outputs() == {"out/sub/one.out": b"1", "out/two.out": b"2"}

    play(tmp_path, backend, story)


def test_compressed_input_filters_and_join(tmp_path: Path, backend: FakeBackend, model: BatchModel) -> None:
    model.reply = lambda body: (200, b"".join(b"%d\n" % len(line) for line in body.splitlines()))

    async def story(house: House) -> None:
        job = await house.run(
            {"a/n.gz": gzip.compress(b"id1,x,yy\n") + gzip.compress(b"id2,x,y\n")},
            TransformInput={**LINES, "CompressionType": "Gzip"},
            TransformOutput={"S3OutputPath": "s3://artifacts", "Accept": "text/csv", "AssembleWith": "Line"},
            DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        )
        assert job.status is S.COMPLETED, (job.progress.failure_reason, await house.lines())
        assert model.bodies == [b"x,yy\nx,y\n"]
        assert model.seen[0].headers["accept"] == "text/csv"
        assert await house.outputs() == {"n.gz.out": b"id1,4\nid2,3\n"}

    play(tmp_path, backend, story)


def test_pipeline_passes_each_answer_on(tmp_path: Path, backend: FakeBackend, model: BatchModel) -> None:
    async def story(house: House) -> None:
        with running_model(reply=lambda body: (200, body + b"!"), content_type="text/second") as second:
            backend.addresses = {"algo-1-c1": model.address, "algo-1-c2": second.address}
            containers = [a_container(ContainerHostname="first"), a_container()]
            await house.put({"a/n": b"x"})
            await house.create(
                a_model_request(PrimaryContainer=None, Containers=containers),
                TransformOutput={"S3OutputPath": "s3://artifacts/out", "Accept": "text/out"},
            )
            job = await house.end()
            assert job.status is S.COMPLETED
            assert await house.outputs() == {"out/n.out": b"X!"}
            assert (
                second.seen[0].headers.items() >= {"content-type": "text/plain", "accept": "text/out"}.items()
            )
            assert "accept" not in model.seen[0].headers

    backend.scripts = {"algo-1-c1": Script(after=math.inf, logs=("one",)), "algo-1-c2": SERVES}
    play(tmp_path, backend, story)


def test_lines_of_a_pipeline_s_container_have_its_stream(tmp_path: Path, backend: FakeBackend) -> None:
    backend.scripts = {
        "algo-1-c1": Script(after=math.inf, logs=("one",)),
        "algo-1-c2": Script(after=math.inf, logs=("two",)),
    }

    async def story(house: House) -> None:
        containers = [a_container(ContainerHostname="first"), a_container()]
        await house.put({"a/n": b"x"})
        await house.create(a_model_request(PrimaryContainer=None, Containers=containers))
        await house.end()
        assert (await house.lines("/first"), await house.lines("/container-2")) == (["one"], ["two"])

    play(tmp_path, backend, story)


@pytest.mark.parametrize(
    ("status", "word", "kind", "asked"),
    [
        (400, "ClientError: 400", "ClientError", 1),
        (500, "Bad HTTP status received from algorithm: 500", "AlgorithmError", 3),
    ],
)
def test_object_that_the_model_refuses_fails_the_job_and_no_other_object(
    tmp_path: Path, backend: FakeBackend, model: BatchModel, status: int, word: str, kind: str, asked: int
) -> None:
    model.reply = lambda body: (status, b"no\nway") if body == b"bad" else (200, body)

    async def story(house: House) -> None:
        objects = {"a/1": b"good\nbad\nlost\n", "a/2": b"fine"}
        retries = {"InvocationsMaxRetries": 2}
        job = await house.run(
            objects, TransformInput=LINES, BatchStrategy="SingleRecord", ModelClientConfig=retries
        )
        assert job.status is S.FAILED
        assert job.progress.failure_reason == f"{kind}: See job logs for more information"
        assert await house.outputs() == {"out/2.out": b"fine"}
        assert model.bodies.count(b"bad") == asked
        [_, *told] = await house.lines()
        assert told == [f"inputs/a/1: {line}" for line in (word, "", "Message:", "no", "way")]

    play(tmp_path, backend, story)


def test_bad_data_is_the_client_s_fault(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        objects = {"a/1": b"x" * 2**20 + b"xx\n", "a/2": b"\x1f\x8b broken"}
        job = await house.run(objects, TransformInput=LINES, MaxPayloadInMB=1)
        assert job.progress.failure_reason == "ClientError: See job logs for more information"
        [_, told] = await house.lines()
        assert told.startswith(
            "inputs/a/1: Record 1, which begins at byte 0, is larger than MaxPayloadInMB (1)"
        )
        assert list(await house.outputs()) == ["out/2.out"]

    play(tmp_path, backend, story)


def test_damaged_gzip_is_told_in_the_data_log(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        job = await house.run({"a/1": b"no gzip"}, TransformInput={**LINES, "CompressionType": "Gzip"})
        assert job.progress.failure_reason == "ClientError: See job logs for more information"
        assert "s3://inputs/a/1 is not in gzip format" in (await house.lines())[-1]

    play(tmp_path, backend, story)


def test_request_without_an_answer_is_made_again(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    breaks = iter([True, True, False])

    def reply(body: bytes) -> tuple[int, bytes]:
        if next(breaks):
            raise ConnectionError
        return 200, body

    model.reply = reply

    async def story(house: House) -> None:
        job = await house.run({"a/1": b"x"})
        assert job.status is S.COMPLETED
        assert len(model.seen) == 3

    play(tmp_path, backend, story)


def test_model_that_takes_too_long_fails_the_job(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    over = threading.Event()
    model.reply = lambda body: (200, body) if over.wait(30) else (200, b"")

    async def story(house: House) -> None:
        config = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
        job = await house.run({"a/1": b"x"}, ModelClientConfig=config)
        over.set()
        assert job.progress.failure_reason == "AlgorithmError: See job logs for more information"
        assert (await house.lines())[-1] == "inputs/a/1: Unable to get response from algorithm"

    play(tmp_path, backend, story)


def test_unlimited_payload_is_sent_in_chunks(tmp_path: Path, backend: FakeBackend, model: BatchModel) -> None:
    async def story(house: House) -> None:
        content = bytes(3 * 2**20 + 5)
        job = await house.run({"a/1": content}, MaxPayloadInMB=0)
        assert job.status is S.COMPLETED
        assert model.seen[0].headers["transfer-encoding"] == "chunked"
        assert await house.outputs() == {"out/1.out": content}

    play(tmp_path, backend, story)


def test_records_are_not_read_far_ahead_of_the_slowest_answer(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    over = threading.Event()
    model.reply = lambda body: (200, body) if body != b"0" or over.wait(30) else (500, b"")

    async def story(house: House) -> None:
        await house.put({"a/n": b"".join(b"%d\n" % number for number in range(50))})
        await house.create(
            TransformInput=LINES, BatchStrategy="SingleRecord", MaxConcurrentTransforms=2, MaxPayloadInMB=1
        )
        await house.eventually(lambda: len(model.seen) == 4)
        await anyio.sleep(0.1)
        assert len(model.seen) == 4
        over.set()
        assert (await house.end()).status is S.COMPLETED
        assert await house.outputs() == {"out/n.out": b"".join(b"%d" % number for number in range(50))}

    play(tmp_path, backend, story)
