-- Refunds of large sums take two members of staff, as confirmations do.

-- What a member of staff said of a refund: whether the time that the payment pays for ends with it, and what had gone back of the
-- payment before. Once more has gone back, what was said before is of another refund and counts no more.
alter table igny8_payment_approvals add column ends_time boolean;
alter table igny8_payment_approvals add column refunded_minor bigint check (refunded_minor >= 0);
alter table igny8_payment_approvals drop constraint igny8_payment_approvals_kind_check;
alter table igny8_payment_approvals add constraint igny8_payment_approvals_kind_check
    check (kind in ('confirmation', 'credit', 'return', 'refund'));
alter table igny8_payment_approvals drop constraint igny8_payment_approvals_facts_check;
alter table igny8_payment_approvals add constraint igny8_payment_approvals_facts_check check (case kind
    when 'confirmation' then receipt_id is null and external_id is not null and received_on is not null
    when 'refund' then receipt_id is null and external_id is null and received_on is null
    else receipt_id is not null and received_on is null end);
alter table igny8_payment_approvals add constraint igny8_payment_approvals_refund_check
    check ((kind = 'refund') = (ends_time is not null) and (kind = 'refund') = (refunded_minor is not null));
