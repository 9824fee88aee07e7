"""The firewall of the API: AWS's rule groups, limits of requests, and a log without secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from stacks.settings import StageSettings

Statement = waf.CfnWebACL.StatementProperty

_WINDOW_SECONDS: Final = 300
# Ten requests a second for five minutes is more than a page asks for and less than a flood.
_REQUESTS = 3000
# Logins, registrations and refreshes of a whole office behind one address; the accounts' own
# limits are far below and know the account.
_SIGN_INS = 100


@dataclass(frozen=True)
class _RuleGroup:
    """A managed rule group, and the rules of it that only count."""

    name: str
    counted: tuple[str, ...] = ()


# The rules that judge a body only count: bodies are people's own words to each other ("<3",
# "../", "select … from"), imports of up to 4 MB and long campaign texts. Functions bind every
# value in SQL, answer JSON alone and refuse what is too large with a sentence.
_RULE_GROUPS = (
    _RuleGroup("AWSManagedRulesAmazonIpReputationList"),
    _RuleGroup(
        "AWSManagedRulesCommonRuleSet",
        counted=(
            "SizeRestrictions_BODY",
            "CrossSiteScripting_BODY",
            "GenericLFI_BODY",
            "GenericRFI_BODY",
        ),
    ),
    _RuleGroup("AWSManagedRulesKnownBadInputsRuleSet"),
    _RuleGroup("AWSManagedRulesSQLiRuleSet", counted=("SQLi_BODY", "SQLiExtendedPatterns_BODY")),
)

# Never in the log nor in a sample: what proves who somebody is, and queries, which hold names.
_SECRET_HEADERS = ("authorization", "cookie", "stripe-signature", "x-csrf-token")


class Firewall(Construct):
    """A web ACL in front of the stage of an API."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        api: apigateway.RestApi,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._front_ends = self._front_end_sets()
        rules = [*self._limits(), *self._managed()]
        acl = waf.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            custom_response_bodies={
                "too-many": waf.CfnWebACL.CustomResponseBodyProperty(
                    content_type="APPLICATION_JSON",
                    content=(
                        '{"error":"TooManyRequests","detail":'
                        '"Too many requests from one address; try again in five minutes."}'
                    ),
                )
            },
            data_protection_config=waf.CfnWebACL.DataProtectionConfigProperty(
                data_protections=_hidden()
            ),
            rules=[
                waf.CfnWebACL.RuleProperty(
                    name=name,
                    priority=priority,
                    statement=statement,
                    action=action,
                    # A group decides by its own rules.
                    override_action=(
                        None if action else waf.CfnWebACL.OverrideActionProperty(none={})
                    ),
                    visibility_config=_visible(name),
                )
                for priority, (name, statement, action) in enumerate(rules)
            ],
            visibility_config=_visible("Acl"),
        )
        waf.CfnWebACLAssociation(
            self,
            "Guard",
            resource_arn=api.deployment_stage.stage_arn,
            web_acl_arn=acl.attr_arn,
        )
        self._log(acl)

    def _limits(self) -> list[tuple[str, Statement, waf.CfnWebACL.RuleActionProperty]]:
        """Limits by address: of a direct caller, and of whom a front end speaks for."""
        # The verb keeps out what a page asks each time it loads (who am I, my sessions).
        sign_in = (self._path("api/auth/"), _method("POST"))
        limits = []
        for name, limit, scope in (("SignIns", _SIGN_INS, sign_in), ("All", _REQUESTS, ())):
            direct = (_none_of(self._front_ends),) if self._front_ends else ()
            limits.append((f"{name}PerAddress", _limit(limit, _all_of(*scope, *direct))))
            if self._front_ends:
                behind = _all_of(*scope, _any_of(self._front_ends))
                limits.append((f"{name}BehindFrontEnds", _limit(limit, behind, forwarded=True)))
        refuse = waf.CfnWebACL.RuleActionProperty(
            block=waf.CfnWebACL.BlockActionProperty(
                custom_response=waf.CfnWebACL.CustomResponseProperty(
                    response_code=429,
                    custom_response_body_key="too-many",
                    response_headers=[
                        waf.CfnWebACL.CustomHTTPHeaderProperty(
                            name="Retry-After", value=str(_WINDOW_SECONDS)
                        )
                    ],
                )
            )
        )
        return [(name, statement, refuse) for name, statement in limits]

    def _managed(self) -> list[tuple[str, Statement, None]]:
        # A webhook is judged by its signature over the raw body. A payment that a pattern takes
        # for an attack would be lost, so the groups do not see those routes.
        not_a_webhook = _none_of([self._path("api/webhooks/")])
        return [
            (
                group.name.removeprefix("AWSManagedRules"),
                Statement(
                    managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                        vendor_name="AWS",
                        name=group.name,
                        rule_action_overrides=[
                            waf.CfnWebACL.RuleActionOverrideProperty(
                                name=rule,
                                action_to_use=waf.CfnWebACL.RuleActionProperty(count={}),
                            )
                            for rule in group.counted
                        ]
                        or None,
                        scope_down_statement=not_a_webhook,
                    )
                ),
                None,
            )
            for group in _RULE_GROUPS
        ]

    def _path(self, beginning: str) -> Statement:
        """Requests for a path; API Gateway's own address has the stage before it."""
        return Statement(
            regex_match_statement=waf.CfnWebACL.RegexMatchStatementProperty(
                field_to_match=waf.CfnWebACL.FieldToMatchProperty(uri_path={}),
                regex_string=f"^/({self._settings.stage.value}/)?{beginning}",
                text_transformations=_as_it_is(),
            )
        )

    def _front_end_sets(self) -> list[Statement]:
        """The front ends, by version of their addresses: a set holds one version."""
        versions: dict[int, list[str]] = {}
        for network in self._settings.trusted_proxies:
            versions.setdefault(ip_network(network).version, []).append(network)
        sets = [
            waf.CfnIPSet(
                self,
                f"FrontEndsV{version}",
                scope="REGIONAL",
                ip_address_version=f"IPV{version}",
                addresses=networks,
            )
            for version, networks in sorted(versions.items())
        ]
        return [
            Statement(
                ip_set_reference_statement=waf.CfnWebACL.IPSetReferenceStatementProperty(
                    arn=found.attr_arn
                )
            )
            for found in sets
        ]

    def _log(self, acl: waf.CfnWebACL) -> None:
        group = logs.LogGroup(
            self,
            "Logs",
            # AWS takes no other beginning.
            log_group_name=f"aws-waf-logs-huntaze-{self._settings.stage.value}",
            retention=self._settings.log_retention,
            removal_policy=self._settings.removal_policy,
        )
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[
                # The ARN of a group ends in `:*`, which the firewall refuses.
                Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name=group.log_group_name,
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                )
            ],
            redacted_fields=[
                *(
                    waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name})
                    for name in _SECRET_HEADERS
                ),
                waf.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
            ],
            # What passed is in the access log of the API.
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [
                            {"ActionCondition": {"Action": action}}
                            for action in ("BLOCK", "COUNT", "EXCLUDED_AS_COUNT")
                        ],
                    }
                ],
            },
        )


