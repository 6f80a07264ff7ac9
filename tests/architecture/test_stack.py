"""What CloudFormation would make of template.yaml keeps these facts, whatever is given and whatever made."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

import pytest

from tests.architecture.repository import product
from tests.architecture.test_documents import RUNBOOK, anchors
from tests.support.planned_stack import Planned, planned

LOCAL = planned(
    JwtIssuer="http://127.0.0.1:1",
    JwtAudience="scheduler-api",
    DatabaseUrl="postgresql://127.0.0.1/scheduler",
    RedisHost="127.0.0.1",
    KmsKey="aws",
    AlarmsEnabled="false",
)
"""All parts given: what the local region deploys."""
BARE = planned()
"""Nothing given: what `sam deploy --guided` makes when each question is answered with Enter."""
FULL = planned(
    RedisMode="create",
    VpcNat="true",
    DbProxy="true",
    ConnectionBudget="300",
    AlarmEmail="night@example.com",
    CanaryEnabled="true",
    SnapStart="true",
    Tracing="Active",
    Architecture="arm64",
)
"""All that can be made is."""
THEIR_SUBNETS = {"VpcId": "vpc-1", "VpcSubnetIds": "subnet-1,subnet-2", "VpcSecurityGroupIds": "sg-1"}
CONSOLE_URL = "https://phones.example/scheduler/console"
ACCOUNTS = planned(ConsoleUrl=CONSOLE_URL)
"""Operators sign in to the console at the pool that is made."""
STACKS = {
    "local": LOCAL,
    "bare": BARE,
    "full": FULL,
    "in their subnets": planned(**THEIR_SUBNETS),
    "with accounts": ACCOUNTS,
}
MADE = {name: stack for name, stack in STACKS.items() if name != "local"}

ON_ALL_RESOURCES = {
    "ec2:AssignPrivateIpAddresses": "Lambda asks for these nine before it lets a function into a VPC",
    "ec2:CreateNetworkInterface": "as above",
    "ec2:DeleteNetworkInterface": "as above",
    "ec2:DescribeNetworkInterfaces": "as above",
    "ec2:DescribeSecurityGroups": "as above",
    "ec2:DescribeSubnets": "as above",
    "ec2:DescribeVpcs": "as above",
    "ec2:GetSecurityGroupsForVpc": "as above",
    "ec2:UnassignPrivateIpAddresses": "as above",
    "xray:GetSamplingRules": "X-Ray knows no resource for what a tracer sends and asks",
    "xray:GetSamplingStatisticSummaries": "as above",
    "xray:GetSamplingTargets": "as above",
    "xray:PutTelemetryRecords": "as above",
    "xray:PutTraceSegments": "as above",
}
"""The only actions that a policy of the stack allows on all resources, each with its reason."""
POLICIES_OF_AWS = {
    "AWSLambdaBasicExecutionRole": "SAM gives it to each function: logs; the boundary narrows it to the stack's own",
    "AWSLambdaSQSQueueExecutionRole": "SAM gives it to what a queue feeds: the boundary narrows it to the stack's own",
    "AWSLambdaVPCAccessExecutionRole": "SAM gives it to functions with VpcConfig: network interfaces",
    "AWSXrayWriteOnlyAccess": "SAM gives it where Tracing is Active",
    "AWSXRayDaemonWriteAccess": "as above",
    "AWSCodeDeployRoleForLambda": "SAM gives it to CodeDeploy's role",
}
MOST_RESOURCES = 500


def every(stacks: Mapping[str, Planned] = STACKS) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stack", stacks.values(), ids=stacks.keys())


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policies(stack: Planned) -> Iterator[tuple[str, dict[str, Any]]]:
    """(resource, statement) of all that roles and managed policies say."""
    for name, properties in stack.of("AWS::IAM::ManagedPolicy").items():
        yield from ((name, one) for one in properties["PolicyDocument"]["Statement"])
    for name, properties in stack.of("AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            yield from ((name, one) for one in policy["PolicyDocument"]["Statement"])


def wildcards(stack: Planned) -> list[tuple[str, str]]:
    """(resource, action) of what is allowed with a wildcard for an action, or on all resources, and is not listed."""
    found = []
    for name, statement in policies(stack):
        if statement["Effect"] == "Allow":
            for action in as_list(statement["Action"]):
                on_all = "*" in as_list(statement["Resource"]) and action not in ON_ALL_RESOURCES
                if on_all or "*" in action:
                    found.append((name, action))
    return found


def reference(value: Any) -> str:
    """Logical id that a Ref, GetAtt or attribute names."""
    assert isinstance(value, dict), value
    ((kind, target),) = value.items()
    return str(target if kind == "Ref" else target[0])


@cache
def emitted() -> set[str]:
    """Names of metrics as the code writes them: literals, and beginnings of those that end in a reason."""
    text = "\n".join(path.read_text() for path in product())
    return set(re.findall(r'"([A-Z][A-Za-z]+)"', text)) | set(re.findall(r'f"([A-Z][A-Za-z]+\.)\{', text))


def is_emitted(metric: str) -> bool:
    return metric in emitted() or any(metric.startswith(known) for known in emitted() if known.endswith("."))


def dashboard(stack: Planned) -> dict[str, Any]:
    ((text, names),) = [each["DashboardBody"]["Fn::Sub"] for each in stack.of("AWS::CloudWatch::Dashboard").values()]
    assert set(names) <= set(re.findall(r"\$\{([A-Za-z]+)", text))
    body: dict[str, Any] = json.loads(re.sub(r"\$\{[^}]+\}", "x", text))
    return body


@every()
def test_the_stack_fits_into_one_template(stack: Planned) -> None:
    assert len(stack.template["Resources"]) <= MOST_RESOURCES - 50


def needs(stack: Planned, value: Any) -> Iterator[str]:
    """Logical ids that a resource refers to, in whatever way."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key in {"Ref", "DependsOn"} or (key == "Fn::GetAtt" and isinstance(one, list)):
                yield from as_list(one)[:1] if key != "DependsOn" else as_list(one)
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", as_list(one)[0])
            yield from needs(stack, one)
    elif isinstance(value, list):
        for one in value:
            yield from needs(stack, one)


