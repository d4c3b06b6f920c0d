"""What containers may send, byte by byte, and what the client makes of it."""

import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import anyio
import pytest

from emulator.hosting.container_client import ContainerClient
from emulator.hosting.container_connection import BUFFER_LIMIT, HEAD_LIMIT
from emulator.hosting.container_message import ContainerFault, ContainerTimeout, ContainerUnreachable
from emulator.hosting.invocation_body import InvocationBody, whole_body

OK = b"HTTP/1.1 200 OK\r\n"
Talk = Callable[[socket.socket], None]


@contextmanager
def server(*talks: Talk) -> Iterator[str]:
    """A connection for each of the talks, one after the other, for each of the loops; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for talk in talks * 2:
                connection, _ = listener.accept()
                with connection, suppress(ConnectionError):
                    talk(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/invocations"
        thread.join(20)


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("no further request")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def says(*answers: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        for answer in answers:
            read_request(connection)
            connection.sendall(answer)

    return talk


def run(case: Callable[[ContainerClient], Awaitable[None]]) -> None:
    """On the loop that the emulator has, and on the one that it has where there is no uvloop."""
    for use_uvloop in (True, False):
        run_on(case, use_uvloop)


def run_on(case: Callable[[ContainerClient], Awaitable[None]], use_uvloop: bool) -> None:
    async def main() -> None:
        client = ContainerClient()
        try:
            await case(client)
        finally:
            await client.close()

    anyio.run(main, backend_options={"use_uvloop": use_uvloop})


async def ask(client: ContainerClient, url: str, limit: float = 20) -> tuple[int, bytes]:
    async with client.send("POST", url, {"Content-Type": "text/csv"}, whole_body(b"x"), limit) as answer:
        return answer.status, b"".join([chunk async for chunk in answer.chunks()])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", (200, b"abc")),
        (OK + b"Content-Length: 0\r\n\r\n", (200, b"")),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nA: trailer\r\n\r\n",
            (200, b"abc"),
        ),
        (OK + b"\r\nuntil the end", (200, b"until the end")),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", (200, b"abc")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na", (200, b"a")),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", (500, b"no")),
    ],
)
def test_answers_in_every_form(answer: bytes, expected: tuple[int, bytes]) -> None:
    async def case(client: ContainerClient) -> None:
        assert await ask(client, url) == expected

    with server(says(answer)) as url:
        run(case)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        OK + b"Content-Length: 3\r\n\r\nab",
        OK + b"Content-Length: 300000\r\n\r\nab",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        OK + b"A: " + b"a" * 2 * HEAD_LIMIT,
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: " + b"a" * 4 * HEAD_LIMIT,
    ],
)
def test_what_is_not_a_whole_answer_is_the_containers_fault(answer: bytes) -> None:
    async def case(client: ContainerClient) -> None:
        with pytest.raises(ContainerFault):
            await ask(client, url)

    with server(says(answer)) as url:
        run(case)


def test_a_connection_serves_many_requests() -> None:
    async def case(client: ContainerClient) -> None:
        assert [await ask(client, url) for _ in range(3)] == [(200, b"a"), (200, b"b"), (200, b"c")]

    answers = [OK + b"Content-Length: 1\r\n\r\n" + letter for letter in (b"a", b"b", b"c")]
    with server(says(*answers)) as url:
        run(case)


@pytest.mark.parametrize(
    "first",
    [
        OK + b"Connection: close\r\nContent-Length: 1\r\n\r\na",
        OK + b"Content-Length: 1\r\n\r\na" + OK + b"Content-Length: 6\r\nA: b\r\n\r\nforged",
        OK + b"Content-Length: 1\r\n\r\na",
    ],
    ids=["told to close", "more than was asked for", "closed"],
)
def test_a_connection_that_cannot_go_on_is_replaced(first: bytes) -> None:
    async def case(client: ContainerClient) -> None:
        assert await ask(client, url) == (200, b"a")
        with anyio.fail_after(60):
            while any(each.connection.is_open for idle in client._idle.values() for each in idle):
                await anyio.sleep(0.01)
        assert await ask(client, url) == (200, b"b")

    with server(says(first), says(OK + b"Content-Length: 1\r\n\r\nb")) as url:
        run(case)


def test_an_answer_that_is_not_read_to_its_end_ends_its_connection() -> None:
    async def case(client: ContainerClient) -> None:
        async with client.send("POST", url, {}, whole_body(b""), 20) as answer:
            assert answer.length == 10**9
        assert await ask(client, url) == (200, b"b")

    endless = says(OK + b"Content-Length: 1000000000\r\n\r\n" + b"x" * 10**6)
    with server(endless, says(OK + b"Content-Length: 1\r\n\r\nb")) as url:
        run(case)


def test_a_slow_reader_slows_the_container_down() -> None:
    sent, stopped = [0], threading.Event()

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK + b"Content-Length: 500000000\r\n\r\n")
        connection.settimeout(0.5)
        try:
            while True:
                sent[0] += connection.send(b"x" * 65536)
        except TimeoutError:
            stopped.set()

    async def case(client: ContainerClient) -> None:
        async with client.send("POST", url, {}, whole_body(b""), 20) as answer:
            async for chunk in answer.chunks():
                assert len(chunk) <= 2 * BUFFER_LIMIT
                assert await anyio.to_thread.run_sync(stopped.wait, 20)
                break

    with server(talk) as url:
        run(case)
    assert sent[0] < 100_000_000


def test_a_body_is_sent_piece_by_piece_with_or_without_a_length() -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        data = b""
        while not data.endswith((b"0\r\n\r\n", b"lengthy")):
            data += connection.recv(65536)
        heard.append(data)
        connection.sendall(OK + b"Content-Length: 1\r\nConnection: close\r\n\r\na")

    async def pieces(*all_of_them: bytes) -> AsyncIterator[bytes]:
        for piece in all_of_them:
            yield piece

    async def case(client: ContainerClient) -> None:
        for body in (InvocationBody(pieces(b"ab", b"", b"c")), InvocationBody(pieces(b"leng", b"thy"), 7)):
            async with client.send("POST", url, {}, body, 20) as answer:
                assert answer.content == b"a"

    with server(talk, talk) as url:
        run(case)
    assert heard[0].endswith(b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    assert heard[1].endswith(b"Content-Length: 7\r\n\r\nlengthy")


def test_a_body_that_cannot_be_read_ends_the_request() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"first"
        raise KeyError("the body's own fault")

    async def case(client: ContainerClient) -> None:
        with pytest.raises(KeyError):
            async with client.send("POST", url, {}, InvocationBody(broken()), 20):
                pass

    with server(lambda connection: connection.recv(65536) and None) as url:
        run(case)


def test_an_answer_may_come_before_the_body_has_ended() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    async def case(client: ContainerClient) -> None:
        body = InvocationBody(endless())
        async with client.send("POST", url, {}, body, 20) as answer:
            assert (answer.status, answer.content) == (413, b"")
        await body.ended.wait()

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        while connection.recv(65536):
            pass

    with server(talk) as url:
        run(case)


def test_silence_is_a_timeout_and_a_closed_port_is_unreachable() -> None:
    async def case(client: ContainerClient) -> None:
        with pytest.raises(ContainerTimeout):
            await ask(client, url, 0.05)

    with server(lambda connection: connection.recv(1) and connection.makefile("rb").read() and None) as url:
        run(case)

    async def refused(client: ContainerClient) -> None:
        with pytest.raises(ContainerUnreachable):
            await ask(client, url)

    run(refused)


def test_no_header_can_smuggle_another_one() -> None:
    async def case(client: ContainerClient) -> None:
        with pytest.raises(ContainerFault):
            async with client.send("POST", url, {"A": "b\r\nC: d"}, whole_body(b""), 20):
                pass
        assert await ask(client, url) == (200, b"a")

    with server(says(OK + b"Content-Length: 1\r\n\r\na")) as url:
        run(case)
