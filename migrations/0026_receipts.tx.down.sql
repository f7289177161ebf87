drop function igny8_purge_receipts(bigint);
drop index igny8_payments_status_asked_idx, igny8_payments_status_queue_idx, igny8_payments_asked_idx, igny8_payments_queue_idx;
create index igny8_payments_pending_idx on igny8_payments (created_at, id) where status = 'pending';
alter table igny8_payments drop column queue_later, drop column queue_at, drop column held_minor, drop column held_since;
drop table igny8_payment_approvals, igny8_receipts;
