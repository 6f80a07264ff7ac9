"""Give the emulated HTTP API the routes of template.yaml: MiniStack does not import its generated OpenAPI body."""

from collections.abc import Iterable

from tools.region import cloud
from tools.region.deploy import Stack
from tools.region.issuer import AUDIENCE
from tools.region.layout import AWS_REGION
from tools.region.template import Route

_API = "SchedulerApi"
_ACCOUNT = "000000000000"


def create(stack: Stack, routes: Iterable[Route], issuer_url: str, port: int) -> str:
    """Create authorizer, integrations and routes, and return the id of the API."""
    api = cloud.client("apigatewayv2", port)
    api_id = stack.physical[_API]
    authorizer = api.create_authorizer(
        ApiId=api_id,
        Name="Jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer_url, "Audience": [AUDIENCE]},
    )["AuthorizerId"]
    integrations: dict[str, str] = {}
    for route in routes:
        if route.function not in integrations:
            integrations[route.function] = api.create_integration(
                ApiId=api_id,
                IntegrationType="AWS_PROXY",
                IntegrationUri=f"arn:aws:lambda:{AWS_REGION}:{_ACCOUNT}:function:{stack.physical[route.function]}",
                PayloadFormatVersion="2.0",
            )["IntegrationId"]
        guard = {"AuthorizationType": "JWT", "AuthorizerId": authorizer} if route.needs_token else {}
        api.create_route(
            ApiId=api_id,
            RouteKey=f"{route.method} {route.path}",
            Target=f"integrations/{integrations[route.function]}",
            **guard,
        )
    return api_id
