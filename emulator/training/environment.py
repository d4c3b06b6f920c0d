"""Pure: environment variables of the algorithm container.

Source: DG your-algorithms-training-algo-envvariables and environment dumps of real jobs.
"""

from emulator.domain.job_credentials import SECRET
from emulator.domain.training_job import TrainingJob

CREDENTIALS_PATH = "/_emulator/credentials"


def container_environment(job: TrainingJob, has_gpus: bool) -> dict[str, str]:
    """The platform's variables; what the request's Environment names wins."""
    platform = {
        "TRAINING_JOB_NAME": job.key.name,
        "TRAINING_JOB_ARN": job.arn,
        "AWS_REGION": job.key.region,
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "DMLC_INTERFACE": "eth0",
        **_static_credentials(job),
    }
    if job.progress.pool is not None:
        platform["SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"] = "/opt/ml/sagemaker/warmpoolcache"
    if not has_gpus:
        platform["NVIDIA_VISIBLE_DEVICES"] = "void"
    return {**platform, **job.request.environment}


def endpoint_variables(job: TrainingJob) -> dict[str, str]:
    """Variable -> path at the emulator. The training toolkit knows S3_ENDPOINT_URL, boto3 the other one."""
    if job.request.enable_network_isolation:
        return {}
    paths = {
        "AWS_ENDPOINT_URL": "",
        "S3_ENDPOINT_URL": "",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{CREDENTIALS_PATH}/{job.key.account_id}",
    }
    return {name: path for name, path in paths.items() if name not in job.request.environment}


def _static_credentials(job: TrainingJob) -> dict[str, str]:
    """On SageMaker they come from 169.254.170.2, an address that takes root to have; none under isolation."""
    if job.request.enable_network_isolation:
        return {}
    return {
        "AWS_ACCESS_KEY_ID": job.key.account_id,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": SECRET,
    }