@every()
def test_no_resource_waits_for_itself(stack: Planned) -> None:
    graph = {n: set(needs(stack, resource)) & stack.resources.keys() for n, resource in stack.resources.items()}

    assert list(TopologicalSorter(graph).static_order())


@every()
def test_whatever_a_resource_refers_to_is_made_too(stack: Planned) -> None:
    known = stack.template["Resources"].keys()
    missing = {n: set(needs(stack, r)) & known - stack.resources.keys() for n, r in stack.resources.items()}

    assert {name: ids for name, ids in missing.items() if ids} == {}


@every()
def test_no_policy_has_a_wildcard_that_is_not_listed(stack: Planned) -> None:
    assert wildcards(stack) == []


def test_a_planted_wildcard_is_found() -> None:
    stack = Planned({})
    policy = stack.resources["UseDataKey"]["Properties"]["PolicyDocument"]["Statement"][0]
    policy |= {"Action": ["kms:*", "kms:Decrypt"], "Resource": "*"}

    assert wildcards(stack) == [("UseDataKey", "kms:*"), ("UseDataKey", "kms:Decrypt")]


@every()
def test_each_function_has_a_role_of_its_own_within_a_boundary(stack: Planned) -> None:
    roles = {name: reference(properties["Role"]) for name, properties in stack.of("AWS::Lambda::Function").items()}

    assert len(set(roles.values())) == len(roles)
    for role in roles.values():
        assert stack.of("AWS::IAM::Role")[role]["PermissionsBoundary"] == {"Ref": "FunctionBoundary"}


def test_a_boundary_that_is_given_holds_instead() -> None:
    stack = planned(PermissionsBoundary="arn:aws:iam::000000000000:policy/ours")

    assert {role["PermissionsBoundary"] for role in stack.of("AWS::IAM::Role").values()} == {
        "arn:aws:iam::000000000000:policy/ours"
    }


@every()
def test_policies_of_aws_are_those_that_are_listed(stack: Planned) -> None:
    attached = {
        policy.rpartition("/")[2]
        for role in stack.of("AWS::IAM::Role").values()
        for policy in role.get("ManagedPolicyArns", [])
        if isinstance(policy, str)
    }

    assert attached <= set(POLICIES_OF_AWS)


