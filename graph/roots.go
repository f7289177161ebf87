package graph

// Each noun has its resolvers in a file of its own; these types only tell gqlgen where they are.
type (
	accountResolver            struct{ *Resolver }
	actorResolver              struct{ *Resolver }
	creditTransactionResolver  struct{ *Resolver }
	creditsResolver            struct{ *Resolver }
	industryResolver           struct{ *Resolver }
	industrySectorResolver     struct{ *Resolver }
	invoiceResolver            struct{ *Resolver }
	mutationResolver           struct{ *Resolver }
	paymentResolver            struct{ *Resolver }
	queryResolver              struct{ *Resolver }
	sectorResolver             struct{ *Resolver }
	siteResolver               struct{ *Resolver }
	subscriptionResolver       struct{ *Resolver }
	subscriptionPeriodResolver struct{ *Resolver }
)

// What gqlgen asks for the resolvers of each type.
func (r *Resolver) Account() AccountResolver { return &accountResolver{r} }
func (r *Resolver) Actor() ActorResolver     { return &actorResolver{r} }
func (r *Resolver) CreditTransaction() CreditTransactionResolver {
	return &creditTransactionResolver{r}
}
func (r *Resolver) Credits() CreditsResolver               { return &creditsResolver{r} }
func (r *Resolver) Industry() IndustryResolver             { return &industryResolver{r} }
func (r *Resolver) IndustrySector() IndustrySectorResolver { return &industrySectorResolver{r} }
func (r *Resolver) Invoice() InvoiceResolver               { return &invoiceResolver{r} }
func (r *Resolver) Mutation() MutationResolver             { return &mutationResolver{r} }
func (r *Resolver) Payment() PaymentResolver               { return &paymentResolver{r} }
func (r *Resolver) Query() QueryResolver                   { return &queryResolver{r} }
func (r *Resolver) Sector() SectorResolver                 { return &sectorResolver{r} }
func (r *Resolver) Site() SiteResolver                     { return &siteResolver{r} }
func (r *Resolver) Subscription() SubscriptionResolver     { return &subscriptionResolver{r} }
func (r *Resolver) SubscriptionPeriod() SubscriptionPeriodResolver {
	return &subscriptionPeriodResolver{r}
}
