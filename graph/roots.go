package graph

// Each noun has its resolvers in a file of its own; these types only tell gqlgen where they are.
type (
	accountResolver            struct{ *Resolver }
	actorResolver              struct{ *Resolver }
	apiKeyResolver             struct{ *Resolver }
	auditEventResolver         struct{ *Resolver }
	deviceResolver             struct{ *Resolver }
	invitationResolver         struct{ *Resolver }
	viewerResolver             struct{ *Resolver }
	creditHoldResolver         struct{ *Resolver }
	creditTransactionResolver  struct{ *Resolver }
	creditUsageResolver        struct{ *Resolver }
	creditsResolver            struct{ *Resolver }
	industryResolver           struct{ *Resolver }
	industrySectorResolver     struct{ *Resolver }
	invoiceResolver            struct{ *Resolver }
	liveEventsResolver         struct{ *Resolver }
	mutationResolver           struct{ *Resolver }
	paymentResolver            struct{ *Resolver }
	paymentApprovalResolver    struct{ *Resolver }
	receiptResolver            struct{ *Resolver }
	queryResolver              struct{ *Resolver }
	sectorResolver             struct{ *Resolver }
	siteResolver               struct{ *Resolver }
	stripeDriftResolver        struct{ *Resolver }
	stripePushResolver         struct{ *Resolver }
	stripeEventResolver        struct{ *Resolver }
	subscriptionResolver       struct{ *Resolver }
	subscriptionPeriodResolver struct{ *Resolver }
	planChangeResolver         struct{ *Resolver }
)

// Account has the resolvers of its type.
func (r *Resolver) Account() AccountResolver { return &accountResolver{r} }

// Actor has the resolvers of its type.
func (r *Resolver) Actor() ActorResolver { return &actorResolver{r} }

// CreditHold has the resolvers of its type.
func (r *Resolver) CreditHold() CreditHoldResolver { return &creditHoldResolver{r} }

// CreditTransaction has the resolvers of its type.
func (r *Resolver) CreditTransaction() CreditTransactionResolver {
	return &creditTransactionResolver{r}
}

// CreditUsage has the resolvers of its type.
func (r *Resolver) CreditUsage() CreditUsageResolver { return &creditUsageResolver{r} }

// Credits has the resolvers of its type.
func (r *Resolver) Credits() CreditsResolver { return &creditsResolver{r} }

// Industry has the resolvers of its type.
func (r *Resolver) Industry() IndustryResolver { return &industryResolver{r} }

// IndustrySector has the resolvers of its type.
func (r *Resolver) IndustrySector() IndustrySectorResolver { return &industrySectorResolver{r} }

// Invoice has the resolvers of its type.
func (r *Resolver) Invoice() InvoiceResolver { return &invoiceResolver{r} }

// LiveEvents has the resolvers of its type.
func (r *Resolver) LiveEvents() LiveEventsResolver { return &liveEventsResolver{r} }

// Mutation has the resolvers of its type.
func (r *Resolver) Mutation() MutationResolver { return &mutationResolver{r} }

// Payment has the resolvers of its type.
func (r *Resolver) Payment() PaymentResolver { return &paymentResolver{r} }

// PaymentApproval has the resolvers of its type.
func (r *Resolver) PaymentApproval() PaymentApprovalResolver { return &paymentApprovalResolver{r} }

// Receipt has the resolvers of its type.
func (r *Resolver) Receipt() ReceiptResolver { return &receiptResolver{r} }

// Query has the resolvers of its type.
func (r *Resolver) Query() QueryResolver { return &queryResolver{r} }

// Sector has the resolvers of its type.
func (r *Resolver) Sector() SectorResolver { return &sectorResolver{r} }

// Site has the resolvers of its type.
func (r *Resolver) Site() SiteResolver { return &siteResolver{r} }

// StripeEvent has the resolvers of its type.
func (r *Resolver) StripeEvent() StripeEventResolver { return &stripeEventResolver{r} }

// StripeDrift has the resolvers of its type.
func (r *Resolver) StripeDrift() StripeDriftResolver { return &stripeDriftResolver{r} }

// StripePush has the resolvers of its type.
func (r *Resolver) StripePush() StripePushResolver { return &stripePushResolver{r} }

// Subscription has the resolvers of its type.
func (r *Resolver) Subscription() SubscriptionResolver { return &subscriptionResolver{r} }

// PlanChange has the resolvers of its type.
func (r *Resolver) PlanChange() PlanChangeResolver { return &planChangeResolver{r} }

// SubscriptionPeriod has the resolvers of its type.
func (r *Resolver) SubscriptionPeriod() SubscriptionPeriodResolver {
	return &subscriptionPeriodResolver{r}
}

// ApiKey has the resolvers of its type.
func (r *Resolver) ApiKey() ApiKeyResolver { return &apiKeyResolver{r} } //nolint:revive,staticcheck // gqlgen names it

// AuditEvent has the resolvers of its type.
func (r *Resolver) AuditEvent() AuditEventResolver { return &auditEventResolver{r} }

// Device has the resolvers of its type.
func (r *Resolver) Device() DeviceResolver { return &deviceResolver{r} }

// Invitation has the resolvers of its type.
func (r *Resolver) Invitation() InvitationResolver { return &invitationResolver{r} }

// Viewer has the resolvers of its type.
func (r *Resolver) Viewer() ViewerResolver { return &viewerResolver{r} }