@every()
def test_each_queue_is_one_that_parks_or_one_with_a_queue_to_park_in(stack: Planned) -> None:
    queues = stack.of("AWS::SQS::Queue")
    parking = {reference(q["RedrivePolicy"]["deadLetterTargetArn"]) for q in queues.values() if "RedrivePolicy" in q}

    assert parking
    assert parking <= queues.keys()
    assert {n for n, q in queues.items() if "RedrivePolicy" not in q} == parking | {"FailedSchedulesQueue"}


@every()
def test_each_function_writes_to_the_log_group_of_the_stack_in_json(stack: Planned) -> None:
    for properties in stack.of("AWS::Lambda::Function").values():
        assert properties["LoggingConfig"]["LogGroup"] == {"Ref": "FunctionLogs"}
        assert properties["LoggingConfig"]["LogFormat"] == "JSON"
        assert properties["LoggingConfig"]["ApplicationLogLevel"] == "INFO"  # above it metrics would be dropped


@every()
def test_logs_end(stack: Planned) -> None:
    assert all(group["RetentionInDays"] for group in stack.of("AWS::Logs::LogGroup").values())


@every(MADE)
def test_whatever_can_be_encrypted_is_with_the_key_of_the_stack(stack: Planned) -> None:
    kinds = {
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::Lambda::Function": "KmsKeyArn",
        "AWS::RDS::DBCluster": "KmsKeyId",
        "AWS::ElastiCache::ServerlessCache": "KmsKeyId",
    }
    for kind, member in kinds.items():
        for name, properties in stack.of(kind).items():
            assert properties.get(member) == {"Fn::GetAtt": ["DataKey", "Arn"]}, name
    assert stack.of("AWS::KMS::Key")["DataKey"]["EnableKeyRotation"] is True


def test_without_a_key_of_its_own_aws_encrypts_topics_and_queues() -> None:
    assert all(queue["SqsManagedSseEnabled"] is True for queue in LOCAL.of("AWS::SQS::Queue").values())
    assert all("KmsMasterKeyId" in topic for topic in LOCAL.of("AWS::SNS::Topic").values())
    assert LOCAL.of("AWS::KMS::Key") == {}


def test_functions_may_use_the_key_that_their_variables_are_encrypted_with() -> None:
    for name, role in BARE.of("AWS::IAM::Role").items():
        if name.endswith("FunctionRole"):
            assert {"Ref": "UseDataKey"} in role["ManagedPolicyArns"], name


def test_a_key_lets_in_services_only_for_this_account_or_this_stack() -> None:
    statements = BARE.of("AWS::KMS::Key")["DataKey"]["KeyPolicy"]["Statement"]

    assert all("Condition" in one for one in statements if "Service" in one["Principal"])


def test_with_all_parts_given_nothing_is_made_that_only_aws_has() -> None:
    only_aws = ("AWS::Cognito", "AWS::KMS", "AWS::EC2", "AWS::RDS", "AWS::ElastiCache", "AWS::CodeDeploy")

    assert [kind for kind in LOCAL.kinds() if kind.startswith(only_aws)] == []


@every(MADE)
def test_each_alarm_tells_somebody_and_names_its_part_of_the_runbook(stack: Planned) -> None:
    for name, alarm in stack.of("AWS::CloudWatch::Alarm").items():
        part = alarm["AlarmDescription"].rpartition("see the runbook: ")[2]
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}], name
        assert re.sub(r"[^\w -]", "", part.lower()).replace(" ", "-") in anchors(RUNBOOK), name


def test_alarms_go_to_the_topic_that_is_given() -> None:
    stack = planned(AlarmTopicArn="arn:aws:sns:eu-central-1:000000000000:night")

    assert {one for a in stack.of("AWS::CloudWatch::Alarm").values() for one in a["AlarmActions"]} == {
        "arn:aws:sns:eu-central-1:000000000000:night"
    }
    assert not {"AlarmTopic", "AlarmTopicPolicy", "AlarmMail"} & stack.resources.keys()


