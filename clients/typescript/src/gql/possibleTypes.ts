
      export type PossibleTypesResultData = {
  "possibleTypes": {
    "Node": [
      "Account",
      "ApiKey",
      "AuditEvent",
      "CreditGrant",
      "CreditHold",
      "CreditTransaction",
      "Device",
      "Impersonation",
      "Industry",
      "IndustrySector",
      "Invitation",
      "Invoice",
      "Payment",
      "Plan",
      "Receipt",
      "Sector",
      "Site",
      "StripeEvent",
      "Subscription",
      "SubscriptionPeriod",
      "SyncEvent",
      "User"
    ],
    "UserError": [
      "BudgetExceededError",
      "InputError",
      "InsufficientCreditsError",
      "PlanLimitError"
    ]
  }
};
      const result: PossibleTypesResultData = {
  "possibleTypes": {
    "Node": [
      "Account",
      "ApiKey",
      "AuditEvent",
      "CreditGrant",
      "CreditHold",
      "CreditTransaction",
      "Device",
      "Impersonation",
      "Industry",
      "IndustrySector",
      "Invitation",
      "Invoice",
      "Payment",
      "Plan",
      "Receipt",
      "Sector",
      "Site",
      "StripeEvent",
      "Subscription",
      "SubscriptionPeriod",
      "SyncEvent",
      "User"
    ],
    "UserError": [
      "BudgetExceededError",
      "InputError",
      "InsufficientCreditsError",
      "PlanLimitError"
    ]
  }
};
      export default result;
    