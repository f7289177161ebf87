drop table igny8_stripe_drifts;
drop table igny8_stripe_pushes;
drop table igny8_stripe_refunds;
drop table igny8_stripe_invoices;
drop table igny8_stripe_subscriptions;
drop table igny8_stripe_checkouts;
drop table igny8_stripe_customers;
drop table igny8_stripe_events;