def test_an_address_is_subscribed_to_the_alarms() -> None:
    assert planned(AlarmEmail="night@example.com").of("AWS::SNS::Subscription")["AlarmMail"]["Protocol"] == "email"


def test_each_parking_queue_has_an_alarm() -> None:
    watched = {
        reference(dimension["Value"])
        for alarm in BARE.of("AWS::CloudWatch::Alarm").values()
        if alarm.get("Namespace") == "AWS/SQS"
        for dimension in alarm["Dimensions"]
    }

    assert watched == {n for n, q in BARE.of("AWS::SQS::Queue").items() if "RedrivePolicy" not in q}


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_each_function_that_runs_by_itself_or_is_called_has_an_alarm(metric: str) -> None:
    watched = {
        reference(one["MetricStat"]["Metric"]["Dimensions"][0]["Value"])
        for alarm in BARE.of("AWS::CloudWatch::Alarm").values()
        for one in alarm.get("Metrics", [])
        if one.get("MetricStat", {}).get("Metric", {}).get("MetricName") == metric
    }

    assert BARE.of("AWS::Lambda::Function").keys() - watched == {"ConsoleFunction", "MigrateFunction"}


def test_an_alarm_has_no_more_metrics_than_cloudwatch_takes() -> None:
    counts = [len(a.get("Metrics", [])) - 1 for a in BARE.of("AWS::CloudWatch::Alarm").values()]

    assert max(counts) <= 10


def test_each_metric_of_an_alarm_is_one_that_the_code_sends() -> None:
    ours = [a for a in BARE.of("AWS::CloudWatch::Alarm").values() if a.get("Namespace") == "CloudPhoneScheduler"]

    assert ours
    assert [alarm["MetricName"] for alarm in ours if not is_emitted(alarm["MetricName"])] == []


def test_each_metric_of_the_dashboard_is_one_that_the_code_sends() -> None:
    metrics = [one for widget in dashboard(BARE)["widgets"] for one in widget["properties"]["metrics"]]
    shown = {one[1] for one in metrics if one[0] == "CloudPhoneScheduler"}

    assert len(shown) > 20
    assert {name for name in shown if not is_emitted(name)} == set()


def test_a_metric_that_nobody_sends_is_found() -> None:
    assert not is_emitted("AllocationsForgotten")


def test_a_new_layer_publishes_a_new_version_of_each_function() -> None:
    def versions(code: str) -> set[str]:
        source = Planned({}).source
        source["Resources"]["SharedLayer"]["Properties"]["ContentUri"] = code
        return set(Planned({}, source).of("AWS::Lambda::Version"))

    assert versions("one") == versions("one")
    assert not versions("one") & versions("another")


def test_callers_come_with_tokens_of_the_pool_or_of_the_issuer_that_is_given() -> None:
    def authorizer(stack: Planned) -> Any:
        schemes = stack.of("AWS::ApiGatewayV2::Api")["SchedulerApi"]["Body"]["components"]["securitySchemes"]
        return schemes["Jwt"]["x-amazon-apigateway-authorizer"]["jwtConfiguration"]

    pool = {"Fn::GetAtt": ["UserPool", "ProviderURL"]}
    clients = [{"Ref": name} for name in ("MachineClient", "OperatorClient", "PeopleClient")]
    assert authorizer(BARE) == {"issuer": pool, "audience": clients}
    assert authorizer(ACCOUNTS) == {"issuer": pool, "audience": [*clients, {"Ref": "ConsoleClient"}]}
    given = {"Fn::Split": [",", "scheduler-api"]}
    assert authorizer(LOCAL) == {"issuer": "http://127.0.0.1:1", "audience": given}


def console_of(stack: Planned) -> dict[str, Any]:
    """What the console function is told of where operators sign in."""
    variables = stack.of("AWS::Lambda::Function")["ConsoleFunction"]["Environment"]["Variables"]
    return {n: v for n, v in variables.items() if n.startswith("CONSOLE_") and n != "CONSOLE_ENABLED"}


