"""The API's own resources, nothing patched: Model, EndpointConfig, Endpoint, from an artifact in S3."""

import sys

from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant

container = ContainerDefinition(
    image="sagemaker-emulator-samples/logistic_regression", model_data_url=sys.argv[1]
)
model = Model.create(
    model_name="resources",
    primary_container=container,
    execution_role_arn="arn:aws:iam::123456789012:role/SageMakerRole",
)
variant = ProductionVariant(
    variant_name="AllTraffic", model_name="resources", initial_instance_count=1, instance_type="ml.m5.large"
)
config = EndpointConfig.create(endpoint_config_name="resources", production_variants=[variant])

endpoint = Endpoint.create(endpoint_name="resources", endpoint_config_name="resources")
endpoint.wait_for_status("InService")
answer = endpoint.invoke(body="2.0,0.5", content_type="text/csv")
print("probability and class:", answer.body.read().decode(), "from", answer.invoked_production_variant)

endpoint.delete()
endpoint.wait_for_delete()
config.delete()
model.delete()
print("\nendpoints:", [each.endpoint_name for each in Endpoint.get_all(name_contains="resources")])
