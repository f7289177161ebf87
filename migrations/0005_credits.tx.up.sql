-- Credits: grants, the ledger, and what operations cost.

-- The one row that every movement of an account's credits locks. balance is the sum of the ledger
-- and of what is left on the grants; last_seq is the newest line's seq.
create table igny8_credit_accounts (
    tenant_id bigint primary key,
    balance   bigint not null default 0 check (balance >= 0),
    held      bigint not null default 0 check (held >= 0),
    last_seq  bigint not null default 0 check (last_seq >= 0),
    constraint igny8_credit_accounts_available_check check (held <= balance)
) with (fillfactor = 70);
alter table igny8_credit_accounts
    add constraint igny8_credit_accounts_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);

create table igny8_credit_grants (
    tenant_id  bigint not null,
    id         bigserial,
    kind       text not null
               check (kind in ('trial', 'subscription', 'purchase', 'promotion', 'refund', 'adjustment', 'opening')),
    amount     bigint not null check (amount > 0),
    remaining  bigint not null,
    -- Lower burns first.
    priority   integer not null,
    period_id  bigint,
    payment_id bigint,
    granted_at timestamptz not null,
    expires_at timestamptz,
    primary key (tenant_id, id),
    check (remaining between 0 and amount),
    check (expires_at > granted_at)
);
alter table igny8_credit_grants
    add constraint igny8_credit_grants_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
alter table igny8_credit_grants
    add constraint igny8_credit_grants_period_fkey foreign key (tenant_id, period_id)
    references igny8_subscription_periods (tenant_id, id);
alter table igny8_credit_grants
    add constraint igny8_credit_grants_payment_fkey foreign key (tenant_id, payment_id)
    references igny8_payments (tenant_id, id);
-- One plan's grant a period.
create unique index igny8_credit_grants_period_key
    on igny8_credit_grants (tenant_id, period_id) where period_id is not null;
create index igny8_credit_grants_burn_idx
    on igny8_credit_grants (tenant_id, priority, expires_at, granted_at, id) where remaining > 0;

create table igny8_credit_transactions (
    tenant_id       bigint not null,
    id              bigserial,
    seq             bigint not null check (seq > 0),
    type            text not null
                    check (type in ('trial', 'subscription', 'purchase', 'promotion', 'refund', 'deduction',
                                    'expiration', 'adjustment', 'opening')),
    amount          bigint not null check (amount <> 0),
    balance_after   bigint not null check (balance_after >= 0),
    operation       text check (operation in ('clustering', 'idea_generation', 'content_generation',
                                              'image_generation', 'image_prompt_extraction')),
    quantity        bigint check (quantity > 0),
    site_id         bigint,
    description     text not null default '',
    metadata        jsonb not null default '{}',
    actor_kind      text not null check (actor_kind in ('user', 'staff', 'api_key', 'system')),
    actor_id        bigint,
    idempotency_key text not null,
    created_at      timestamptz not null,
    primary key (tenant_id, id),
    constraint igny8_credit_transactions_seq_key unique (tenant_id, seq),
    constraint igny8_credit_transactions_idempotency_key unique (tenant_id, idempotency_key),
    check ((type = 'deduction') = (amount < 0) or type in ('expiration', 'adjustment')),
    check (type <> 'expiration' or amount < 0)
);
alter table igny8_credit_transactions
    add constraint igny8_credit_transactions_account_fkey foreign key (tenant_id)
    references igny8_credit_accounts (tenant_id);
alter table igny8_credit_transactions
    add constraint igny8_credit_transactions_site_fkey foreign key (tenant_id, site_id)
    references igny8_sites (tenant_id, id);

-- Which grants a line touched, and by how much: the parts of a line add up to its amount.
create table igny8_credit_transaction_grants (
    tenant_id      bigint not null,
    transaction_id bigint not null,
    grant_id       bigint not null,
    amount         bigint not null check (amount <> 0),
    primary key (tenant_id, transaction_id, grant_id)
);
alter table igny8_credit_transaction_grants
    add constraint igny8_credit_transaction_grants_transaction_fkey foreign key (tenant_id, transaction_id)
    references igny8_credit_transactions (tenant_id, id);
alter table igny8_credit_transaction_grants
    add constraint igny8_credit_transaction_grants_grant_fkey foreign key (tenant_id, grant_id)
    references igny8_credit_grants (tenant_id, id);

-- What an operation costs from an instant on: credits for each started unit of so many.
create table igny8_credit_cost_config (
    id             bigserial primary key,
    operation      text not null check (operation in ('clustering', 'idea_generation', 'content_generation',
                                                      'image_generation', 'image_prompt_extraction')),
    credits        bigint not null check (credits > 0),
    unit_size      bigint not null default 1 check (unit_size > 0),
    effective_from timestamptz not null,
    created_at     timestamptz not null default now(),
    constraint igny8_credit_cost_config_effective_key unique (operation, effective_from)
);

grant select, insert, update on igny8_credit_accounts, igny8_credit_grants to igny8_app;
-- A ledger line is never changed and never removed.
grant select, insert on igny8_credit_transactions, igny8_credit_transaction_grants to igny8_app;
grant select on igny8_credit_cost_config to igny8_app;
grant usage on sequence igny8_credit_grants_id_seq, igny8_credit_transactions_id_seq to igny8_app;
