delete from igny8_payment_approvals where kind = 'refund';
alter table igny8_payment_approvals drop constraint igny8_payment_approvals_refund_check;
alter table igny8_payment_approvals drop constraint igny8_payment_approvals_facts_check;
alter table igny8_payment_approvals add constraint igny8_payment_approvals_facts_check check (case kind
    when 'confirmation' then receipt_id is null and external_id is not null and received_on is not null
    else receipt_id is not null and received_on is null end);
alter table igny8_payment_approvals drop constraint igny8_payment_approvals_kind_check;
alter table igny8_payment_approvals add constraint igny8_payment_approvals_kind_check
    check (kind in ('confirmation', 'credit', 'return'));
alter table igny8_payment_approvals drop column refunded_minor, drop column ends_time;
