
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
      "Sector",
      "Site",
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
      "Sector",
      "Site",
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
    