"""All hosts of the job train one model: each adds up the statistics of its own rows with those of the others."""

import contextlib
import socket

from xgboost.collective import CommunicatorContext
from xgboost.tracker import RabitTracker

PORT = 9099
ATTEMPTS = 30
"""To reach a first host that started later; the library waits longer each time."""


@contextlib.contextmanager
def all_hosts(hosts, current_host):
    """The first host also runs the tracker, which tells everybody who takes part."""
    if len(hosts) == 1:
        yield
        return
    tracker = start_tracker(len(hosts), current_host) if current_host == hosts[0] else None
    with CommunicatorContext(
        dmlc_communicator="rabit",
        dmlc_tracker_uri=socket.gethostbyname(hosts[0]),
        dmlc_tracker_port=PORT,
        dmlc_retry=ATTEMPTS,
        dmlc_task_id=current_host,
    ):
        yield
    if tracker is not None:
        tracker.wait_for()


def start_tracker(count, host):
    tracker = RabitTracker(n_workers=count, host_ip=socket.gethostbyname(host), port=PORT, sortby="task")
    tracker.start()
    return tracker
