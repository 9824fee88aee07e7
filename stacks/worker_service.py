"""The browser workers on AWS: their image, their task and how many of them there are.

Two workers at once are safe, whether a deployment or the scaling starts the second: a lane is
one worker's at a time, and each grant asks for the lane's fencing token. So a new worker starts
before an old one leaves.
"""

from collections.abc import Mapping

from aws_cdk import Duration, Size
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.acknowledge import acknowledge, acknowledge_wildcard
from stacks.build import worker_image_context
from stacks.network import Place
from stacks.settings import StageSettings
from stacks.stage_groups import WorkerSettings

# What the sweeper of lanes publishes each minute.
NAMESPACE = "Huntaze/Sending"
LANES_WITH_DUE_WORK = "LanesWithDueWork"
# As many as `most_lanes` of the worker's settings.
LANES_PER_WORKER = 20

HEALTH_CHECK = ["CMD", "python", "-m", "browser_worker.health"]
# The root of the file system is read-only; here is what a browser writes and the worker's
# heartbeat. In memory: pages that a creator saw never reach a disk.
_SCRATCH = "/tmp"  # noqa: S108 - of a container that nobody shares
_SCRATCH_MB = 512
# A worker takes at most 30 seconds to hand its lanes over; then it is killed.
_STOP_TIMEOUT = Duration.seconds(60)
# A burst of work is over when there was none for as long as a worker keeps a lane.
_QUIET = Duration.minutes(10)


class WorkerService(Construct):
    """A Fargate service that has as many workers as there are lanes with due work."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        workers: WorkerSettings,
        place: Place,
        task_role: iam.Role,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._workers = workers
        insights = (
            ecs.ContainerInsights.ENABLED
            if workers.container_insights
            else ecs.ContainerInsights.DISABLED
        )
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=f"huntaze-{settings.stage.value}",
            container_insights_v2=insights,
            vpc=place.vpc,
        )
        if not workers.container_insights:
            acknowledge(self.cluster, "ECS4", "each figure has a price, and nobody waits here")
        self.service = ecs.FargateService(
            self,
            "Service",
            assign_public_ip=False,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            cluster=self.cluster,
            max_healthy_percent=200,
            min_healthy_percent=100,
            security_groups=[place.group],
            service_name="browser-worker",
            task_definition=self._task(task_role, environment),
            vpc_subnets=place.selection,
        )
        self._scale()

    def _task(
        self, task_role: iam.Role, environment: Mapping[str, str]
    ) -> ecs.FargateTaskDefinition:
        execution_role = iam.Role(
            self, "ExecutionRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")
        )
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=self._workers.cpu,
            execution_role=execution_role,
            memory_limit_mib=self._workers.memory_mb,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            task_role=task_role,
        )
        task.add_container(
            "Worker",
            container_name="worker",
            environment=dict(environment),
            health_check=ecs.HealthCheck(
                command=HEALTH_CHECK,
                interval=Duration.seconds(30),
                retries=3,
                start_period=Duration.seconds(60),
                timeout=Duration.seconds(10),
            ),
            image=self._image(),
            linux_parameters=self._linux(),
            logging=ecs.LogDrivers.aws_logs(
                log_group=self._logs(),
                max_buffer_size=Size.mebibytes(4),
                # A slow log must not stop a send between grant and click.
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
                stream_prefix="worker",
            ),
            readonly_root_filesystem=True,
            stop_timeout=_STOP_TIMEOUT,
            user="10001",
        )
        acknowledge(task, "ECS2", "addresses and names alone; passwords are in secrets")
        acknowledge_wildcard(execution_role, "*", "a registry's token has no resource level")
        return task

    def _image(self) -> ecs.ContainerImage:
        context = worker_image_context()
        return ecs.ContainerImage.from_asset(
            str(context),
            file="containers/browser_worker/Dockerfile",
            platform=ecr_assets.Platform.LINUX_ARM64,
        )

    def _linux(self) -> ecs.LinuxParameters:
        parameters = ecs.LinuxParameters(
            self,
            "Linux",
            # A browser leaves children behind that somebody has to bury.
            init_process_enabled=True,
        )
        parameters.drop_capabilities(ecs.Capability.ALL)
        parameters.add_tmpfs(
            ecs.Tmpfs(
                container_path=_SCRATCH,
                mount_options=[ecs.TmpfsMountOption.NOSUID, ecs.TmpfsMountOption.NODEV],
                size=_SCRATCH_MB,
            )
        )
        return parameters

    def _logs(self) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Logs",
            retention=self._settings.log_retention,
            removal_policy=self._settings.removal_policy,
        )

    def _scale(self) -> None:
        """Have a worker for every twenty lanes with due work.

        In steps, because target tracking multiplies what there is, and nothing times anything is
        nothing. The most of the last ten minutes counts: more work is answered at once, less
        only when it stays less, and a sweep that fails changes nothing.
        """
        tasks = self.service.auto_scale_task_count(
            min_capacity=self._workers.fewest, max_capacity=self._workers.most
        )
        tasks.scale_on_metric(
            "DueWork",
            metric=cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=LANES_WITH_DUE_WORK,
                period=_QUIET,
                statistic=cloudwatch.Stats.MAXIMUM,
            ),
            adjustment_type=scaling.AdjustmentType.EXACT_CAPACITY,
            cooldown=Duration.minutes(1),
            evaluation_periods=1,
            metric_aggregation_type=scaling.MetricAggregationType.MAXIMUM,
            scaling_steps=self._steps(),
        )

    def _steps(self) -> list[scaling.ScalingInterval]:
        busy = range(max(1, self._workers.fewest), self._workers.most + 1)
        lower = 1
        steps = [scaling.ScalingInterval(upper=0.5, change=self._workers.fewest)]
        for count in busy:
            upper = count * LANES_PER_WORKER + 1
            last = count == self._workers.most
            steps.append(
                scaling.ScalingInterval(lower=lower, upper=None if last else upper, change=count)
            )
            lower = upper
        return steps
