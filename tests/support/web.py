"""Plain HTTP for tests: httpx, which by itself waits five seconds for an answer, with patience for a busy machine."""

from functools import partial

import httpx

PATIENCE = 60.0
"""Seconds."""

Client = partial(httpx.Client, timeout=PATIENCE)
get = partial(httpx.get, timeout=PATIENCE)
head = partial(httpx.head, timeout=PATIENCE)
post = partial(httpx.post, timeout=PATIENCE)
put = partial(httpx.put, timeout=PATIENCE)
request = partial(httpx.request, timeout=PATIENCE)
stream = partial(httpx.stream, timeout=PATIENCE)
