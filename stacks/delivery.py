"""How GitHub deploys without a key of its own: roles that a workflow's token opens."""

from aws_cdk import Aws, CfnOutput, DefaultStackSynthesizer, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.permissions import calls
from stacks.settings import Stage, StageSettings
from stacks.stage_stack import StageStack

_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"
# Of the roles that `cdk bootstrap` makes, those that a deployment works with. The last one passes
# its work on to CloudFormation's own role, so a workflow never holds more than these three.
_BOOTSTRAP_ROLES = ("file-publishing-role", "image-publishing-role", "deploy-role")
_SESSION = Duration.hours(1)


class Delivery(StageStack):
    """The roles of the repository's workflows; first deployed by a person."""

    def __init__(self, scope: Construct, settings: StageSettings, *, repository: str) -> None:
        super().__init__(scope, "Delivery", settings, description="Huntaze: roles of the pipeline")
        self._provider = self._github(settings)
        self._repository = repository
        # The environment, not the branch: GitHub gives its token only after the environment's
        # rules (branch, reviewers) are met.
        deploy = self._role("Deploy", f"environment:{settings.stage.value}")
        calls.assume(deploy, [_bootstrap_role(name) for name in _BOOTSTRAP_ROLES])
        CfnOutput(self, "DeployRoleArn", value=deploy.role_arn)
        if settings.stage is Stage.DEV:
            # The code of a pull request runs with this role: it reads templates and nothing else,
            # so it is not let into the bootstrap's role for look-ups, which reads all data.
            compare = self._role("Compare", "pull_request")
            calls.read_templates(compare, settings)
            CfnOutput(self, "CompareRoleArn", value=compare.role_arn)

    def _github(self, settings: StageSettings) -> iam.IOidcProvider:
        # An account has one provider for an issuer; another stage or project may have made it.
        if settings.github_oidc_provider_arn is not None:
            return iam.OidcProviderNative.from_oidc_provider_arn(
                self, "GitHub", settings.github_oidc_provider_arn
            )
        return iam.OidcProviderNative(
            self, "GitHub", url=f"https://{_ISSUER}", client_ids=[_AUDIENCE]
        )

    def _role(self, construct_id: str, who: str) -> iam.Role:
        return iam.Role(
            self,
            construct_id,
            assumed_by=iam.WebIdentityPrincipal(
                self._provider.oidc_provider_arn,
                {
                    "StringEquals": {
                        f"{_ISSUER}:aud": _AUDIENCE,
                        f"{_ISSUER}:sub": f"repo:{self._repository}:{who}",
                    }
                },
            ),
            max_session_duration=_SESSION,
        )


def _bootstrap_role(name: str) -> str:
    qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
    return (
        f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/"
        f"cdk-{qualifier}-{name}-{Aws.ACCOUNT_ID}-{Aws.REGION}"
    )
