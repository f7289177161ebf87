-- The life of an agreement: plans that change, periods that begin and end by themselves, what the account has
-- in money with us, and when something falls due next.

-- What is due: one instant an account, written with every change of what decides it, so that looking for accounts
-- with something to do is one index. pending_plan_id is the plan that follows what is paid for; null: the same.
-- agreed_minor is what a month costs where staff agreed on it; null: the catalogue's price.
alter table igny8_subscriptions add column due_at timestamptz;
alter table igny8_subscriptions add column pending_plan_id bigint;
alter table igny8_subscriptions add column agreed_minor bigint check (agreed_minor >= 0);
alter table igny8_subscriptions add column agreed_currency text check (agreed_currency ~ '^[A-Z]{3}$');
alter table igny8_subscriptions add column cancelled_at timestamptz;
alter table igny8_subscriptions
    add constraint igny8_subscriptions_agreed_check check ((agreed_minor is null) = (agreed_currency is null));
alter table igny8_subscriptions
    add constraint igny8_subscriptions_pending_plan_fkey foreign key (pending_plan_id) references igny8_plans (id);
create index igny8_subscriptions_due_idx on igny8_subscriptions (due_at) where due_at is not null;

-- price_minor is what was paid for this very period, without tax: the parts of a period that was split add up
-- to what the whole one cost. begun_at is when that was done which happens as it begins: plan and credits.
alter table igny8_subscription_periods add column price_minor bigint not null default 0 check (price_minor >= 0);
alter table igny8_subscription_periods add column begun_at timestamptz;
-- What staff assigned has a payment where it has a price, and holds before that is made.
alter table igny8_subscription_periods drop constraint igny8_subscription_periods_check2;
alter table igny8_subscription_periods add constraint igny8_subscription_periods_check2
    check (case kind when 'paid' then payment_id is not null when 'assigned' then true else payment_id is null end);
-- A period that has not begun may be given up again, when what was paid for it is credited.
grant delete on igny8_subscription_periods to igny8_app;

-- The sum to pay is the net price, less what is credited of an earlier one, with tax, less what the account has
-- with us. The parts stand beside the sum, so that an invoice can say them.
alter table igny8_payments drop constraint igny8_payments_status_check;
alter table igny8_payments add constraint igny8_payments_status_check
    check (status in ('pending', 'confirmed', 'rejected', 'expired', 'withdrawn', 'refunded', 'disputed'));
alter table igny8_payments add column purpose text not null default 'periods'
    check (purpose in ('periods', 'upgrade', 'assignment'));
alter table igny8_payments add column net_minor bigint check (net_minor >= 0);
alter table igny8_payments add column credited_minor bigint not null default 0 check (credited_minor >= 0);
alter table igny8_payments add column tax_minor bigint not null default 0 check (tax_minor >= 0);
alter table igny8_payments add column applied_minor bigint not null default 0 check (applied_minor >= 0);

-- What an account has with us in money, e.g. of a price whose unused part was credited: a ledger too.
create table igny8_balance_transactions (
    tenant_id     bigint not null,
    id            bigserial,
    seq           bigint not null check (seq > 0),
    type          text not null check (type in ('excess', 'unused', 'applied', 'returned', 'refund', 'adjustment')),
    amount_minor  bigint not null check (amount_minor <> 0),
    balance_after bigint not null check (balance_after >= 0),
    currency      text not null check (currency ~ '^[A-Z]{3}$'),
    payment_id    bigint,
    description   text not null default '',
    created_at    timestamptz not null,
    constraint igny8_balance_transactions_pkey primary key (tenant_id, id),
    constraint igny8_balance_transactions_seq_key unique (tenant_id, seq)
);
alter table igny8_balance_transactions
    add constraint igny8_balance_transactions_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
alter table igny8_balance_transactions
    add constraint igny8_balance_transactions_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);

-- Letters that fall due are written once: what a row names was told.
create table igny8_billing_notices (
    tenant_id  bigint not null,
    kind       text not null check (kind in ('trial_7', 'trial_3', 'trial_1', 'renewal')),
    for_at     timestamptz not null,
    created_at timestamptz not null,
    constraint igny8_billing_notices_pkey primary key (tenant_id, kind, for_at)
);
alter table igny8_billing_notices
    add constraint igny8_billing_notices_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);

do $$
declare
    name text;
begin
    foreach name in array array['igny8_balance_transactions', 'igny8_billing_notices'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
    end loop;
end $$;
create policy staff on igny8_balance_transactions for select using (current_setting('app.staff', true) = 'on');
grant select, insert on igny8_balance_transactions, igny8_billing_notices to igny8_app;
grant usage on sequence igny8_balance_transactions_id_seq to igny8_app;

-- What is there already. The owner, who is bound by row-level security too, sees it all while that is not forced.
alter table igny8_payments no force row level security;
alter table igny8_subscriptions no force row level security;
alter table igny8_subscription_periods no force row level security;
alter table igny8_invoice_lines no force row level security;
alter table igny8_invoices no force row level security;
alter table igny8_credit_grants no force row level security;
update igny8_payments set net_minor = amount_minor;
update igny8_subscription_periods as period
set price_minor = line.amount_minor
from igny8_invoices as invoice
join igny8_invoice_lines as line on line.tenant_id = invoice.tenant_id and line.invoice_id = invoice.id
where invoice.tenant_id = period.tenant_id and invoice.payment_id = period.payment_id
  and line.period_start = period.start_at;
-- A paid period that runs and has no credits yet gets them at the next look; one that is over gets none late.
update igny8_subscription_periods as period
set begun_at = greatest(start_at, created_at)
where kind <> 'paid'
   or end_at <= now()
   or start_at <= now() and exists (select from igny8_credit_grants as granted
                                    where granted.tenant_id = period.tenant_id and granted.period_id = period.id);
-- The first look finds out what falls due for each account, and when.
update igny8_subscriptions set due_at = now();
alter table igny8_payments force row level security;
alter table igny8_subscriptions force row level security;
alter table igny8_subscription_periods force row level security;
alter table igny8_invoice_lines force row level security;
alter table igny8_invoices force row level security;
alter table igny8_credit_grants force row level security;

alter table igny8_payments alter column net_minor set not null;
alter table igny8_payments drop constraint igny8_payments_amount_minor_check;
alter table igny8_payments add constraint igny8_payments_amount_check
    check (amount_minor >= 0 and amount_minor = net_minor - credited_minor + tax_minor - applied_minor);
drop index igny8_subscription_periods_due_idx;
