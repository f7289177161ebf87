drop table igny8_refunds;
alter table igny8_payments drop column refunded_minor;
drop table igny8_credit_debts;
alter table igny8_credit_transactions drop constraint igny8_credit_transactions_type_check;
alter table igny8_credit_transactions add constraint igny8_credit_transactions_type_check
    check (type in ('trial', 'subscription', 'purchase', 'promotion', 'refund', 'deduction', 'expiration', 'adjustment', 'opening'));
alter table igny8_credit_transactions drop constraint igny8_credit_transactions_check;
alter table igny8_credit_transactions add constraint igny8_credit_transactions_check
    check ((type = 'deduction') = (amount < 0) or type in ('expiration', 'adjustment'));
alter table igny8_credit_requests drop column debt;
alter table igny8_credit_accounts drop column debt;
