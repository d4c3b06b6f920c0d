// The AWS SDK for JavaScript v3: upload, train, wait, read the log and the model. Node 20 or newer.
import { CloudWatchLogsClient, GetLogEventsCommand, paginateDescribeLogStreams } from "@aws-sdk/client-cloudwatch-logs";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  SageMakerClient,
  paginateListTrainingJobs,
  waitUntilTrainingJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";

// Endpoint, credentials and Region come from the environment.
const [s3, sagemaker, logs] = [new S3Client(), new SageMakerClient(), new CloudWatchLogsClient()];
const Bucket = "javascript";
await s3.send(new CreateBucketCommand({ Bucket }));
for (const part of [0, 1]) {
  const Body = "1,0.5,0.1\n0,-0.4,0.3\n".repeat(50);
  await s3.send(new PutObjectCommand({ Bucket, Key: `data/part-${part}.csv`, Body }));
}

const TrainingJobName = `javascript-${Date.now()}`;
const S3DataSource = {
  S3DataType: "S3Prefix",
  S3Uri: `s3://${Bucket}/data/`,
  S3DataDistributionType: "ShardedByS3Key",
};
await sagemaker.send(
  new CreateTrainingJobCommand({
    TrainingJobName,
    RoleArn: "arn:aws:iam::123456789012:role/SageMakerRole",
    AlgorithmSpecification: {
      TrainingImage: "sagemaker-emulator-samples/logistic_regression",
      TrainingInputMode: "File",
    },
    HyperParameters: { epochs: "3" },
    InputDataConfig: [{ ChannelName: "train", DataSource: { S3DataSource } }],
    OutputDataConfig: { S3OutputPath: `s3://${Bucket}/output` },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 2, VolumeSizeInGB: 1 },
    StoppingCondition: { MaxRuntimeInSeconds: 600 },
  }),
);
const waiting = { client: sagemaker, maxWaitTime: 600, minDelay: 1, maxDelay: 5 };
await waitUntilTrainingJobCompletedOrStopped(waiting, { TrainingJobName });
const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
console.log("status:", job.TrainingJobStatus, "started:", job.TrainingStartTime.toISOString());

const logGroupName = "/aws/sagemaker/TrainingJobs";
const streams = paginateDescribeLogStreams({ client: logs }, { logGroupName, logStreamNamePrefix: `${TrainingJobName}/` });
for await (const page of streams) {
  for (const { logStreamName } of page.logStreams) {
    const { events } = await logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true }));
    for (const { message } of events) console.log(`${logStreamName.split("/")[1]}: ${message}`);
  }
}

let jobs = 0;
for await (const page of paginateListTrainingJobs({ client: sagemaker, pageSize: 1 }, { NameContains: "javascript" })) {
  jobs += page.TrainingJobSummaries.length;
}
const Key = job.ModelArtifacts.S3ModelArtifacts.replace(`s3://${Bucket}/`, "");
const model = await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body.transformToByteArray();
console.log("jobs:", jobs, "model:", model.length > 0 ? job.ModelArtifacts.S3ModelArtifacts : "empty");
