create index igny8_subscription_periods_due_idx on igny8_subscription_periods (end_at) where kind = 'paid';
alter table igny8_payments drop constraint igny8_payments_amount_check;
alter table igny8_payments add constraint igny8_payments_amount_minor_check check (amount_minor > 0);
revoke delete on igny8_subscription_periods from igny8_app;
alter table igny8_subscription_periods drop constraint igny8_subscription_periods_check2;
alter table igny8_subscription_periods add constraint igny8_subscription_periods_check2
    check ((kind = 'paid') = (payment_id is not null));
alter table igny8_payments drop constraint igny8_payments_status_check;
alter table igny8_payments add constraint igny8_payments_status_check
    check (status in ('pending', 'confirmed', 'rejected', 'expired', 'refunded', 'disputed'));
drop table igny8_billing_notices, igny8_balance_transactions;
alter table igny8_payments drop column purpose, drop column net_minor, drop column credited_minor, drop column tax_minor,
    drop column applied_minor;
alter table igny8_subscription_periods drop column price_minor, drop column begun_at;
alter table igny8_subscriptions drop column due_at, drop column pending_plan_id, drop column agreed_minor,
    drop column agreed_currency, drop column cancelled_at;
