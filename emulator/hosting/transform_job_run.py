"""One transform job: from its row to a final status.

After a restart of the emulator the job gets new containers, and goes on with the objects whose output is not written
yet. Nothing but the row and the ledger in the work directory is needed for that.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio
import httpx
from anyio import CancelScope, CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.cluster import ClusterSpec
from emulator.domain.ecr import EcrRegistry
from emulator.domain.failure_reason import JobFailure
from emulator.domain.progress import Placement
from emulator.domain.transform_job import TransformJob, TransformJobStatus
from emulator.hosting.data_processing import DataProcessor
from emulator.hosting.parts import HostingParts
from emulator.hosting.placement import await_room
from emulator.hosting.plan import container_host
from emulator.hosting.serving_container import ServingContainer
from emulator.hosting.transform_failure import container_ended, job_logs, no_ping
from emulator.hosting.transform_inputs import TransformLedger, TransformObject, list_objects
from emulator.hosting.transform_instance import TransformInstance
from emulator.hosting.transform_invocation import Invoker, ask_parameters, open_client
from emulator.hosting.transform_log import DataLog, container_stream
from emulator.hosting.transform_object import Pace, Transformation
from emulator.hosting.transform_parameters import Told, decide, is_decided
from emulator.hosting.transform_plan import cluster_name, compile_job, hosts_of
from emulator.occupancy import Holding
from emulator.store.transform_jobs import TransformJobStore