def test_the_console_gets_a_public_client_of_the_pool_for_its_own_address() -> None:
    client = ACCOUNTS.of("AWS::Cognito::UserPoolClient")["ConsoleClient"]
    domain = "https://${UserPoolDomain}.auth.${AWS::Region}.amazoncognito.com/oauth2"

    assert (client["GenerateSecret"], client["AllowedOAuthFlows"]) == (False, ["code"])
    assert client["CallbackURLs"] == [CONSOLE_URL]
    assert client["AllowedOAuthScopes"] == ["openid", "scheduler/operator"]
    assert client["WriteAttributes"] == ["email"]
    assert console_of(ACCOUNTS) == {
        "CONSOLE_AUTHORIZE_URL": {"Fn::Sub": f"{domain}/authorize"},
        "CONSOLE_TOKEN_URL": {"Fn::Sub": f"{domain}/token"},
        "CONSOLE_CLIENT_ID": {"Ref": "ConsoleClient"},
        "CONSOLE_SCOPE": "openid scheduler/operator",
    }


def test_whoever_has_an_account_in_the_pool_is_no_operator_without_the_group() -> None:
    groups = [group["GroupName"] for group in ACCOUNTS.of("AWS::Cognito::UserPoolGroup").values()]

    assert groups == ["operators"]
    for function in ACCOUNTS.of("AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"]["OPERATOR_GROUP"] == "operators"


def test_without_an_address_the_console_has_no_client_and_takes_tokens_only() -> None:
    assert "ConsoleClient" not in BARE.resources
    for stack in (BARE, LOCAL):
        assert {**console_of(stack), "CONSOLE_SCOPE": ""} == dict.fromkeys(console_of(stack), "")


def test_the_console_asks_the_issuer_that_is_given() -> None:
    stack = planned(
        JwtIssuer="https://id.example",
        JwtAudience="phones",
        ConsoleUrl=CONSOLE_URL,
        ConsoleAuthorizeUrl="https://id.example/authorize",
        ConsoleTokenUrl="https://id.example/token",
        ConsoleClientId="console",
    )

    assert tuple(console_of(stack).values()) == (
        "https://id.example/authorize",
        "https://id.example/token",
        "console",
        "openid scheduler.operator",
    )
    assert "ConsoleClient" not in stack.resources


def test_a_client_may_ask_for_one_scope_of_the_scheduler_and_no_user_sets_a_tenant() -> None:
    clients = BARE.of("AWS::Cognito::UserPoolClient")
    scopes = {name: client["AllowedOAuthScopes"] for name, client in clients.items()}

    assert scopes == {
        "MachineClient": ["scheduler/service"],
        "OperatorClient": ["scheduler/operator"],
        "PeopleClient": ["openid", "email"],
    }
    assert clients["PeopleClient"]["WriteAttributes"] == ["email"]
    assert clients["PeopleClient"]["GenerateSecret"] is False  # code with PKCE


@every(MADE)
def test_the_log_of_the_database_holds_no_statement_and_no_row(stack: Planned) -> None:
    settings = stack.of("AWS::RDS::DBClusterParameterGroup")["DatabaseSettings"]["Parameters"]

    assert settings["log_min_duration_statement"] == "-1"
    assert (settings["log_min_error_statement"], settings["log_error_verbosity"]) == ("panic", "terse")
    assert settings["log_statement"] == "none"


@every(MADE)
def test_the_database_is_private_encrypted_and_guarded(stack: Planned) -> None:
    cluster = stack.resources["Database"]
    settings = stack.of("AWS::RDS::DBClusterParameterGroup")["DatabaseSettings"]["Parameters"]

    assert cluster["DeletionPolicy"] == cluster["UpdateReplacePolicy"] == "Snapshot"
    assert cluster["Properties"]["StorageEncrypted"] is True
    assert cluster["Properties"]["ManageMasterUserPassword"] is True
    assert cluster["Properties"]["EnableIAMDatabaseAuthentication"] is True
    assert cluster["Properties"]["DeletionProtection"] == "true"
    assert int(cluster["Properties"]["BackupRetentionPeriod"]) >= 7
    assert settings["rds.force_ssl"] == "1"
    instances = stack.of("AWS::RDS::DBInstance")
    assert instances.keys() == {"DatabaseWriter", "DatabaseStandby"}
    assert [i["PubliclyAccessible"] for i in instances.values()] == [False, False]


