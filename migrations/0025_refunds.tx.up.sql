-- Refunds: money that goes back, with compensating lines and never an edit; and the credits that were spent of it.

-- How many credits were spent of what was refunded since: what is granted next pays it first.
alter table igny8_credit_accounts add column debt bigint not null default 0 check (debt >= 0);
-- What a command was answered is replayed whole.
alter table igny8_credit_requests add column debt bigint not null default 0;
alter table igny8_credit_transactions drop constraint igny8_credit_transactions_type_check;
alter table igny8_credit_transactions add constraint igny8_credit_transactions_type_check
    check (type in ('trial', 'subscription', 'purchase', 'promotion', 'refund', 'deduction', 'expiration', 'adjustment', 'opening',
                    'reversal', 'debt'));
alter table igny8_credit_transactions drop constraint igny8_credit_transactions_check;
alter table igny8_credit_transactions add constraint igny8_credit_transactions_check
    check ((type in ('deduction', 'reversal', 'debt')) = (amount < 0) or type in ('expiration', 'adjustment'));
-- Each change of a debt: what a refund left, and what a grant paid of it.
create table igny8_credit_debts (
    tenant_id      bigint not null,
    id             bigserial,
    amount         bigint not null check (amount <> 0),
    debt_after     bigint not null check (debt_after >= 0),
    payment_id     bigint,
    transaction_id bigint,
    created_at     timestamptz not null,
    constraint igny8_credit_debts_pkey primary key (tenant_id, id),
    constraint igny8_credit_debts_why_check check (case when amount > 0 then payment_id is not null else transaction_id is not null end)
);
alter table igny8_credit_debts add constraint igny8_credit_debts_account_fkey foreign key (tenant_id)
    references igny8_credit_accounts (tenant_id);
alter table igny8_credit_debts add constraint igny8_credit_debts_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);
alter table igny8_credit_debts add constraint igny8_credit_debts_transaction_fkey foreign key (tenant_id, transaction_id)
    references igny8_credit_transactions (tenant_id, id);

-- refunded is what went back of a payment: of the money, and with what came back to the account's balance.
alter table igny8_payments add column refunded_minor bigint not null default 0 check (refunded_minor >= 0);
alter table igny8_payments add constraint igny8_payments_refunded_check check (refunded_minor <= amount_minor + applied_minor);

-- Why is said by the credit note.
create table igny8_refunds (
    tenant_id      bigint not null,
    id             bigserial,
    payment_id     bigint not null,
    credit_note_id bigint not null,
    amount_minor   bigint not null check (amount_minor >= 0),
    balance_minor  bigint not null check (balance_minor >= 0),
    currency       text not null check (currency ~ '^[A-Z]{3}$'),
    ended_time     boolean not null,
    credits_taken  bigint not null check (credits_taken >= 0),
    credits_owed   bigint not null check (credits_owed >= 0),
    created_by     bigint,
    created_at     timestamptz not null,
    constraint igny8_refunds_pkey primary key (tenant_id, id),
    constraint igny8_refunds_note_key unique (tenant_id, credit_note_id)
);
alter table igny8_refunds add constraint igny8_refunds_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);
alter table igny8_refunds add constraint igny8_refunds_note_fkey foreign key (tenant_id, credit_note_id)
    references igny8_invoices (tenant_id, id);

do $$
declare
    name text;
begin
    foreach name in array array['igny8_credit_debts', 'igny8_refunds'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
    end loop;
end $$;
create policy staff on igny8_refunds for select using (current_setting('app.staff', true) = 'on');
grant select, insert on igny8_credit_debts, igny8_refunds to igny8_app;
grant usage on sequence igny8_credit_debts_id_seq, igny8_refunds_id_seq to igny8_app;
