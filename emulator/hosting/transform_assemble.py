"""Pure: the answers to the requests, as the content of the .out object (API TransformOutput$AssembleWith)."""


def assembled(output: bytes, assemble_with: str) -> bytes:
    """Line "adds a newline character at the end of every transformed record"; choice: none where one is there."""
    if assemble_with == "Line" and not output.endswith(b"\n"):
        return output + b"\n"
    return output


class InOrder:
    """Answers come as they are ready, the object is written in the order of the requests.

    Holds what came too early: as much as its user lets run ahead of the slowest request.
    """

    def __init__(self, assemble_with: str = "None") -> None:
        self._assemble_with = assemble_with
        self._early: dict[int, bytes] = {}
        self._next = 0

    @property
    def waiting(self) -> int:
        """Answers that are held."""
        return len(self._early)

    def add(self, position: int, output: bytes) -> list[bytes]:
        """The answer to request `position`, from 0; gives what can be written now. Raises ValueError where it came
        before.
        """
        if position < self._next or position in self._early:
            raise ValueError(f"The answer to request {position} came before.")
        self._early[position] = output
        ready = []
        while self._next in self._early:
            ready.append(assembled(self._early.pop(self._next), self._assemble_with))
            self._next += 1
        return ready
