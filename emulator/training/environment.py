"""Pure: environment variables of the algorithm container.

Source: DG your-algorithms-training-algo-envvariables and environment dumps of real jobs.
"""

from emulator.domain.training_job import TrainingJob


def container_environment(job: TrainingJob, has_gpus: bool) -> dict[str, str]:
    """The platform's variables; what the request's Environment names wins."""
    platform = {
        "TRAINING_JOB_NAME": job.key.name,
        "TRAINING_JOB_ARN": job.arn,
        "AWS_REGION": job.key.region,
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "DMLC_INTERFACE": "eth0",
    }
    if not has_gpus:
        platform["NVIDIA_VISIBLE_DEVICES"] = "void"
    return {**platform, **job.request.environment}
