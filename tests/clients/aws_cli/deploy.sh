# The AWS CLI, version 1 or 2: deploy the model of the newest job, predict, delete.
set -euo pipefail

name=cli-endpoint
model=$(aws sagemaker list-training-jobs --status-equals Completed --name-contains cli- --max-items 1 \
    --query 'TrainingJobSummaries[0].TrainingJobName' --output text | head -1 |
    xargs aws sagemaker describe-training-job --query ModelArtifacts.S3ModelArtifacts --output text --training-job-name)

aws sagemaker create-model --model-name $name --execution-role-arn arn:aws:iam::123456789012:role/SageMakerRole \
    --primary-container "Image=sagemaker-emulator-samples/logistic_regression,ModelDataUrl=$model"
aws sagemaker create-endpoint-config --endpoint-config-name $name --production-variants \
    "VariantName=AllTraffic,ModelName=$name,InitialInstanceCount=1,InstanceType=ml.m5.large"
aws sagemaker create-endpoint --endpoint-name $name --endpoint-config-name $name

# `aws sagemaker wait endpoint-in-service` works as well, but it asks only every thirty seconds.
until aws sagemaker describe-endpoint --endpoint-name $name --query EndpointStatus --output text |
    tee /dev/stderr | grep -qE 'InService|Failed'; do sleep 1; done
aws sagemaker wait endpoint-in-service --endpoint-name $name

echo 2.0,0.5 > row.csv
aws sagemaker-runtime invoke-endpoint --endpoint-name $name --content-type text/csv --body fileb://row.csv \
    prediction.csv
cat prediction.csv

aws sagemaker delete-endpoint --endpoint-name $name
aws sagemaker delete-endpoint-config --endpoint-config-name $name
aws sagemaker delete-model --model-name $name
while aws sagemaker describe-endpoint --endpoint-name $name > /dev/null 2>&1; do sleep 1; done
aws sagemaker wait endpoint-deleted --endpoint-name $name