def _limit(limit: int, scope: Statement | None, *, forwarded: bool = False) -> Statement:
    """More than ``limit`` requests of one address within the window."""
    return Statement(
        rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="FORWARDED_IP" if forwarded else "IP",
            evaluation_window_sec=_WINDOW_SECONDS,
            # A front end writes this header anew; who reaches the API otherwise is not believed.
            forwarded_ip_config=waf.CfnWebACL.ForwardedIPConfigurationProperty(
                header_name="X-Forwarded-For", fallback_behavior="NO_MATCH"
            )
            if forwarded
            else None,
            limit=limit,
            scope_down_statement=scope,
        )
    )


def _method(method: str) -> Statement:
    return Statement(
        byte_match_statement=waf.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=waf.CfnWebACL.FieldToMatchProperty(method={}),
            positional_constraint="EXACTLY",
            search_string=method,
            text_transformations=_as_it_is(),
        )
    )


def _all_of(*statements: Statement) -> Statement | None:
    if len(statements) < 2:
        return statements[0] if statements else None
    return Statement(and_statement=waf.CfnWebACL.AndStatementProperty(statements=list(statements)))


def _any_of(statements: Sequence[Statement]) -> Statement:
    if len(statements) == 1:
        return statements[0]
    return Statement(or_statement=waf.CfnWebACL.OrStatementProperty(statements=list(statements)))


def _none_of(statements: Sequence[Statement]) -> Statement:
    return Statement(
        not_statement=waf.CfnWebACL.NotStatementProperty(statement=_any_of(statements))
    )


def _as_it_is() -> list[waf.CfnWebACL.TextTransformationProperty]:
    return [waf.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")]


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )


def _hidden() -> list[waf.CfnWebACL.DataProtectProperty]:
    """What a log or a sample shows as ``REDACTED``, the excerpts that a rule matched included."""
    fields = [
        waf.CfnWebACL.FieldToProtectProperty(
            field_type="SINGLE_HEADER", field_keys=list(_SECRET_HEADERS)
        ),
        waf.CfnWebACL.FieldToProtectProperty(field_type="QUERY_STRING"),
        waf.CfnWebACL.FieldToProtectProperty(field_type="BODY"),
    ]
    return [
        waf.CfnWebACL.DataProtectProperty(action="SUBSTITUTION", field=field) for field in fields
    ]
