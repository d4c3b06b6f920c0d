from typing import Any

import botocore.session
import pytest


@pytest.fixture(scope="session")
def service_model() -> Any:
    """botocore's model of SageMaker, which takes a while to read."""
    return botocore.session.get_session().get_service_model("sagemaker")
