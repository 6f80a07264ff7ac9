"""What the circuits are called: in Redis, in logs, and where health is told."""

USER_SERVICE = "user-service"
USER_SERVICE_USAGE = "user-service-usage"
BILLING_SERVICE = "billing-service"
BILLING_SERVICE_METERING = "billing-service-metering"
NOTIFICATION_SERVICE = "notification-service"
