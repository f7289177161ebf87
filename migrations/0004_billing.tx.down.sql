drop table igny8_idempotency_keys;
drop table igny8_invoice_lines;
drop table igny8_invoices;
drop table igny8_invoice_numbers;
drop table igny8_subscription_periods;
drop table igny8_external_payments;
drop table igny8_payments;
drop table igny8_subscriptions;
drop extension if exists btree_gist;