def test_a_database_without_a_standby_has_one_instance() -> None:
    assert planned(DbStandby="false").of("AWS::RDS::DBInstance").keys() == {"DatabaseWriter"}


@every()
def test_all_functions_are_in_the_vpc_or_none_is(stack: Planned) -> None:
    places = [p.get("VpcConfig") for name, p in stack.of("AWS::Lambda::Function").items() if name != "SmokeFunction"]

    assert all(place == places[0] for place in places)
    assert bool(places[0]) is stack.holds("InVpc")


def test_a_vpc_is_made_for_what_is_in_it() -> None:
    assert planned(DatabaseUrl="postgresql://db/scheduler").of("AWS::EC2::VPC") == {}
    assert planned(**THEIR_SUBNETS).of("AWS::EC2::VPC") == {}
    assert planned(DatabaseUrl="postgresql://db/scheduler", RedisMode="create").of("AWS::EC2::VPC")


def ingress(stack: Planned) -> list[dict[str, Any]]:
    groups = stack.of("AWS::EC2::SecurityGroup").values()
    return [
        *(rule for group in groups for rule in group.get("SecurityGroupIngress", [])),
        *stack.of("AWS::EC2::SecurityGroupIngress").values(),
    ]


@every(MADE)
def test_whoever_is_let_in_is_named_by_its_group(stack: Planned) -> None:
    assert ingress(stack)
    assert all("SourceSecurityGroupId" in rule and "CidrIp" not in rule for rule in ingress(stack))


def test_functions_reach_the_internet_only_through_nat() -> None:
    def open_ways(stack: Planned) -> list[str]:
        ways = stack.of("AWS::EC2::SecurityGroupEgress") | stack.of("AWS::EC2::Route")
        return sorted(n for n, way in ways.items() if "0.0.0.0/0" in way.values())

    assert open_ways(BARE) == []
    assert open_ways(FULL) == ["FunctionsToInternet", "RouteToInternet", "RouteToNat"]


def test_a_cache_that_is_made_is_used_by_tls_as_a_cluster() -> None:
    variables = FULL.of("AWS::Lambda::Function")["AllocateFunction"]["Environment"]["Variables"]

    assert variables["REDIS_HOST"] == {"Fn::GetAtt": ["Cache", "Endpoint.Address"]}
    assert (variables["REDIS_TLS"], variables["REDIS_CLUSTER"]) == ("true", "true")
    assert FULL.of("AWS::ElastiCache::ServerlessCache")["Cache"]["Engine"] == "valkey"


def test_a_budget_bounds_every_function_that_connects() -> None:
    bounded = {
        name: p["ReservedConcurrentExecutions"]
        for name, p in FULL.of("AWS::Lambda::Function").items()
        if "ReservedConcurrentExecutions" in p
    }

    assert FULL.of("AWS::Lambda::Function").keys() - bounded.keys() <= {
        "ConsoleFunction",
        "MigrateFunction",
        "SmokeFunction",
    }
    assert bounded["AllocateFunction"] == 60
    assert not any("ReservedConcurrentExecutions" in p for p in BARE.of("AWS::Lambda::Function").values())


def test_new_versions_are_tried_and_watched_before_they_get_all_traffic() -> None:
    groups = FULL.of("AWS::CodeDeploy::DeploymentGroup")
    functions = FULL.of("AWS::Lambda::Function").keys() - {"MigrateFunction", "SmokeFunction"}

    assert groups.keys() == {f"{name}DeploymentGroup" for name in functions}
    for group in groups.values():
        assert "Canary10Percent5Minutes" in str(group["DeploymentConfigName"])
        assert {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"} <= set(group["AutoRollbackConfiguration"]["Events"])
        assert {reference(a["Name"]) for a in group["AlarmConfiguration"]["Alarms"]} <= FULL.resources.keys()
    for name in functions:
        policy = FULL.resources[f"{name}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert policy["BeforeAllowTrafficHook"] == {"Ref": "SmokeFunction"}


def test_codedeploy_may_call_the_smoke_function_and_it_may_call_versions_of_the_stack_only() -> None:
    smoke = FULL.of("AWS::Lambda::Function")["SmokeFunction"]
    resources = [r for name, one in policies(FULL) if name == "SmokeFunctionRole" for r in as_list(one["Resource"])]

    assert smoke["FunctionName"]["Fn::Sub"].startswith("CodeDeployHook_")
    assert all("${AWS::StackName}-" in resource["Fn::Sub"] for resource in resources)


def test_without_canary_nothing_of_it_is_made() -> None:
    assert "SmokeFunction" not in BARE.resources
    assert not {kind for kind in BARE.kinds() if "CodeDeploy" in kind}


def test_functions_start_from_snapshots_only_when_asked() -> None:
    assert all(p["SnapStart"] == {"ApplyOn": "PublishedVersions"} for p in FULL.of("AWS::Lambda::Function").values())
    assert not any("SnapStart" in p for p in BARE.of("AWS::Lambda::Function").values())


def test_layer_and_functions_are_of_one_architecture() -> None:
    for stack, architecture in ((FULL, "arm64"), (BARE, "x86_64")):
        (layer,) = stack.of("AWS::Lambda::LayerVersion").values()
        assert layer["CompatibleArchitectures"] == [architecture]
        assert all(p["Architectures"] == [architecture] for p in stack.of("AWS::Lambda::Function").values())
    metadata = BARE.source["Resources"]["SharedLayer"]["Metadata"]
    assert metadata["BuildArchitecture"] == {"Ref": "Architecture"}


def test_traces_are_taken_only_when_asked() -> None:
    assert all(p["TracingConfig"] == {"Mode": "Active"} for p in FULL.of("AWS::Lambda::Function").values())
    assert not any("TracingConfig" in p for p in BARE.of("AWS::Lambda::Function").values())


LOGINS = {"scheduler_app": "ConnectAsApp", "scheduler_worker": "ConnectAsWorker", "scheduler_relay": "ConnectAsRelay"}


@every(MADE)
def test_a_function_logs_in_by_iam_as_its_own_role_and_may_as_no_other(stack: Planned) -> None:
    for name, properties in stack.of("AWS::Lambda::Function").items():
        role = stack.of("AWS::IAM::Role")[reference(properties["Role"])]
        attached = {reference(one) for one in role["ManagedPolicyArns"] if isinstance(one, dict)}
        variables = properties["Environment"]["Variables"]
        if name == "MigrateFunction":
            assert "ReadDatabaseSecret" in attached
            assert not attached & set(LOGINS.values())
            assert variables["DB_HOST"] == {"Fn::GetAtt": ["Database", "Endpoint.Address"]}
        elif name not in {"ConsoleFunction", "SmokeFunction"}:
            assert variables["DB_IAM_AUTH"] == "true"
            assert variables["DB_SECRET_ID"] == ""
            assert attached & set(LOGINS.values()) == {LOGINS[variables["DB_USER"]]}, name
            assert "ReadDatabaseSecret" not in attached


def test_logins_are_for_the_database_or_the_proxy_of_the_stack() -> None:
    def named(stack: Planned) -> set[str]:
        resources = [one["Resource"] for name, one in policies(stack) if name in LOGINS.values()]
        return {json.dumps(resource["Fn::Sub"][1]["Id"]) for resource in resources}

    assert named(BARE) == {json.dumps({"Fn::GetAtt": ["Database", "DBClusterResourceId"]})}
    (through_proxy,) = named(FULL)
    assert "DatabaseProxy" in through_proxy


def test_a_proxy_takes_tls_only_and_logs_in_by_iam_itself() -> None:
    (proxy,) = FULL.of("AWS::RDS::DBProxy").values()

    assert (proxy["RequireTLS"], proxy["DefaultAuthScheme"]) == (True, "IAM_AUTH")
    variables = FULL.of("AWS::Lambda::Function")["AllocateFunction"]["Environment"]["Variables"]
    assert variables["DB_HOST"] == {"Fn::GetAtt": ["DatabaseProxy", "Endpoint"]}
    assert BARE.of("AWS::RDS::DBProxy") == {}
